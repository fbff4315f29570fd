"""Reads a point's streams ahead of their use, in a thread: inflates, and hashes the entries."""

from __future__ import annotations

import hashlib
import queue
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from holdfast.model.errors import Damaged
from holdfast.model.point import Entry
from holdfast.repository.points.content import EntrySource, StreamSource

#: Pieces (of about a MiB) that wait between reading and writing.
WAITING = 6


@dataclass
class FedStream:
    """A stream on its way: take all its `pieces`, then its `entries` are known."""

    source: StreamSource
    pieces: Iterator[bytes]
    entries: tuple[Entry, ...] = ()


class Feed:
    """Iterate it once: streams in order, each with pieces in order. Use as a context manager, so that its thread ends."""

    def __init__(self, streams: Sequence[StreamSource]) -> None:
        self._streams = streams
        # A piece; or entries, which end a stream; or an error, which ends it all.
        self._queue: queue.Queue[bytes | tuple[Entry, ...] | BaseException] = queue.Queue(WAITING)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="read entries", daemon=True)

    def __enter__(self) -> Feed:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        while self._thread.is_alive():
            try:
                self._queue.get(timeout=0.05)
            except queue.Empty:
                continue

    def __iter__(self) -> Iterator[FedStream]:
        for source in self._streams:
            fed = FedStream(source, iter(()))
            fed.pieces = self._pieces(fed)
            yield fed

    def _pieces(self, fed: FedStream) -> Iterator[bytes]:
        while True:
            item = self._queue.get()
            if isinstance(item, BaseException):
                raise item
            if isinstance(item, tuple):
                fed.entries = item
                return
            yield item

    def _run(self) -> None:
        try:
            for source in self._streams:
                self._queue.put(tuple(self._entry(entry) for entry in source.entries))
        except _Stopped:
            return
        except BaseException as error:  # noqa: BLE001 (raised again by the one who iterates)
            self._queue.put(error)

    def _entry(self, source: EntrySource) -> Entry:
        digest = hashlib.sha256()
        length = 0
        for piece in source.read():
            if self._stop.is_set():
                raise _Stopped
            digest.update(piece)
            length += len(piece)
            self._queue.put(piece)
        sha256 = digest.hexdigest()
        if length != source.length or (source.sha256 is not None and source.sha256 != sha256):
            raise Damaged(f"{source.name}: what was read is not what it should be")
        return Entry(name=source.name, bytes=length, sha256=sha256)


class _Stopped(Exception):
    pass
