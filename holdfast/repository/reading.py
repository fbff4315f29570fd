"""Reads chunks: frames are fetched in ranges, opened and decompressed by threads ahead of their use, and given in order."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from holdfast.model.errors import Damaged
from holdfast.repository.codecs import decode_frame
from holdfast.repository.format import object_name
from holdfast.repository.index import ChunkIndex, Location
from holdfast.repository.parallel import in_order
from holdfast.repository.seal import ObjectSeal, Sealer
from holdfast.storage import ObjectMissing, ObjectStore

#: Sealed and plain bytes that one request fetches at most, more only for one frame that is larger.
FETCH_STORED, FETCH_PLAIN = 4 << 20, 6 << 20
#: Requests under way or waiting to be taken.
FETCHES = 4
#: Plain bytes of frames that are kept: small tables share frames, and nodes of trees do.
CACHED = 24 << 20


@dataclass(frozen=True)
class Wanted:
    """A part of a chunk; `tag` comes back with its bytes."""

    tag: int
    chunk: bytes
    start: int
    end: int


@dataclass
class _Fetch:
    """Frames of one pack that lie side by side, and what is wanted of them, in order."""

    pack: int
    first: int
    last: int
    slices: list[tuple[int, int, int, int]] = field(default_factory=list)  # tag, frame, start, end
    stored: int = 0
    plain: int = 0
    wanted: int = 0

    def want(self, tag: int, frame: int, start: int, end: int) -> None:
        """A further slice. One that follows on the last is joined to it, so that whole frames pass uncopied."""
        self.wanted += end - start
        if self.slices:
            last_tag, last_frame, last_start, last_end = self.slices[-1]
            if (last_tag, last_frame, last_end) == (tag, frame, start):
                self.slices[-1] = (tag, frame, last_start, end)
                return
        self.slices.append((tag, frame, start, end))


class ChunkReader:
    """Reads chunks of one chain. Memory is bounded whatever is asked for."""

    def __init__(
        self, store: ObjectStore, sealer: Sealer, chain: str, index: ChunkIndex, more: Sequence[Callable[[], object]]
    ) -> None:
        """`more`: ways to fill the index, each gone once, in order, when a chunk is not in it."""
        self._store, self._sealer, self._chain, self._index = store, sealer, chain, index
        self._more = list(more)
        self._cache = _FrameCache()
        self._seals: dict[int, ObjectSeal] = {}

    def locate(self, chunk: bytes) -> Location:
        """Where the chunk lies. Raises Damaged where nothing knows."""
        found = self._index.find(chunk)
        while found is None and self._more:
            self._more.pop(0)()
            found = self._index.find(chunk)
        if found is None:
            raise Damaged(f"chunk {chunk.hex()} of chain {self._chain} is in no pack that can be found")
        return found

    def chunk(self, chunk: bytes) -> bytes:
        """A whole chunk; for nodes and the like, not for data in bulk."""
        at = self.locate(chunk)
        frame = self._frames(at.pack, at.frame, at.frame)[0]
        return frame[at.offset : at.offset + at.length]

    def pieces(self, wanted: Iterable[Wanted]) -> Iterator[tuple[int, bytes]]:
        """The bytes of what is wanted, in order, each with its tag. Raises Damaged naming the pack; Rehydrating."""
        with ThreadPoolExecutor(FETCHES, thread_name_prefix="fetch") as pool:
            for pieces in in_order(pool, self._fetch, self._plan(wanted), FETCHES):
                yield from pieces

    def _plan(self, wanted: Iterable[Wanted]) -> Iterator[_Fetch]:
        fetch: _Fetch | None = None
        for want in wanted:
            at = self.locate(want.chunk)
            pack = self._index.packs[at.pack]
            fits = (
                fetch is not None
                and at.pack == fetch.pack
                and fetch.wanted < FETCH_PLAIN  # one chunk may be wanted a thousand times
                and fetch.first <= at.frame <= fetch.last + 1
                and (at.frame <= fetch.last or (fetch.stored < FETCH_STORED and fetch.plain < FETCH_PLAIN))
            )
            if fetch is None or not fits:
                if fetch is not None:
                    yield fetch
                fetch = _Fetch(at.pack, at.frame, at.frame - 1)
            if at.frame > fetch.last:
                fetch.last = at.frame
                fetch.stored += int(pack.stored[at.frame])
                fetch.plain += int(pack.plain[at.frame])
            fetch.want(want.tag, at.frame, at.offset + want.start, at.offset + want.end)
        if fetch is not None:
            yield fetch

    def _fetch(self, fetch: _Fetch) -> list[tuple[int, bytes]]:
        frames = self._frames(fetch.pack, fetch.first, fetch.last)
        return [(tag, frames[frame - fetch.first][start:end]) for tag, frame, start, end in fetch.slices]

    def _frames(self, pack_number: int, first: int, last: int) -> list[bytes]:
        cached = [self._cache.get((pack_number, frame)) for frame in range(first, last + 1)]
        if all(frame is not None for frame in cached):
            return [frame for frame in cached if frame is not None]
        pack = self._index.packs[pack_number]
        name = object_name(self._chain, pack.kind, pack.pack)
        begin = int(pack.offsets[first])
        length = int(pack.offsets[last]) + int(pack.stored[last]) - begin
        try:
            sealed = memoryview(self._store.get_range(name, begin, length))
        except ObjectMissing:
            raise Damaged(f"{name}: the pack is missing") from None
        if len(sealed) < length:
            raise Damaged(f"{name}: it is cut short")
        seal = self._seal(pack_number, name)
        frames: list[bytes] = []
        for number in range(first, last + 1):
            at = int(pack.offsets[number]) - begin
            frame = seal.open(number, bytes(sealed[at : at + int(pack.stored[number])]))
            plain = decode_frame(frame, int(pack.plain[number]), name)
            if len(plain) != int(pack.plain[number]):
                raise Damaged(f"{name}: frame {number} has another length than the index says")
            frames.append(plain)
            self._cache.put((pack_number, number), plain)
        return frames

    def _seal(self, pack_number: int, name: str) -> ObjectSeal:
        seal = self._seals.get(pack_number)
        if seal is None:
            pack = self._index.packs[pack_number]
            seal = self._sealer.of(pack.header, pack.kind, self._chain, name)
            if len(self._seals) > 1000:
                self._seals.clear()
            self._seals[pack_number] = seal
        return seal


class _FrameCache:
    """The frames used last, by pack and number, up to CACHED bytes."""

    def __init__(self) -> None:
        self._frames: OrderedDict[tuple[int, int], bytes] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()

    def get(self, key: tuple[int, int]) -> bytes | None:
        with self._lock:
            found = self._frames.get(key)
            if found is not None:
                self._frames.move_to_end(key)
            return found

    def put(self, key: tuple[int, int], frame: bytes) -> None:
        with self._lock:
            if key in self._frames:
                return
            self._frames[key] = frame
            self._size += len(frame)
            while self._size > CACHED and len(self._frames) > 1:
                self._size -= len(self._frames.popitem(last=False)[1])
