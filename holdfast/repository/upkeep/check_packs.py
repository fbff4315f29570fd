"""Reads a pack whole and says what of it is damaged."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from holdfast.model.errors import Damaged, HoldfastError
from holdfast.repository.deltas.chunks import ID_BYTES, ChunkNamer
from holdfast.repository.format import HEADER_BYTES, Kind
from holdfast.repository.frames.codecs import decode_frame
from holdfast.repository.objects.index import IndexedPack
from holdfast.repository.objects.packs import PackTable, table_of_pack
from holdfast.repository.objects.seal import ObjectSeal, Sealer


@dataclass
class PackFindings:
    """What is wrong with a pack. `frames`: numbers of frames that cannot be used; `whole`: none of them can."""

    name: str
    bytes_read: int = 0
    what: list[str] = field(default_factory=list)
    frames: set[int] = field(default_factory=set)
    whole: bool = False


def check_pack(
    sealer: Sealer, chain: str, kind: Kind, name: str, data: bytes, indexed: IndexedPack | None
) -> PackFindings:
    """Verifies header, footer, trailer, every frame and every chunk's id.

    With what the index says of the pack its frames can be read even where its header or trailer is damaged.
    """
    found = PackFindings(name, bytes_read=len(data))
    try:
        seal = sealer.of(data[:HEADER_BYTES], kind, chain, name)
        if indexed is not None and seal.header != indexed.header:
            raise Damaged(f"{name}: its header is not the one that it was written with")
    except HoldfastError as error:
        found.what.append(_short(error, name))
        if indexed is None:
            found.whole = True
            return found
        seal = sealer.of(indexed.header, kind, chain, name)
    table = _own_table(found, seal, chain, kind, data)
    if table is not None:
        frames = _Frames(table.offsets, table.stored, table.plain)
    elif indexed is not None:
        frames = _Frames(indexed.offsets, indexed.stored, indexed.plain)
    else:
        found.whole = True
        return found
    namer = sealer.namer(chain, kind)
    _check_frames(found, seal, frames, data, _Chunks(namer, table) if table is not None else None)
    return found


@dataclass(frozen=True)
class _Frames:
    offsets: np.ndarray
    stored: np.ndarray
    plain: np.ndarray


@dataclass
class _Chunks:
    namer: ChunkNamer
    table: PackTable

    def __post_init__(self) -> None:
        self.ends = np.cumsum(self.table.counts).tolist()

    def verify(self, frame: int, plain: bytes, name: str) -> None:
        """Raises Damaged where a chunk of the frame is not what its id says."""
        at = 0
        for number in range(self.ends[frame - 1] if frame else 0, self.ends[frame]):
            length = int(self.table.lengths[number])
            told = self.table.ids[ID_BYTES * number : ID_BYTES * (number + 1)]
            if self.namer.name(plain[at : at + length]) != told:
                raise Damaged(f"{name}: frame {frame} holds a chunk under another's id")
            at += length


def _own_table(found: PackFindings, seal: ObjectSeal, chain: str, kind: Kind, data: bytes) -> PackTable | None:
    try:
        return table_of_pack(seal, chain, kind, found.name, data)
    except HoldfastError as error:
        found.what.append(_short(error, found.name))
        return None


def _check_frames(found: PackFindings, seal: ObjectSeal, frames: _Frames, data: bytes, chunks: _Chunks | None) -> None:
    for number, (begin, stored, most) in enumerate(zip(*(one.tolist() for one in vars(frames).values()), strict=True)):
        try:
            plain = decode_frame(seal.open(number, data[begin : begin + stored]), most, found.name)
            if chunks is not None:
                chunks.verify(number, bytes(plain), found.name)
        except HoldfastError as error:
            found.what.append(_short(error, found.name))
            found.frames.add(number)


def _short(error: HoldfastError, name: str) -> str:
    return error.detail.removeprefix(f"{name}: ")
