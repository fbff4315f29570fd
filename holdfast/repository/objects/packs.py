"""Packs: objects of frames that describe themselves.

`header | frames | sealed trailer with the pack's table | footer`. The table is what index objects repeat.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from holdfast.model.errors import Damaged
from holdfast.repository.deltas.chunks import ID_BYTES
from holdfast.repository.format import HEADER_BYTES, Kind, folder
from holdfast.repository.frames.codecs import decode_frame, encode_frame
from holdfast.repository.objects.seal import MAX_DOCUMENT, ObjectSeal, Sealer
from holdfast.storage import ObjectInfo, ObjectStore

TRAILER_SECTION = 0xFFFFFFFF
MAX_FRAME = 16 << 20
_FOOTER = struct.Struct("<L8s")
_FOOTER_MAGIC = b"HFPKEND1"
_COUNT = struct.Struct("<L")
_INDEX_HEAD = struct.Struct("<LL")
_INDEX_PACK = struct.Struct("<16sBQ52sL")
INDEX_VERSION = 1
#: How much of a pack's end is read in the hope that the trailer is in it.
_TAIL = 256 << 10

U32 = np.dtype("<u4")


@dataclass(frozen=True)
class PackTable:
    """What lies where in one pack. Arrays are by frame, but for `ids` and `lengths`, which are by chunk."""

    pack: str  # its id, 32 hex digits
    kind: Kind
    pack_bytes: int
    header: bytes
    stored: np.ndarray  # sealed bytes of each frame
    plain: np.ndarray
    codecs: np.ndarray
    counts: np.ndarray  # chunks in each frame
    ids: bytes  # ID_BYTES a chunk
    lengths: np.ndarray

    @property
    def offsets(self) -> np.ndarray:
        """Where each frame begins in the pack."""
        ends = np.cumsum(self.stored, dtype=np.uint64) + HEADER_BYTES
        return np.asarray(ends - self.stored, dtype=np.uint64)

    def chunk_places(self) -> tuple[np.ndarray, np.ndarray]:
        """For every chunk the number of its frame and its offset in the frame's plain bytes."""
        frames = np.repeat(np.arange(len(self.counts), dtype=np.uint32), self.counts)
        ends = np.cumsum(self.lengths, dtype=np.uint64)
        begin_of_frame = np.cumsum(self.plain, dtype=np.uint64) - self.plain
        return frames, np.asarray(ends - self.lengths - np.repeat(begin_of_frame, self.counts), dtype=np.uint64)

    def encode(self) -> bytes:
        """The table as the trailer and the index hold it."""
        return b"".join(
            (
                _COUNT.pack(len(self.stored)),
                self.stored.astype(U32).tobytes(),
                self.plain.astype(U32).tobytes(),
                self.codecs.astype(np.uint8).tobytes(),
                self.counts.astype(U32).tobytes(),
                self.ids,
                self.lengths.astype(U32).tobytes(),
            )
        )

    @classmethod
    def decode(cls, data: bytes, pack: str, kind: Kind, size: int, header: bytes, name: str) -> PackTable:
        """Raises Damaged where the table contradicts itself."""
        try:
            (frames,) = _COUNT.unpack_from(data)
            at = _COUNT.size
            stored = np.frombuffer(data, U32, frames, at)
            plain = np.frombuffer(data, U32, frames, at + 4 * frames)
            codecs = np.frombuffer(data, np.uint8, frames, at + 8 * frames)
            counts = np.frombuffer(data, U32, frames, at + 9 * frames)
            at += 13 * frames
            chunks = int(counts.sum(dtype=np.uint64))
            ids = bytes(data[at : at + ID_BYTES * chunks])
            lengths = np.frombuffer(data, U32, chunks, at + ID_BYTES * chunks)
            if len(data) != at + (ID_BYTES + 4) * chunks:
                raise ValueError("its length is not what it says")
            table = cls(pack, kind, size, header, stored, plain, codecs, counts, ids, lengths)
            table.verify()
        except (struct.error, ValueError) as error:
            raise Damaged(f"{name}: the table of pack {pack}: {error}") from None
        return table

    def verify(self) -> None:
        """Raises ValueError where lengths do not add up."""
        if len(self.plain) and int(self.plain.max()) > MAX_FRAME:
            raise ValueError("a frame is too long")
        frames = np.repeat(np.arange(len(self.counts)), self.counts)
        summed = np.bincount(frames, weights=self.lengths, minlength=len(self.counts))
        if not np.array_equal(summed.astype(np.uint64), self.plain.astype(np.uint64)):
            raise ValueError("chunks do not fill their frames")
        if int(self.stored.sum(dtype=np.uint64)) + HEADER_BYTES > self.pack_bytes:
            raise ValueError("frames are longer than the pack")


@dataclass
class _Frame:
    sealed: bytes
    plain: int
    codec: int
    lengths: list[int]
    ids: list[bytes]


