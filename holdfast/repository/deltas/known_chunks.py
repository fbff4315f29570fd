"""Tells by their ids which bytes of a new stream are a whole chunk of the old one, so that the old one need not be read."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from holdfast.repository.deltas.base_damage import named_base
from holdfast.repository.deltas.chunks import ChunkNamer
from holdfast.repository.deltas.extents import ExtentReader
from holdfast.repository.deltas.trees import StreamRef

#: Bytes of the old stream whose chunks are looked up in one go.
REGION = 16 << 20
#: After chunks in a row that were not the same, fewer are tried: none is passed over at first, then 1, 3, 7, …
PASSED_AT_MOST = 31


class KnownChunks:
    """The chunks of an old stream that lie in it whole. Memory: those of one region."""

    def __init__(
        self, extents: ExtentReader, stream: StreamRef, namer: ChunkNamer, usable: Callable[[bytes], bool]
    ) -> None:
        """`namer` is the one that named the old stream's chunks; `usable` says whether new points may lean on a chunk.

        Every method may raise BaseDamaged.
        """
        self._extents, self._stream, self._namer, self._usable = extents, stream, namer, usable
        self._begin = self._end = 0
        self._starts = np.empty(0, np.int64)
        self._lengths = np.empty(0, np.int64)
        self._ids: list[bytes] = []
        self._passing = self._passed = 0

    def same(self, at: int, new: np.ndarray) -> int:
        """How many bytes `new` begins with that are the whole chunk at this place of the old stream; 0 where none is."""
        number = self._number(at)
        if number is None or int(self._lengths[number]) > len(new):
            return 0
        if self._passing:
            self._passing -= 1
            return 0
        length = int(self._lengths[number])
        chunk = self._ids[number]
        if self._namer.name(new[:length].tobytes()) != chunk or not self._usable(chunk):
            self._passing, self._passed = self._passed, min(2 * self._passed + 1, PASSED_AT_MOST)
            return 0
        self._passed = 0
        return length

    def border(self, at: int, most: int) -> int:
        """The last place up to `most` after `at` where a whole chunk begins; `most` where there is none."""
        self._look_up(at)
        number = int(self._starts.searchsorted(most, "right")) - 1
        found = int(self._starts[number]) if number >= 0 else 0
        return found if found > at else most

    def next(self, at: int) -> int:
        """The first place after `at` where a whole chunk begins, as far as is known; the region's end where none does."""
        if at >= self._stream.length:
            return at + REGION
        self._look_up(at)
        number = int(self._starts.searchsorted(at, "right"))
        return int(self._starts[number]) if number < len(self._starts) else self._end

    def _number(self, at: int) -> int | None:
        self._look_up(at)
        number = int(self._starts.searchsorted(at))
        return number if number < len(self._starts) and int(self._starts[number]) == at else None

    def _look_up(self, at: int) -> None:
        if self._begin <= at < self._end or at >= self._stream.length:
            return
        self._begin, self._end = at, min(at + REGION, self._stream.length)
        with named_base(self._stream):
            found = self._extents.chunk_extents(self._stream, self._begin, self._end)
        number, offset, length = found.rows.T
        starts = self._begin + np.cumsum(length) - length
        whole = (offset == 0) & (length == found.lengths[number])
        self._starts, self._lengths = starts[whole], length[whole]
        self._ids = [found.chunks[n] for n in number[whole].tolist()]
