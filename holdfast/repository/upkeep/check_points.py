"""Which points and tables are hit by which damaged objects: every program and every node of a tree is read once.

What is hit is handed up, from chunks to trees and from sources to the programs that take from them: as whole streams, or
as the ranges of their bytes, since a program needs only what it takes.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from holdfast.model.errors import Damaged, HoldfastError
from holdfast.repository.deltas.chunks import ID_BYTES
from holdfast.repository.deltas.programs import Program
from holdfast.repository.deltas.ranges import carried, joined, ranges_of
from holdfast.repository.deltas.trees import PROGRAM, StreamRef
from holdfast.repository.format import object_name
from holdfast.repository.objects.manifests import Held, ReadManifest
from holdfast.repository.points.point_reading import ChainReader, PointReader
from holdfast.repository.upkeep.check_packs import PackFindings

NOTHING: frozenset[str] = frozenset()


@dataclass(frozen=True)
class _Hits:
    """What a stream, or a node's part of one, cannot be read for: names of damaged objects."""

    whole: frozenset[str] = NOTHING
    ranges: dict[str, np.ndarray] = field(default_factory=dict)  # the bytes that are hit alone

    @property
    def names(self) -> frozenset[str]:
        return self.whole.union(self.ranges)


_NONE = _Hits()