class PackBuilder:
    """Collects sealed frames, in the order of their sections, and ends as one pack."""

    def __init__(self, seal: ObjectSeal, pack: str, kind: Kind) -> None:
        self.seal, self.pack, self.kind = seal, pack, kind
        self._frames: list[_Frame] = []
        self.pack_bytes = HEADER_BYTES

    def add(self, sealed: bytes, codec: int, plain: int, ids: list[bytes], lengths: list[int]) -> None:
        """The next frame: section number = how many there are."""
        self._frames.append(_Frame(sealed, plain, codec, lengths, ids))
        self.pack_bytes += len(sealed)

    def finish(self) -> tuple[list[bytes], PackTable]:
        """The pack's parts, to be put one after the other, and its table."""
        frames = self._frames

        def column(values: Sequence[int]) -> np.ndarray:
            return np.array(values, dtype=U32)

        without_size = PackTable(
            self.pack,
            self.kind,
            0,
            self.seal.header,
            column([len(frame.sealed) for frame in frames]),
            column([frame.plain for frame in frames]),
            np.array([frame.codec for frame in frames], dtype=np.uint8),
            column([len(frame.ids) for frame in frames]),
            b"".join(chunk for frame in frames for chunk in frame.ids),
            column([length for frame in frames for length in frame.lengths]),
        )
        trailer = self.seal.seal(TRAILER_SECTION, encode_frame(without_size.encode()))
        footer = _FOOTER.pack(len(trailer), _FOOTER_MAGIC)
        parts = [self.seal.header, *(frame.sealed for frame in frames), trailer, footer]
        size = sum(map(len, parts))
        table = PackTable(**{**vars(without_size), "pack_bytes": size})
        return parts, table


def read_table(store: ObjectStore, sealer: Sealer, chain: str, kind: Kind, info: ObjectInfo) -> PackTable:
    """A pack's table from its own trailer. Raises Damaged naming the pack; Rehydrating in the archive tier."""
    name, size = info.name, info.bytes
    header = store.get_range(name, 0, HEADER_BYTES)
    seal = sealer.of(header, kind, chain, name)
    tail = store.get_range(name, max(0, size - _TAIL), min(size, _TAIL))
    length = trailer_length(tail, size, name)
    begin = size - _FOOTER.size - length
    trailer = tail[-_FOOTER.size - length : -_FOOTER.size]
    if len(trailer) < length:
        trailer = store.get_range(name, begin, length)
    return table_from_trailer(seal, trailer, chain, kind, name, size)


def table_of_pack(seal: ObjectSeal, chain: str, kind: Kind, name: str, data: bytes) -> PackTable:
    """A pack's table from the pack's bytes. Raises Damaged."""
    length = trailer_length(data, len(data), name)
    trailer = data[len(data) - _FOOTER.size - length : -_FOOTER.size]
    return table_from_trailer(seal, trailer, chain, kind, name, len(data))


def trailer_length(tail: bytes, size: int, name: str) -> int:
    """Length of the sealed trailer, from the pack's end. Raises Damaged."""
    if len(tail) < _FOOTER.size:
        raise Damaged(f"{name}: it is cut short ({size} bytes)")
    length, magic = _FOOTER.unpack(tail[-_FOOTER.size :])
    if magic != _FOOTER_MAGIC or length > size - HEADER_BYTES - _FOOTER.size:
        raise Damaged(f"{name}: its footer is not that of a pack: it was cut short or changed")
    return int(length)


def table_from_trailer(seal: ObjectSeal, trailer: bytes, chain: str, kind: Kind, name: str, size: int) -> PackTable:
    """Raises Damaged."""
    plain = bytes(decode_frame(seal.open(TRAILER_SECTION, trailer), MAX_DOCUMENT, name))
    pack = name.removeprefix(folder(chain, kind))
    table = PackTable.decode(plain, pack, kind, size, seal.header, name)
    if int(table.stored.sum(dtype=np.uint64)) + HEADER_BYTES + len(trailer) + _FOOTER.size != size:
        raise Damaged(f"{name}: it is longer or shorter than its table says")
    return table


def encode_index(tables: Sequence[PackTable]) -> bytes:
    """The plain bytes of an index object."""
    pieces = [_INDEX_HEAD.pack(INDEX_VERSION, len(tables))]
    for table in tables:
        encoded = table.encode()
        head = _INDEX_PACK.pack(bytes.fromhex(table.pack), table.kind, table.pack_bytes, table.header, len(encoded))
        pieces += (head, encoded)
    return b"".join(pieces)


def decode_index(data: bytes, name: str) -> list[PackTable]:
    """Raises Damaged."""
    try:
        version, count = _INDEX_HEAD.unpack_from(data)
        if version != INDEX_VERSION:
            raise ValueError(f"version {version} is not known")
        at = _INDEX_HEAD.size
        tables = []
        for _ in range(count):
            pack, kind, size, header, length = _INDEX_PACK.unpack_from(data, at)
            at += _INDEX_PACK.size
            encoded = data[at : at + length]
            tables.append(PackTable.decode(encoded, pack.hex(), Kind(kind), size, header, name))
            at += length
        if at != len(data):
            raise ValueError("it is longer than it says")
    except (struct.error, ValueError) as error:
        raise Damaged(f"{name}: {error}") from None
    return tables
