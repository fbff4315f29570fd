"""Marks the chunks that points need: a bit a row of the index, whatever the number of points."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from itertools import pairwise

import numpy as np

from holdfast.repository.deltas.chunks import ID_BYTES
from holdfast.repository.objects.index import ChunkIndex, numbers_of
from holdfast.repository.points.point_reading import PointReader
from holdfast.repository.points.reach import Needed, held_streams
from holdfast.repository.points.recipes import StreamRecipe

#: A frame of a codec that only its first writer can make again is moved whole, unless this much of it is dead.
MOSTLY = 0.5
#: Codecs up to this one are coded anew without loss: plain and zstd.
RECODED = 1


class LiveChunks:
    """Which rows of an index are needed. The index must not grow meanwhile."""

    def __init__(self, index: ChunkIndex) -> None:
        self.index = index
        self._rows = index.rows()
        self._live = [np.zeros(len(rows), np.bool_) for rows in self._rows]
        self._lines: set[bytes] = set()  # of recipes, by their hash: points share most of them

    def mark(self, points: Iterable[PointReader], check: Callable[[], None]) -> int:
        """Marks all that the points, of one reader, need; returns how many of their chunks are in no pack.

        Raises Damaged where a recipe or a node cannot be read: what is below it is not known then.
        """
        needed: Needed | None = None
        for point in points:
            check()
            needed = needed or Needed(point.reader.streams.extents, check)
            for ref in held_streams(point):
                needed.add(ref)
            for line in point.reader.held(point.read.manifest.recipe, point.read.name).splitlines():
                known = hashlib.blake2b(line, digest_size=16).digest()
                if line and known not in self._lines:
                    self._lines.add(known)
                    needed.add(StreamRecipe.parse(line, point.read.name).ref)
        lost: set[bytes] = set()
        for ids in needed.chunks() if needed else ():
            check()
            runs, rows = self.index.places(numbers_of(ids))
            for number, live in enumerate(self._live):
                live[rows[runs == number]] = True
            lost.update(ids[at * ID_BYTES : (at + 1) * ID_BYTES] for at in np.flatnonzero(runs < 0).tolist())
        return len(lost)

    def frames(self) -> list[np.ndarray]:
        """For every pack of the index, by number, the plain bytes of each frame that are needed."""
        packs = self.index.packs
        begins = np.cumsum([0, *(len(pack.plain) for pack in packs)])
        sums = np.zeros(int(begins[-1]), np.float64)
        for rows, live in zip(self._rows, self._live, strict=True):
            needed = np.flatnonzero(live)
            at = begins[rows["pack"][needed]] + rows["frame"][needed]
            sums += np.bincount(at, weights=rows["length"][needed], minlength=len(sums))
        return [sums[begin:end].astype(np.uint64) for begin, end in pairwise(begins)]

    def places(self, numbers: Iterable[int]) -> dict[int, np.ndarray]:
        """For these packs the places of needed chunks, sorted: frame * 2^32 + offset in the frame's plain bytes."""
        wanted = np.zeros(len(self.index.packs), np.bool_)
        wanted[list(numbers)] = True
        found: dict[int, list[np.ndarray]] = {int(number): [] for number in np.flatnonzero(wanted)}
        for rows, live in zip(self._rows, self._live, strict=True):
            chosen = rows[np.flatnonzero(live & wanted[rows["pack"]])]
            for number in np.unique(chosen["pack"]):
                one = chosen[chosen["pack"] == number]
                found[int(number)].append((one["frame"].astype(np.uint64) << np.uint64(32)) | one["offset"])
        empty = np.empty(0, np.uint64)
        return {number: np.unique(np.concatenate([empty, *places])) for number, places in found.items()}

    def elsewhere(self, numbers: Iterable[int]) -> set[int]:
        """Numbers of the packs that the needed chunks of these packs are to be read from, where that is another one."""
        own = set(numbers)
        runs, rows = self.index.places(self.index.numbers_in(own))
        found: set[int] = set()
        for number in range(len(self._rows)):
            at = rows[runs == number]
            found.update(self._rows[number]["pack"][at[self._live[number][at]]].tolist())
        return found - own


def kept_whole(codec: int, needed: float) -> bool:
    """Whether a frame of which this share is needed moves with its dead chunks."""
    return needed > 0 and (needed >= 1 or (codec > RECODED and 1 - needed < MOSTLY))


def reclaimable(stored: np.ndarray, plain: np.ndarray, codecs: np.ndarray, needed: np.ndarray) -> int:
    """Bytes that rewriting a pack would give back."""
    share = np.where(plain > 0, needed / np.maximum(plain, 1), 0.0)
    stays = np.where((share < 1) & (codecs > RECODED) & (1 - share < MOSTLY) & (share > 0), 1.0, share)
    return int((stored * (1 - stays)).sum())
