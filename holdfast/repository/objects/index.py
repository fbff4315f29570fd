"""The chain's index: from a chunk's id to the frame that holds it.

Rows lie in sorted runs, merged as they grow; large runs lie in unlinked temporary files, so that memory stays small
whatever the chain's size (16 + 16 bytes a row, a row a chunk; a terabyte has some 20 million).
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from holdfast.repository.deltas.chunks import ID_BYTES
from holdfast.repository.format import Kind
from holdfast.repository.objects.packs import PackTable

#: Runs of at least this many rows are kept in files; those above it are not merged any more.
LARGE_RUN = 1 << 19
_ROW = np.dtype([("low", ">u8"), ("pack", "<u4"), ("frame", "<u4"), ("offset", "<u4"), ("length", "<u4")])


@dataclass(frozen=True)
class IndexedPack:
    """A pack as the reader needs it."""

    pack: str
    kind: Kind
    pack_bytes: int
    header: bytes
    offsets: np.ndarray
    stored: np.ndarray
    plain: np.ndarray
    codecs: np.ndarray


@dataclass(frozen=True)
class Location:
    """Where a chunk lies."""

    pack: int  # number in `ChunkIndex.packs`
    frame: int
    offset: int  # in the frame's plain bytes
    length: int


@dataclass(frozen=True)
class _Run:
    high: np.ndarray  # the first 8 bytes of each id as a number, sorted
    rows: np.ndarray


class ChunkIndex:
    """Where every chunk of a chain lies, as far as the added tables say. Not safe for writing from several threads."""

    def __init__(self) -> None:
        self.packs: list[IndexedPack] = []
        self._numbers: dict[str, int] = {}
        self._absent: set[int] = set()
        self._spoiled: set[tuple[int, int]] = set()
        self._fresh: list[_Run] = []
        self._runs: list[_Run] = []

    def __contains__(self, chunk: bytes) -> bool:
        return self.find(chunk) is not None

    def has_pack(self, pack: str) -> bool:
        """Whether a table of that pack was added."""
        return pack in self._numbers

    def pack(self, pack: str) -> IndexedPack | None:
        """The pack of that id, where its table was added."""
        number = self._numbers.get(pack)
        return None if number is None else self.packs[number]

    def add(self, table: PackTable, *, present: bool = True) -> None:
        """All chunks of one pack. A pack that is there already is passed over.

        `present` False: the storage does not have the pack whole; its chunks are looked for elsewhere first.
        """
        if table.pack in self._numbers:
            return
        number = self._numbers[table.pack] = len(self.packs)
        if not present:
            self._absent.add(number)
        self.packs.append(
            IndexedPack(
                table.pack,
                table.kind,
                table.pack_bytes,
                table.header,
                table.offsets,
                table.stored,
                table.plain,
                table.codecs,
            )
        )
        ids = numbers_of(table.ids)
        rows = np.empty(len(ids), _ROW)
        rows["low"], rows["pack"], rows["length"] = ids[:, 1], number, table.lengths
        rows["frame"], rows["offset"] = table.chunk_places()
        if len(rows):
            self._fresh.append(_Run(ids[:, 0].copy(), rows))

    @property
    def spoiled(self) -> int:
        """How many frames are known to be unreadable."""
        return len(self._spoiled)

    def spoil_pack(self, pack: str) -> None:
        """No frame of that pack can be read. Of a pack that is not known nothing is to be told."""
        number = self._numbers.get(pack)
        if number is not None:
            self._absent.add(number)

    def trust_pack(self, pack: str, pack_bytes: int) -> None:
        """Takes back that the storage does not have the pack, where it has that many bytes and should have."""
        number = self._numbers.get(pack)
        if number is not None and self.packs[number].pack_bytes == pack_bytes:
            self._absent.discard(number)

    def spoil_frames(self, pack: str, frames: Iterable[int]) -> None:
        """These frames of that pack cannot be read."""
        number = self._numbers.get(pack)
        if number is not None:
            self._spoiled |= {(number, frame) for frame in frames}

    def any_unreadable(self, packs: np.ndarray, frames: np.ndarray) -> bool:
        """Whether one of these frames (numbers of packs, and of frames in them) is known not to be readable."""
        wanted = set(zip(packs.tolist(), frames.tolist(), strict=True))
        return bool(wanted & self._spoiled) or any(pack in self._absent for pack, _ in wanted)

    def find(self, chunk: bytes) -> Location | None:
        """One place of the chunk, where it can be read as far as is known, if there is one."""
        at = self.place(chunk)
        if at is None:
            return None
        row = self._runs[at[0]].rows[at[1]]
        return Location(int(row["pack"]), int(row["frame"]), int(row["offset"]), int(row["length"]))

    def place(self, chunk: bytes) -> tuple[int, int] | None:
        """The row of `find`: number of the run, number in it. Holds until something is added."""
        self._settle()
        high, low = int.from_bytes(chunk[:8], "big"), int.from_bytes(chunk[8:ID_BYTES], "big")
        second_best: tuple[int, int] | None = None
        for number in range(len(self._runs) - 1, -1, -1):
            run = self._runs[number]
            at = int(run.high.searchsorted(np.uint64(high)))
            while at < len(run.high) and int(run.high[at]) == high:
                row = run.rows[at]
                if int(row["low"]) == low:
                    pack = int(row["pack"])
                    if pack not in self._absent and (pack, int(row["frame"])) not in self._spoiled:
                        return number, at
                    second_best = number, at
                at += 1
        return second_best

    def places(self, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """As `place` for many chunks, a row of `numbers_of` each: numbers of runs, -1 where it is nowhere, and of rows."""
        self._settle()
        absent = np.zeros(len(self.packs), np.bool_)
        absent[list(self._absent)] = True
        spoiled = np.array([(pack << 32) | frame for pack, frame in self._spoiled], np.uint64)
        found = np.full(len(ids), -1, np.int32), np.zeros(len(ids), np.int64)
        second = np.full(len(ids), -1, np.int32), np.zeros(len(ids), np.int64)
        for number in range(len(self._runs) - 1, -1, -1):
            run = self._runs[number]
            asked = np.flatnonzero(found[0] < 0)
            at = run.high.searchsorted(ids[asked, 0])
            while len(asked):
                inside = at < len(run.high)
                asked, at = asked[inside], at[inside]
                same = run.high[at] == ids[asked, 0]
                asked, at = asked[same], at[same]
                rows = run.rows[at]
                hit = rows["low"] == ids[asked, 1]
                frames = (rows["pack"].astype(np.uint64) << np.uint64(32)) | rows["frame"]
                good = hit & ~absent[rows["pack"]] & ~np.isin(frames, spoiled)
                found[0][asked[good]], found[1][asked[good]] = number, at[good]
                poor = hit & ~good
                second[0][asked[poor]], second[1][asked[poor]] = number, at[poor]
                asked, at = asked[~good], at[~good] + 1
        lacking = found[0] < 0
        found[0][lacking], found[1][lacking] = second[0][lacking], second[1][lacking]
        return found

    def numbers_in(self, packs: Iterable[int]) -> np.ndarray:
        """The ids of all chunks of these packs, as `numbers_of` gives them."""
        self._settle()
        wanted = np.zeros(len(self.packs), np.bool_)
        wanted[list(packs)] = True
        parts = [np.empty((0, 2), np.uint64)]
        for run in self._runs:
            rows = np.flatnonzero(wanted[run.rows["pack"]])
            parts.append(np.stack([run.high[rows], run.rows["low"][rows].astype(np.uint64)], axis=1))
        return np.concatenate(parts)

    def rows(self) -> list[np.ndarray]:
        """All runs: a row a chunk and place, with `pack`, `frame`, `offset`, `length`."""
        self._settle()
        return [run.rows for run in self._runs]

    def _settle(self) -> None:
        if not self._fresh:
            return
        fresh, self._fresh = self._fresh, []
        self._runs.append(_merged(fresh))
        while len(self._runs) > 1 and len(self._runs[-2].high) < min(2 * len(self._runs[-1].high), LARGE_RUN):
            later, earlier = self._runs.pop(), self._runs.pop()
            self._runs.append(_merged([later, earlier]))


def numbers_of(ids: bytes) -> np.ndarray:
    """Ids that lie back to back as rows of two numbers each."""
    return np.frombuffer(ids, ">u8").reshape(-1, 2).astype(np.uint64)


def _merged(runs: list[_Run]) -> _Run:
    high = np.concatenate([run.high for run in runs])
    order = np.argsort(high, kind="stable")
    rows = np.concatenate([run.rows for run in runs])[order]
    return _Run(_kept(high[order]), _kept(rows))


def _kept(array: np.ndarray) -> np.ndarray:
    """The array itself, or in a file that the system may page out where it is large."""
    if len(array) < LARGE_RUN:
        return array
    with tempfile.TemporaryFile(prefix="holdfast-index-") as file:
        file.write(array.tobytes())
        file.flush()
        return np.memmap(file, dtype=array.dtype, mode="r", shape=array.shape)
