"""A stream as a delta of an older one: what is equal is taken from there, the rest is literal."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

import numpy as np

from holdfast.repository.deltas import delta_loops as loops
from holdfast.repository.deltas.known_chunks import KnownChunks
from holdfast.repository.deltas.program_loops import gather, operations_of
from holdfast.repository.deltas.programs import Operations, ProgramWriter

#: Bytes of the new stream that are walked in one go, and bytes after them that may be looked at.
STEP, LOOK = 1 << 20, 4 << 10
#: Literal bytes without a match after which the walk counts as lost: the old stream goes on somewhere far away.
LOST = 128 << 10
#: Steps in a row that were nearly all literal, of which the walk makes no more: it only looks for anchors from then on.
REBUILT = 4
#: A place far away must match this much.
FOUND = 256
#: Anchors of the old stream that are kept at most (16 bytes each), and tried for one place.
MOST_ANCHORS, TRIED = 4 << 20, 16
_ROWS = 1 << 16
_EMPTY = -(1 << 62)

#: A literal of at least this length is a run: whole rows, most likely, which are worth to be stored as rows are.
RUN = 16 << 10
#: Sources of the program that a delta is.
OLD, RUNS, LITERALS = 0, 1, 2

#: Bytes of the old stream from one place to another.
Part = Callable[[int, int], np.ndarray]


class Sink(Protocol):
    """Takes a new stream's bytes in order: as `run` what is a run, as `passed` all between; and the short literals apart."""

    def run(self, data: bytes) -> None:
        """Bytes that are stored; runs that follow each other without anything passed between are one."""
        ...

    def passed(self, data: bytes) -> None:
        """Bytes that are in the old stream or in literals."""
        ...

    def literal(self, data: bytes) -> None:
        """Bytes of one or more literals, all of them in what is passed next or was passed before."""
        ...


class StreamDelta:
    """Feed it the new stream; it tells `sink` what must be stored, and `program` the operations.

    Memory is constant, but for the anchors of a stream whose walk was lost: 16 bytes for every few kB of it.
    """

    def __init__(
        self, part: Part, old_length: int, sink: Sink, program: ProgramWriter, known: KnownChunks | None = None
    ) -> None:
        """`program` is over the sources OLD, RUNS and LITERALS. What `known` tells of the old stream is not read of it."""
        self._part, self._old_length, self._known = part, old_length, known
        # The last byte was an old one; and the chunk before the one that is walked was.
        self._in_step, self._sparse = True, False
        self._sink, self._program = sink, program
        self._held = np.empty(0, np.uint8)
        self._table = np.full(1 << loops.TABLE_BITS, _EMPTY, np.int64)
        self._copies = np.empty((_ROWS, 3), np.int64)
        self._old_at = self._inserted = 0
        self._literal_bytes = self._run_bytes = 0
        self._anchors: _Anchors | None = None
        self._searched = False
        self._open = 0  # bytes since the last sure match
        self._literal_steps = 0

    def feed(self, piece: bytes) -> None:
        """The next bytes of the new stream."""
        fresh = np.frombuffer(piece, np.uint8)
        self._held = np.concatenate((self._held, fresh)) if len(self._held) else fresh
        while len(self._held) >= STEP + LOOK:
            self._walk(STEP)

    def finish(self) -> None:
        """The new stream is over."""
        while len(self._held):
            self._walk(min(STEP, len(self._held)))

    def _walk(self, stop: int) -> None:
        """Walks up to `stop` bytes of what is held, and lets go of what was walked."""
        if self._known is not None and self._in_step:
            if self._pass_same(self._known):
                return
            # Up to where a chunk may be the same again.
            nearest = (
                self._known.next(self._old_at)
                if self._sparse
                else self._known.border(self._old_at, self._old_at + stop)
            )
            stop = max(1, min(stop, nearest - self._old_at))
        if self._literal_steps >= REBUILT:
            self._pass_rebuilt(stop)
            return
        new, j = self._held, self._old_at
        base = max(0, j - loops.BEHIND)
        end = min(self._old_length, j + stop + loops.AHEAD + LOOK)
        old = self._part(base, end)
        count, lit, i, j, self._inserted = loops.walk(
            new, 0, stop, old, base, end < self._old_length, j, self._table, self._inserted, self._copies
        )
        good, good_i, good_j = self._last_good(count)
        self._open = i - good_i if good else self._open + i
        # Behind the end of the old stream new rows are no surprise, unless there are very many of them.
        ended = self._old_length - j <= loops.AHEAD
        if i - good_i >= LOST and self._open >= (self._old_length >> 4 if ended else LOST) and not self._searched:
            # Up to there all is well; what follows is walked again, from wherever in the old stream it goes on.
            self._take(good, 0)
            self._held, self._old_at = new[good_i:], good_j if good else self._old_at
            self._searched = not self._find()
            return
        self._searched = self._searched and i - good_i >= LOST
        copied = int(self._copies[:count, 2].sum())
        self._literal_steps = self._literal_steps + 1 if i >= LOST and 8 * copied < i else 0
        self._take(count, i - lit)
        self._held, self._old_at = new[i:], j
        self._in_step = i == lit

    def _pass_rebuilt(self, stop: int) -> None:
        """Of a stream that seems to be another altogether: takes the bytes as a run, unless they are found somewhere."""
        if self._find():
            self._literal_steps = 0
        else:
            self._take(0, stop)
            self._held = self._held[stop:]

    def _pass_same(self, known: KnownChunks) -> bool:
        """Passes over whole chunks that are the old ones, as far as they go; whether there were any."""
        passed = 0
        while length := known.same(self._old_at, self._held):
            self._copies[0] = 0, self._old_at, length
            self._take(1, 0)
            self._held = self._held[length:]
            self._old_at += length
            passed += length
        self._sparse = passed > 0
        self._open = 0 if passed else self._open
        return passed > 0

    def _last_good(self, count: int) -> tuple[int, int, int]:
        """How many rows there are up to the last that surely matches, and where it ends in the new and the old bytes."""
        rows = self._copies[:count]
        sure = np.flatnonzero(rows[:, 2] >= loops.SURE)
        if not len(sure):
            return 0, 0, 0
        last = int(sure[-1]) + 1
        return last, int((rows[:last, 0] + rows[:last, 2]).sum()), int(rows[last - 1, 1] + rows[last - 1, 2])

    def _take(self, count: int, open_literal: int) -> None:
        """Passes on the rows of a walk that began with the bytes held, and the literal after the last of them."""
        rows = self._copies[: count + 1]
        rows[count] = open_literal, 0, 0
        literal = rows[:, 0]
        ends = np.cumsum(literal + rows[:, 2])
        starts = ends - rows[:, 2] - literal
        room = 2 * len(rows)
        source, offset, length = np.empty(room, np.int32), np.empty(room, np.int64), np.empty(room, np.int64)
        made = operations_of(rows, self._literal_bytes, self._run_bytes, RUN, source, offset, length)
        self._program.add(Operations(source[:made], offset[:made], length[:made]))
        at = 0
        for number in np.flatnonzero(literal >= RUN).tolist():
            start, end = int(starts[number]), int(starts[number] + literal[number])
            self._pass(at, start)
            self._sink.run(self._held[start:end].tobytes())
            self._run_bytes += end - start
            at = end
        self._pass(at, int(ends[-1]))
        short = np.flatnonzero((literal > 0) & (literal < RUN))
        if len(short):
            data = np.empty(int(literal[short].sum()), np.uint8)
            gather(self._held, starts[short], literal[short], _places(literal[short]), data)
            self._sink.literal(data.tobytes())
            self._literal_bytes += len(data)

    def _pass(self, start: int, end: int) -> None:
        if end > start:
            self._sink.passed(self._held[start:end].tobytes())

    def _find(self) -> bool:
        """Looks for the held bytes anywhere in the old stream; where they go on there, the walk goes there."""
        if self._anchors is None:
            self._anchors = _Anchors(self._part, self._old_length)
        new = self._held
        for place, there in self._anchors.candidates(new):
            old = self._part(there, min(self._old_length, there + loops.MEASURED))
            if loops.equal_bytes(new, place, old, 0, min(len(old), len(new) - place)) < FOUND:
                continue
            before = self._part(max(0, there - place), there)
            back = int(loops.equal_before(new, place, before, len(before), len(before)))
            self._copies[0] = place - back, there - back, back
            self._take(1, 0)
            self._held = new[place:]
            self._old_at = self._inserted = there
            return True
        return False