class PointWalk:
    """Remembers what hits every stream and node: points share most of them."""

    def __init__(self, reader: ChainReader, damage: dict[str, PackFindings]) -> None:
        self._reader, self._damage = reader, damage
        self._extents = reader.streams.extents
        self._known: dict[bytes, _Hits] = {}
        self._open: set[bytes] = set()  # programs whose sources are being walked
        self._used = np.zeros(0, np.bool_)

    @property
    def used(self) -> set[str]:
        """Names of all packs that hold something of what points are made of."""
        return {self._name(number) for number in np.flatnonzero(self._used).tolist()}

    def hits(self, read: ReadManifest) -> dict[str, set[str]]:
        """Names of the damaged objects that the point needs, with the tables that do; its manifest for what is nowhere.

        No table is named where the recipe itself, the layout or another entry is hit.
        """
        manifest = read.manifest
        point = PointReader(self._reader, read)
        found: dict[str, set[str]] = {}
        for held in (manifest.recipe, manifest.layout):
            for name in self._held(held, read.name):
                found.setdefault(name, set())
        try:
            streams = point.recipe.streams
            _ = point.layout
        except HoldfastError as error:
            # A frame that only reading finds damaged is named by the error where the walk above did not find it.
            return found or {_named(error, read.name): set()}
        for stream in streams:
            for name in self._stream(stream.ref, read.name).names:
                found.setdefault(name, set()).update([".".join(stream.table)] if stream.table else [])
        return found

    def _held(self, held: Held, name: str) -> frozenset[str]:
        if held.inline is not None:
            return NOTHING
        try:
            return self._stream(held.stream(name), name).names
        except Damaged:
            return frozenset({name})

    def _stream(self, ref: StreamRef, name: str) -> _Hits:
        if not ref.length:
            return _NONE
        if ref.level == 0:
            return self._chunks(ref.root, np.array([ref.length], np.int64), name)
        if ref.root not in self._known:
            self._known[ref.root] = (
                self._program(ref, name) if ref.level == PROGRAM else self._tree(ref.root, ref.level, ref.length, name)
            )
        return self._known[ref.root]

    def _program(self, ref: StreamRef, name: str) -> _Hits:
        own = self._where(ref.root, name)
        if own.names:
            return _Hits(own.names)
        try:
            if ref.root in self._open:
                raise Damaged(f"{name}: a stream leads back to itself")
            program = self._extents.program(ref)
        except HoldfastError as error:
            return self._unreadable(error, ref.root, name, "a program of a stream in it cannot be read")
        self._open.add(ref.root)
        sources = [self._stream(source, name) for source in program.sources]
        self._open.discard(ref.root)
        whole = NOTHING.union(*(source.whole for source in sources))
        whole |= self._where(b"".join(program.blocks), name).names
        parts: dict[str, list[np.ndarray]] = {}
        for number in range(len(program.blocks)):
            whole |= self._block(ref, program, number, sources, parts, name)
        return _told(whole, parts)

    def _block(
        self,
        ref: StreamRef,
        program: Program,
        number: int,
        sources: list[_Hits],
        parts: dict[str, list[np.ndarray]],
        name: str,
    ) -> frozenset[str]:
        """Adds to `parts` what hits bytes that the block takes; returns what the block itself cannot be read for."""
        try:
            ops = self._extents.block(ref, program, number)
        except HoldfastError as error:
            return self._unreadable(
                error, program.blocks[number], name, "a program of a stream in it cannot be read"
            ).whole
        hit = [source for source, hits in enumerate(sources) if hits.ranges]
        if hit:
            begin = int(program.ends[number - 1]) if number else 0
            place = begin + np.cumsum(ops.length) - ops.length
            for source in hit:
                own = np.flatnonzero(ops.source == source)
                for where, ranges in sources[source].ranges.items():
                    taken = carried(ops.offset[own], place[own], ops.length[own], ranges)
                    if len(taken):
                        parts.setdefault(where, []).append(taken)
        return NOTHING

    def _tree(self, node: bytes, level: int, length: int, name: str) -> _Hits:
        """Ranges count from the node's beginning."""
        known = self._known.get(node)
        if known is not None:
            return known
        self._known[node] = found = self._walked(node, level, length, name)
        return found

    def _walked(self, node: bytes, level: int, length: int, name: str) -> _Hits:
        own = self._where(node, name)
        if own.names:
            return _Hits(own.names)
        try:
            ids, ends = self._extents.node(node, level)
            if int(ends[-1]) != length:
                raise Damaged(f"{name}: a node of a tree stands for another number of bytes")
        except HoldfastError as error:
            return self._unreadable(error, node, name, "a node of a tree in it cannot be read")
        if level == 1:
            return self._chunks(ids, ends, name)
        whole = NOTHING
        parts: dict[str, list[np.ndarray]] = {}
        for n, begin in enumerate([0, *ends[:-1].tolist()]):
            below = self._tree(ids[n * ID_BYTES : (n + 1) * ID_BYTES], level - 1, int(ends[n]) - begin, name)
            whole |= below.whole
            for where, ranges in below.ranges.items():
                parts.setdefault(where, []).append(ranges + begin)
        return _told(whole, parts)

    def _where(self, ids: bytes, name: str) -> _Hits:
        return self._chunks(ids, np.arange(1, len(ids) // ID_BYTES + 1), name)

    def _chunks(self, ids: bytes, ends: np.ndarray, name: str) -> _Hits:
        """What hits chunks that lie back to back and end at `ends`; the manifest for those that are nowhere."""
        packs, frames = self._reader.chunks.frames_of(ids)
        begins = np.concatenate(([0], ends[:-1]))
        found: dict[str, np.ndarray] = {}
        for number in np.unique(packs).tolist():
            where, hit = name, packs == number
            if number >= 0:
                where = self._use(number)
                damage = self._damage.get(where)
                if damage is None:
                    continue
                hit &= damage.whole | np.isin(frames, list(damage.frames))
            if hit.any():
                found[where] = ranges_of(begins[hit], ends[hit])
        return _Hits(NOTHING, found) if found else _NONE

    def _unreadable(self, error: HoldfastError, chunk: bytes, name: str, what: str) -> _Hits:
        """Names the object that a node or block lies in, and remembers that it is damaged."""
        packs, _ = self._reader.chunks.frames_of(chunk)
        where = _named(error, self._name(int(packs[0])) if packs[0] >= 0 else name)
        self._damage.setdefault(where, PackFindings(where, what=[what]))
        return _Hits(frozenset({where}))

    def _use(self, number: int) -> str:
        if number >= len(self._used):
            self._used = np.concatenate([self._used, np.zeros(number + 1024, np.bool_)])
        self._used[number] = True
        return self._name(number)

    def _name(self, number: int) -> str:
        pack = self._reader.index.packs[number]
        return object_name(self._reader.chain.id, pack.kind, pack.pack)


def _told(whole: frozenset[str], parts: dict[str, list[np.ndarray]]) -> _Hits:
    if not whole and not parts:
        return _NONE
    return _Hits(whole, {where: joined(ranges) for where, ranges in parts.items()})


def _named(error: HoldfastError, otherwise: str) -> str:
    """The object that an error's detail begins with."""
    name = error.detail.partition(":")[0]
    return name if name.startswith("chains/") else otherwise
