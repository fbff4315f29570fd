"""Reads chunks: the frames that hold them are fetched in ranges, opened, decompressed, and kept while they are in use."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from typing import TypeVar

import numpy as np

from holdfast.model.errors import Damaged
from holdfast.repository.deltas.recent import Recent
from holdfast.repository.format import object_name
from holdfast.repository.frames.codecs import Plain, decode_frame
from holdfast.repository.objects.index import ChunkIndex, Location, numbers_of
from holdfast.repository.objects.seal import ObjectSeal, Sealer
from holdfast.storage import ObjectMissing, ObjectStore

#: Sealed bytes that one request fetches at most, more only for one frame that is larger.
FETCH_STORED = 4 << 20
#: Plain bytes of frames that are kept: the increments of many days are read side by side, a frame of each.
CACHED = 40 << 20

Read = TypeVar("Read")
FrameKey = tuple[int, int]
"""A pack's number in `ChunkIndex.packs`, and a frame's in the pack."""


class ChunkReader:
    """Reads chunks of one chain. Safe for threads; memory is bounded whatever is asked for."""

    def __init__(
        self, store: ObjectStore, sealer: Sealer, chain: str, index: ChunkIndex, more: Sequence[Callable[[], object]]
    ) -> None:
        """`more`: ways to fill the index, each gone once, in order, when a chunk is not in it."""
        self._store, self._sealer, self._chain, self._index = store, sealer, chain, index
        self._more = list(more)
        self._frames: Recent[FrameKey, Plain] = Recent(CACHED, len)
        self._seals: Recent[int, ObjectSeal] = Recent(1000)
        self._locating = threading.Lock()

    def locate(self, chunk: bytes) -> Location:
        """Where the chunk lies. Raises Damaged where nothing knows."""
        with self._locating:
            found = self._index.find(chunk)
            while found is None and self._more:
                self._more.pop(0)()
                found = self._index.find(chunk)
        if found is None:
            raise Damaged(f"chunk {chunk.hex()} of chain {self._chain} is in no pack that can be found")
        return found

    def places(self, ids: bytes) -> tuple[np.ndarray, np.ndarray]:
        """Where chunks lie (their ids back to back), as `ChunkIndex.places` says, once every way to find them was gone."""
        numbers = numbers_of(ids)
        with self._locating:
            found = self._index.places(numbers)
            while self._more and bool((found[0] < 0).any()):
                self._more.pop(0)()
                found = self._index.places(numbers)
        return found

    def frames_of(self, ids: bytes) -> tuple[np.ndarray, np.ndarray]:
        """Of each of these chunks (their ids back to back) the number of its pack, -1 where it is in none, and its frame."""
        runs, at = self.places(ids)
        packs, frames = np.full(len(runs), -1, np.int64), np.zeros(len(runs), np.int64)
        for number, rows in enumerate(self._index.rows()):
            own = np.flatnonzero(runs == number)
            packs[own], frames[own] = rows["pack"][at[own]], rows["frame"][at[own]]
        return packs, frames

    def chunk(self, chunk: bytes) -> bytes:
        """A whole chunk; for nodes and the like, not for data in bulk. Raises Damaged, Rehydrating."""

        def read() -> bytes:
            at = self.locate(chunk)
            frame = self.frames([(at.pack, at.frame)])[at.pack, at.frame]
            return bytes(frame[at.offset : at.offset + at.length])

        return self.elsewhere(read)

    def elsewhere(self, read: Callable[[], Read]) -> Read:
        """What `read` gives; tried again while frames turn out to be damaged whose chunks may lie elsewhere, too."""
        while True:
            known = self._index.spoiled
            try:
                return read()
            except Damaged:
                if self._index.spoiled == known:
                    raise

    def plain_bytes(self, key: FrameKey) -> int:
        """How many plain bytes the frame has."""
        return int(self._index.packs[key[0]].plain[key[1]])

    def frames(self, wanted: Iterable[FrameKey]) -> dict[FrameKey, Plain]:
        """The plain bytes of these frames; neighbours in a pack come with one request. Raises Damaged, Rehydrating."""
        futures: dict[FrameKey, Future[Plain]] = {}
        mine: list[FrameKey] = []
        for key in sorted(set(wanted)):
            futures[key], claimed = self._frames.claim(key)
            if claimed:
                mine.append(key)
        self._bring(mine)
        return {key: future.result() for key, future in futures.items()}

    def _bring(self, keys: list[FrameKey]) -> None:
        """Fetches claimed frames. Whatever happens, nobody is left waiting for one, and no good one fails with a bad one."""
        at = 0
        damage: Damaged | None = None
        try:
            while at < len(keys):
                run = self._run(keys, at)
                for key, plain in zip(run, self._fetch(run), strict=True):
                    if isinstance(plain, Damaged):
                        damage = plain
                        self._frames.fail(key, plain)
                    else:
                        self._frames.settle(key, plain)
                    at += 1
        except BaseException as error:
            for key in keys[at:]:
                self._frames.fail(key, error)
            raise
        if damage is not None:
            raise damage

    def _run(self, keys: list[FrameKey], at: int) -> list[FrameKey]:
        """Frames from `at` on that lie side by side in their pack."""
        pack = self._index.packs[keys[at][0]]
        run, stored = [keys[at]], int(pack.stored[keys[at][1]])
        for key in keys[at + 1 :]:
            stored += int(pack.stored[key[1]]) if key[0] == run[0][0] else 0
            if key != (run[0][0], run[-1][1] + 1) or stored > FETCH_STORED:
                break
            run.append(key)
        return run

    def _fetch(self, run: list[FrameKey]) -> list[Plain | Damaged]:
        """The frames' plain bytes, or what is wrong with them: then their chunks are looked for elsewhere from now on."""
        number, first = run[0]
        pack = self._index.packs[number]
        name = object_name(self._chain, pack.kind, pack.pack)
        begin = int(pack.offsets[first])
        length = int(pack.offsets[run[-1][1]]) + int(pack.stored[run[-1][1]]) - begin
        try:
            sealed = memoryview(self._store.get_range(name, begin, length))
            seal = self._seals.get(number, lambda: self._sealer.of(pack.header, pack.kind, self._chain, name))
        except ObjectMissing:
            self._index.spoil_frames(pack.pack, range(len(pack.stored)))
            return [Damaged(f"{name}: the pack is missing") for _ in run]
        found: list[Plain | Damaged] = []
        for _, frame in run:
            at, stored = int(pack.offsets[frame]) - begin, int(pack.stored[frame])
            try:
                if len(sealed) < at + stored:
                    raise Damaged(f"{name}: it is cut short")
                plain = decode_frame(seal.open(frame, sealed[at : at + stored]), int(pack.plain[frame]), name)
                if len(plain) != int(pack.plain[frame]):
                    raise Damaged(f"{name}: frame {frame} has another length than the index says")
            except Damaged as error:
                self._index.spoil_frames(pack.pack, [frame])
                found.append(error)
            else:
                found.append(plain)
        return found
