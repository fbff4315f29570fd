"""Reads a point's streams ahead of their use, in a thread: inflates, hashes the entries, has the rows counted."""

from __future__ import annotations

import hashlib
import queue
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from holdfast.bacpac.columns import RowsNotDecodable
from holdfast.model.errors import Damaged
from holdfast.model.point import Entry
from holdfast.repository.content import EntrySource, RowsCounted, StreamSource, TableSource

#: Pieces (of about a MiB) that wait between reading and cutting, and between reading and counting.
WAITING = 6


@dataclass
class FedStream:
    """A stream on its way: take all its `pieces`, then its facts are known."""

    source: StreamSource
    pieces: Iterator[bytes]
    facts: StreamFacts = field(default_factory=lambda: StreamFacts((), None))


@dataclass(frozen=True)
class StreamFacts:
    """What is known of a stream once it was read."""

    entries: tuple[Entry, ...]
    rows: Future[int | None] | None  # None: the stream is no table's


class _RowStage:
    """Counts one table's rows in the counting thread. At most WAITING pieces wait for it."""

    def __init__(self, table: TableSource, pool: ThreadPoolExecutor) -> None:
        self._pool = pool
        self._room = threading.Semaphore(WAITING)
        self._counter: RowsCounted | None = None
        self._known = table.rows
        self._make = table.count
        self._rows: Future[int | None] = Future()
        if self._make is None:
            self._rows.set_result(self._known)
        else:
            pool.submit(self._begin)

    def feed(self, piece: bytes) -> None:
        if self._make is not None:
            self._room.acquire()
            self._pool.submit(self._feed, piece)

    def finish(self) -> Future[int | None]:
        if self._make is not None:
            self._pool.submit(self._finish)
        return self._rows

    def _begin(self) -> None:
        try:
            self._counter = self._make() if self._make else None
        except RowsNotDecodable:
            self._counter = None

    def _feed(self, piece: bytes) -> None:
        try:
            if self._counter is not None:
                self._counter.feed(piece)
        except RowsNotDecodable:
            self._counter = None  # the table's rows stay unknown; its bytes are stored all the same
        except BaseException as error:  # noqa: BLE001 (whatever it is, the one who asks for the rows must see it)
            self._counter = None
            self._rows.set_exception(error)
        finally:
            self._room.release()

    def _finish(self) -> None:
        if self._rows.done():
            return
        try:
            self._rows.set_result(None if self._counter is None else self._counter.finish())
        except RowsNotDecodable:
            self._rows.set_result(None)
        except BaseException as error:  # noqa: BLE001 (as above)
            self._rows.set_exception(error)


class Feed:
    """Iterate it once: streams in order, each with pieces in order. Use as a context manager, so that its threads end."""

    def __init__(self, streams: Sequence[StreamSource]) -> None:
        self._streams = streams
        # A piece; or facts, which end a stream; or an error, which ends it all.
        self._queue: queue.Queue[bytes | StreamFacts | BaseException] = queue.Queue(WAITING)
        self._stop = threading.Event()
        self._counting = ThreadPoolExecutor(1, thread_name_prefix="rows")
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
        self._counting.shutdown(cancel_futures=True)

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
            if isinstance(item, StreamFacts):
                fed.facts = item
                return
            yield item

    def _run(self) -> None:
        try:
            for source in self._streams:
                stage = _RowStage(source.table, self._counting) if source.table else None
                entries = tuple(self._entry(entry, stage) for entry in source.entries)
                self._queue.put(StreamFacts(entries, stage.finish() if stage else None))
        except _Stopped:
            return
        except BaseException as error:  # noqa: BLE001 (raised again by the one who iterates)
            self._queue.put(error)

    def _entry(self, source: EntrySource, stage: _RowStage | None) -> Entry:
        digest = hashlib.sha256()
        length = 0
        for piece in source.read():
            if self._stop.is_set():
                raise _Stopped
            digest.update(piece)
            length += len(piece)
            if stage is not None:
                stage.feed(piece)
            self._queue.put(piece)
        sha256 = digest.hexdigest()
        if length != source.length or (source.sha256 is not None and source.sha256 != sha256):
            raise Damaged(f"{source.name}: what was read is not what it should be")
        return Entry(name=source.name, bytes=length, sha256=sha256)


class _Stopped(Exception):
    pass
