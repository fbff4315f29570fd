"""From new chunks to packs in the storage: frames are compressed, sealed and uploaded by threads, in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass

from holdfast.repository.deltas.chunks import ChunkNamer
from holdfast.repository.format import Kind, new_id, object_name
from holdfast.repository.frames.codecs import Codec, encode_frame
from holdfast.repository.frames.typed_frames import RowSpan, encode_typed
from holdfast.repository.objects.index import ChunkIndex
from holdfast.repository.objects.packs import PackBuilder, PackTable
from holdfast.repository.objects.seal import ObjectSeal, Sealer
from holdfast.storage import ObjectStore, Tier

#: Plain bytes of a frame: more compress better, fewer are read for one chunk.
FRAME_BYTES = 2 << 20
#: Frames being compressed or waiting for their turn.
FRAMES_UNDER_WAY = 4
#: The same where there are no rows of one shape: literals of many days are read side by side, a frame of each day.
PLAIN_FRAME_BYTES = 512 << 10
#: A stream of so many bytes shares no frame with others, so that it is read alone without theirs. Small ones share,
#: until there are so many bytes in the frame.
OWN_FRAMES, SHARED_BYTES = 512 << 10, 512 << 10


@dataclass(frozen=True)
class PackPlace:
    """Where packs go, and how large they are."""

    store: ObjectStore
    sealer: Sealer
    chain: str
    kind: Kind
    tier: Tier
    pack_bytes: int
    level: int


@dataclass
class _Frame:
    ids: list[bytes]
    lengths: list[int]
    sealed: Future[tuple[bytes, int]]


class FrameWriter:
    """Takes the chunks of one class, keeps those that the chain does not have, and writes them in packs.

    Not safe for threads: one writes, the pool's threads help.
    """

    def __init__(
        self, place: PackPlace, namer: ChunkNamer, index: ChunkIndex, pool: Executor, uploads: Executor
    ) -> None:
        self.place, self.namer, self._index = place, namer, index
        self._pool, self._uploads = pool, uploads
        self._chunks: list[bytes] = []
        self._ids: list[bytes] = []
        self._spans: list[RowSpan] = []
        self._last_is_open = False  # the chunk that was put last is in the open frame, at its end
        self._length = 0
        # Chunks of the open pack; the index knows them once the pack is closed.
        self._open_ids: set[bytes] = set()
        self._seal: ObjectSeal | None = None
        self._builder: PackBuilder | None = None
        self._sections = 0
        self._frames: deque[_Frame] = deque()
        self._upload: Future[PackTable] | None = None
        self.written: list[PackTable] = []
        """Tables of packs that are in the storage and that `take_written` has not taken."""

    def put(self, chunk: bytes, shape: bytes | None = None, row_start: int = 0, *, goes_on: bool = False) -> bytes:
        """Stores the chunk unless the chain has it; returns its id.

        `shape` is that of the rows in it, of which the first begins at `row_start`. `goes_on`: its bytes follow on those of
        the chunk that was put last, so that a row may begin in the one and end in the other.
        """
        name = self.namer.name(chunk)
        if name in self._open_ids or name in self._index:
            self._last_is_open = False
            return name
        if self._length >= PLAIN_FRAME_BYTES // 2 and (self._spans[-1].shape is None) != (shape is None):
            self._close_frame()
        self._open_ids.add(name)
        self._chunks.append(chunk)
        self._ids.append(name)
        self._add_span(len(chunk), shape, row_start, goes_on and self._last_is_open)
        self._last_is_open = True
        self._length += len(chunk)
        if self._length >= (FRAME_BYTES if shape else min(FRAME_BYTES, PLAIN_FRAME_BYTES)):
            self._close_frame()
        return name

    def border(self, *, ended: int = 0, begins: int = 0) -> None:
        """Between streams: closes the frame where the one that ended, or the one that begins, has frames of its own.

        `ended`, `begins`: their bytes, as far as they are stored here.
        """
        if max(ended, begins) >= OWN_FRAMES or (ended and self._length >= SHARED_BYTES):
            self._close_frame()

    def _add_span(self, length: int, shape: bytes | None, row_start: int, goes_on: bool) -> None:
        last = self._spans[-1] if self._spans else None
        if not goes_on or last is None or last.shape != shape:
            self._spans.append(RowSpan(length, shape, row_start))
            return
        # The row that begins in the one chunk and ends in the other is whole in the joint span.
        begins = last.row_start if last.row_start < last.length else last.length + row_start
        self._spans[-1] = RowSpan(last.length + length, shape, begins)

    def has(self, chunk: bytes) -> bool:
        """Whether the chain has the chunk of that id, where new points may lean on it."""
        return chunk in self._index

    def finish(self) -> None:
        """Everything that was put is in the storage when this returns."""
        self._close_frame()
        self._close_pack()
        self._await_upload()

    def take_written(self) -> list[PackTable]:
        """Tables of the packs that have come to lie in the storage since the last time."""
        taken, self.written = self.written, []
        return taken

    def _close_frame(self) -> None:
        if not self._chunks:
            return
        if self._builder is None or self._seal is None:
            pack = new_id()
            name = object_name(self.place.chain, self.place.kind, pack)
            self._seal = self.place.sealer.new(self.place.kind, self.place.chain, name)
            self._builder = PackBuilder(self._seal, pack, self.place.kind)
            self._sections = 0
        work = _sealing(self._seal, self._sections, self._chunks, self._spans, self.place.level)
        frame = _Frame(self._ids, [len(chunk) for chunk in self._chunks], self._pool.submit(work))
        self._frames.append(frame)
        self._sections += 1
        self._chunks, self._ids, self._spans, self._length = [], [], [], 0
        self._last_is_open = False
        while len(self._frames) >= FRAMES_UNDER_WAY:
            self._collect(self._builder)
        if self._builder.pack_bytes >= self.place.pack_bytes:
            self._close_pack()

    def _collect(self, builder: PackBuilder) -> None:
        frame = self._frames.popleft()
        sealed, codec = frame.sealed.result()
        builder.add(sealed, codec, sum(frame.lengths), frame.ids, frame.lengths)

    def _close_pack(self) -> None:
        if self._builder is None:
            return
        while self._frames:
            self._collect(self._builder)
        parts, table = self._builder.finish()
        self._builder = self._seal = None
        self._index.add(table)
        self._open_ids = set()
        # One pack is uploaded while the next is made; no third one is held in memory.
        self._await_upload()
        self._upload = self._uploads.submit(self._put, parts, table)

    def _put(self, parts: list[bytes], table: PackTable) -> PackTable:
        name = object_name(self.place.chain, self.place.kind, table.pack)
        self.place.store.put(name, parts, tier=self.place.tier)
        return table

    def _await_upload(self) -> None:
        if self._upload is not None:
            upload, self._upload = self._upload, None
            self.written.append(upload.result())


def _sealing(
    seal: ObjectSeal, section: int, chunks: list[bytes], spans: list[RowSpan], level: int
) -> Callable[[], tuple[bytes, int]]:
    def work() -> tuple[bytes, int]:
        plain = b"".join(chunks)
        typed = encode_typed(plain, spans, level)
        frame = encode_frame(plain, level) if typed is None else bytes((Codec.TYPED_COLUMNS,)) + typed
        return seal.seal(section, frame), frame[0]

    return work
