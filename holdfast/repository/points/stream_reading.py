"""Reads streams: pieces of them, in order, found and fetched by threads ahead of their use."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from holdfast.model.errors import Damaged
from holdfast.repository.deltas.extents import ExtentReader
from holdfast.repository.deltas.trees import StreamRef
from holdfast.repository.parallel import in_order
from holdfast.repository.points.reading import ChunkReader, FrameKey

#: Bytes of a stream that are read in one go.
WINDOW = 4 << 20
#: Windows under way or waiting to be taken, and threads that bring them.
WINDOWS, READERS = 4, 3
#: Plain bytes of frames that one piece holds at a time, more only for one frame that is larger.
HELD = 12 << 20
#: Frames up to this many are taken from one at a time.
ONE_BY_ONE = 12
#: Bytes of the first window where only a stream's beginning may be wanted; each one is twice as long as that before.
FIRST_WINDOW = 64 << 10
#: Windows that are brought before they are asked for, where one stream is read on and on.
AHEAD = 2
#: Parts that must have gone on where the last one ended before anything is brought in advance.
PATIENT = 2

Tag = TypeVar("Tag")


@dataclass(frozen=True)
class Span:
    """A part of a stream; `tag` comes back with its bytes."""

    tag: int
    stream: StreamRef
    start: int
    end: int


class StreamReader:
    """Reads the streams of one chain. Safe for threads; memory is bounded whatever is asked for."""

    def __init__(self, chunks: ChunkReader, chain: str) -> None:
        self.chunks = chunks
        self.extents = ExtentReader(chunks.chunk, f"chain {chain}")

    def read(self, stream: StreamRef, start: int, end: int) -> np.ndarray:
        """The bytes from `start` to `end`. Raises Damaged naming what is, Rehydrating."""
        if start >= end:
            return np.empty(0, np.uint8)
        return self.chunks.elsewhere(lambda: self._read(stream, start, end))

    def _read(self, stream: StreamRef, start: int, end: int) -> np.ndarray:
        found = self.extents.chunk_extents(stream, start, end)
        rows = found.rows
        numbers, place = np.unique(rows[:, 0], return_inverse=True)
        # Only chunks that something is taken of are looked for: others may be gone.
        at = [self.chunks.locate(found.chunks[number]) for number in numbers.tolist()]
        lengths = np.array([one.length for one in at], np.int64)
        if bool((rows[:, 1] + rows[:, 2] > lengths[place]).any()):
            raise Damaged(f"{self.extents.name}: a chunk is shorter than a tree says")
        keys: list[FrameKey] = [(one.pack, one.frame) for one in at]
        order = {key: number for number, key in enumerate(sorted(set(keys)))}
        frame = np.array([order[key] for key in keys], np.int64)[place]
        offset = rows[:, 1] + np.array([one.offset for one in at], np.int64)[place]
        return self._gathered(list(order), frame, offset, rows[:, 2], end - start)

    def pieces(self, spans: Iterable[Span], *, few: bool = False) -> Iterator[tuple[int, np.ndarray]]:
        """The bytes of the spans, in order and in pieces, each with its span's tag. Raises as `read`.

        `few`: whoever takes them may soon have enough, so nothing is brought before it is asked for.
        """
        if few:
            yield from map(self._window, _windows(spans, FIRST_WINDOW))
            return
        with ThreadPoolExecutor(READERS, thread_name_prefix="read") as pool:
            yield from in_order(pool, self._window, _windows(spans), WINDOWS)

    def _window(self, span: Span) -> tuple[int, np.ndarray]:
        return span.tag, self.read(span.stream, span.start, span.end)

    def _gathered(
        self, keys: list[FrameKey], frame: np.ndarray, offset: np.ndarray, length: np.ndarray, total: int
    ) -> np.ndarray:
        """The extents, one after the other; `frame` says in which of the frames `keys` each lies."""
        if len(frame) == 1:
            plain = self.chunks.frames(keys)[keys[0]]
            return np.frombuffer(plain, np.uint8)[int(offset[0]) : int(offset[0]) + total]
        place = np.cumsum(length) - length
        out = np.empty(total, np.uint8)
        for numbers in self._batches(keys):
            rows = np.flatnonzero((frame >= numbers[0]) & (frame <= numbers[-1]))
            self._scatter(
                [keys[n] for n in numbers], frame[rows] - numbers[0], offset[rows], length[rows], place[rows], out
            )
        return out

    def _batches(self, keys: list[FrameKey]) -> Iterator[range]:
        """The frames in parts that are held at one time, since a piece of a shuffled stream may touch very many."""
        first = size = 0
        for number, key in enumerate(keys):
            size += self.chunks.plain_bytes(key)
            if size > HELD and number > first:
                yield range(first, number)
                first, size = number, self.chunks.plain_bytes(key)
        yield range(first, len(keys))

    def _scatter(
        self,
        keys: list[FrameKey],
        frame: np.ndarray,
        offset: np.ndarray,
        length: np.ndarray,
        place: np.ndarray,
        out: np.ndarray,
    ) -> None:
        from holdfast.repository.deltas.program_loops import gather

        frames = self.chunks.frames(keys)
        if len(keys) <= ONE_BY_ONE:
            for number, key in enumerate(keys):
                own = np.flatnonzero(frame == number)
                gather(np.frombuffer(frames[key], np.uint8), offset[own], length[own], place[own], out)
            return
        # Of each frame the part that is wanted, all parts in one buffer: a call for each would cost more than the copy.
        low = np.full(len(keys), np.iinfo(np.int64).max)
        high = np.zeros(len(keys), np.int64)
        np.minimum.at(low, frame, offset)
        np.maximum.at(high, frame, offset + length)
        parts = [np.frombuffer(frames[key], np.uint8)[low[n] : high[n]] for n, key in enumerate(keys)]
        begins = np.cumsum(high - low) - (high - low)
        joined = np.concatenate(parts)
        joined.flags.writeable = False  # as the frames are: the loop is compiled once
        gather(joined, offset - low[frame] + begins[frame], length, place, out)


def _windows(spans: Iterable[Span], first: int = WINDOW) -> Iterator[Span]:
    size = first
    for span in spans:
        start = span.start
        while start < span.end:
            end = min(start + size, span.end)
            yield Span(span.tag, span.stream, start, end)
            start, size = end, min(2 * size, WINDOW)


class ReadAhead:
    """One stream, read from its beginning to its end or nearly so: what follows is brought before it is asked for.

    Where parts lie far apart nothing is brought in advance. Memory: the windows that were asked for last, and AHEAD more.
    Use as a context manager, so that its threads end.
    """

    def __init__(self, reader: StreamReader, stream: StreamRef) -> None:
        self._reader, self.stream = reader, stream
        self._pool = ThreadPoolExecutor(AHEAD, thread_name_prefix="read ahead")
        self._windows: dict[int, Future[np.ndarray]] = {}
        self._read_to = self._in_order = 0  # where the last part ended, and how many in a row went on there

    def __enter__(self) -> ReadAhead:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def part(self, start: int, end: int) -> np.ndarray:
        """The bytes from `start` to `end`. Raises Damaged, Rehydrating."""
        if start >= end:
            return np.empty(0, np.uint8)
        self._in_order = self._in_order + 1 if start <= self._read_to <= end else 0
        self._read_to = end
        return self._on(start, end) if self._in_order > PATIENT else self._reader.read(self.stream, start, end)

    def _on(self, start: int, end: int) -> np.ndarray:
        first, last = start // WINDOW, (end - 1) // WINDOW
        for gone in [number for number in self._windows if not first - 1 <= number <= last + AHEAD]:
            self._windows.pop(gone).cancel()
        for number in range(first, min(last + AHEAD, (self.stream.length - 1) // WINDOW) + 1):
            if number not in self._windows:
                at = number * WINDOW
                until = min(at + WINDOW, self.stream.length)
                self._windows[number] = self._pool.submit(self._reader.read, self.stream, at, until)
        parts = [self._windows[number].result() for number in range(first, last + 1)]
        if len(parts) == 1:
            return parts[0][start - first * WINDOW : end - first * WINDOW]
        parts[0] = parts[0][start - first * WINDOW :]
        parts[-1] = parts[-1][: end - last * WINDOW]
        return np.concatenate(parts)