class _Anchors:
    """Where in a stream the places lie that its bytes choose."""

    def __init__(self, part: Part, length: int) -> None:
        self._bits = max(12, math.ceil(math.log2(max(length, 1) / MOST_ANCHORS)))
        keys: list[np.ndarray] = []
        places: list[np.ndarray] = []
        for at in range(0, length, STEP):
            found, these = _anchors(part(at, min(length, at + STEP + loops.ANCHOR - 1)), self._bits)
            places.append(found + at)
            keys.append(these)
        all_keys, all_places = np.concatenate(keys), np.concatenate(places)
        # A key that comes more than once tells no place.
        self._keys, first, count = np.unique(all_keys, return_index=True, return_counts=True)
        self._places = all_places[first]
        self._places[count > 1] = -1

    def candidates(self, new: np.ndarray) -> list[tuple[int, int]]:
        """Places in `new`, in order, with the place in the stream where the same bytes seem to be."""
        if not len(self._keys):
            return []
        places, keys = _anchors(new, self._bits)
        at = np.minimum(self._keys.searchsorted(keys), len(self._keys) - 1)
        there = np.where(self._keys[at] == keys, self._places[at], -1)
        hits = np.flatnonzero(there >= 0)[:TRIED]
        return [(int(places[n]), int(there[n])) for n in hits]


def _places(lengths: np.ndarray) -> np.ndarray:
    """Where each of these begins when they lie one after the other."""
    return np.asarray(np.cumsum(lengths) - lengths)


def anchors_of(data: np.ndarray, bits: int) -> np.ndarray:
    """Keys of the anchors in these bytes, about one for every 2**`bits` bytes: like bytes have many in common."""
    return _anchors(data, bits)[1]


def _anchors(data: np.ndarray, bits: int) -> tuple[np.ndarray, np.ndarray]:
    room = 64 + (len(data) >> (bits - 3))
    places, keys = np.empty(room, np.int64), np.empty(room, np.uint64)
    count = loops.anchors(data, bits, places, keys)
    return places[:count], keys[:count]
