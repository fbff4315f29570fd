"""Writes the chunks that are needed of old packs into new ones, sealed anew. Memory: one old pack and one new one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from holdfast.model.errors import Damaged
from holdfast.repository.deltas.chunks import ID_BYTES
from holdfast.repository.format import HEADER_BYTES, Kind, new_id, object_name
from holdfast.repository.frames.codecs import decode_frame, encode_frame
from holdfast.repository.objects.chain import Chain
from holdfast.repository.objects.packs import PackBuilder, PackTable, encode_index, table_of_pack
from holdfast.repository.objects.seal import put_document
from holdfast.repository.points.frame_writing import FRAME_BYTES
from holdfast.repository.points.writing import INDEX_CHUNKS
from holdfast.repository.upkeep.marking import kept_whole
from holdfast.repository.upkeep.read_back import read_back
from holdfast.storage import ObjectInfo, Tier


@dataclass
class _Frame:
    coded: bytes
    plain: int
    ids: list[bytes]
    lengths: list[int]
    sources: set[str]  # names of the packs that it was taken from


@dataclass
class _Loose:
    """Chunks of frames that are coded anew, until there are enough for a frame."""

    chunks: list[bytes] = field(default_factory=list)
    ids: list[bytes] = field(default_factory=list)
    sources: set[str] = field(default_factory=set)
    size: int = 0

    def add(self, chunk_id: bytes, chunk: bytes, source: str) -> None:
        self.sources.add(source)
        self.ids.append(chunk_id)
        self.chunks.append(chunk)
        self.size += len(chunk)

    def frame(self) -> _Frame:
        plain = b"".join(self.chunks)
        return _Frame(encode_frame(plain), len(plain), self.ids, [len(chunk) for chunk in self.chunks], self.sources)


class Repacker:
    """Rewrites packs of one kind into new packs of one tier. Call `finish` at the end."""

    def __init__(self, chain: Chain, kind: Kind, tier: Tier, pack_bytes: int, put_index: Callable[[PackTable], None]):
        """`put_index` is told the table of every new pack that lies in the storage."""
        self.chain, self.kind, self.tier = chain, kind, tier
        self._pack_bytes, self._put_index = pack_bytes, put_index
        self._loose = _Loose()
        self._builder: PackBuilder | None = None
        self._sections = 0
        self._sources: set[str] = set()  # of the open pack
        self.damaged: dict[str, str] = {}
        """New packs that the storage does not give back as they were written, with what is wrong. No index names them."""
        self.failed: set[str] = set()
        """Packs that were taken over into one of those: they must stay."""

    def take(self, info: ObjectInfo, needed: np.ndarray) -> None:
        """Takes over what is needed of a pack: `needed` as `LiveChunks.places` tells. Raises Damaged, then nothing of it."""
        whole, loose = self._parts(info, needed)
        for frame in whole:
            self._add(frame)
        for chunk_id, chunk in loose:
            self._loose.add(chunk_id, chunk, info.name)
            if self._loose.size >= FRAME_BYTES:
                self._close_loose()

    def finish(self) -> None:
        """What was taken over is in the storage when this returns, and was read back from there, but for what `failed`."""
        self._close_loose()
        self._close_pack()

    def _parts(self, info: ObjectInfo, needed: np.ndarray) -> tuple[list[_Frame], list[tuple[bytes, bytes]]]:
        name, data = info.name, self.chain.store.get(info.name)
        seal = self.chain.sealer.of(data[:HEADER_BYTES], self.kind, self.chain.id, name)
        table = table_of_pack(seal, self.chain.id, self.kind, name, data)
        frames, offsets = table.chunk_places()
        alive = np.isin((frames.astype(np.uint64) << np.uint64(32)) | offsets, needed, assume_unique=True)
        if int(alive.sum()) != len(needed):
            raise Damaged(f"{name}: its table is not the one that the index holds")
        whole: list[_Frame] = []
        loose: list[tuple[bytes, bytes]] = []
        ends, begins = np.cumsum(table.counts).tolist(), table.offsets.tolist()
        for number, (end, begin) in enumerate(zip(ends, begins, strict=True)):
            first, plain_bytes = end - int(table.counts[number]), int(table.plain[number])
            lengths = table.lengths[first:end].tolist()
            share = sum(length for at, length in enumerate(lengths, first) if alive[at]) / max(plain_bytes, 1)
            if not share:
                continue
            coded = seal.open(number, data[begin : begin + int(table.stored[number])])
            ids = [table.ids[ID_BYTES * at : ID_BYTES * (at + 1)] for at in range(first, end)]
            if kept_whole(int(table.codecs[number]), share):
                whole.append(_Frame(coded, plain_bytes, ids, lengths, {name}))
                continue
            plain, at = decode_frame(coded, plain_bytes, name), 0
            for chunk_id, length, place in zip(ids, lengths, range(first, end), strict=True):
                if alive[place]:
                    loose.append((chunk_id, bytes(plain[at : at + length])))
                at += length
        return whole, loose

    def _close_loose(self) -> None:
        if self._loose.chunks:
            self._add(self._loose.frame())
            self._loose = _Loose()

    def _add(self, frame: _Frame) -> None:
        if self._builder is None:
            pack = new_id()
            name = object_name(self.chain.id, self.kind, pack)
            self._builder = PackBuilder(self.chain.sealer.new(self.kind, self.chain.id, name), pack, self.kind)
            self._sections = 0
        sealed = self._builder.seal.seal(self._sections, frame.coded)
        self._builder.add(sealed, frame.coded[0], frame.plain, frame.ids, frame.lengths)
        self._sections += 1
        self._sources |= frame.sources
        if self._builder.pack_bytes >= self._pack_bytes:
            self._close_pack()

    def _close_pack(self) -> None:
        if self._builder is None:
            return
        parts, table = self._builder.finish()
        self._builder = None
        sources, self._sources = self._sources, set()
        name = object_name(self.chain.id, self.kind, table.pack)
        self.chain.store.put(name, parts, tier=self.tier)
        del parts  # what is read back takes their place in memory
        found = read_back(self.chain, self.kind, name)
        if found.what:
            self.damaged[name] = "; ".join(found.what[:3])
            self.failed |= sources
        else:
            self._put_index(table)


class IndexWriter:
    """Writes index objects of packs that lie in the storage already."""

    def __init__(self, chain: Chain) -> None:
        self._chain = chain
        self._tables: list[PackTable] = []
        self._chunks = 0
        self.written: dict[str, int] = {}
        """Names of the index objects that were written, with their bytes."""

    def add(self, table: PackTable) -> None:
        """A further pack."""
        self._tables.append(table)
        self._chunks += len(table.lengths)
        if self._chunks >= INDEX_CHUNKS:
            self.finish()

    def finish(self) -> None:
        """Every pack that was added is named by an index object when this returns."""
        if not self._tables:
            return
        tables, self._tables, self._chunks = self._tables, [], 0
        name = object_name(self._chain.id, Kind.INDEX, new_id())
        plain = encode_index(tables)
        store, sealer = self._chain.store, self._chain.sealer
        self.written[name] = put_document(store, sealer, Kind.INDEX, self._chain.id, name, plain)
