"""Which points and tables are hit by which damaged objects: walks every point's trees, each node once."""

from __future__ import annotations

from holdfast.model.errors import Damaged, HoldfastError
from holdfast.repository.deltas.trees import PROGRAM, StreamRef
from holdfast.repository.format import object_name
from holdfast.repository.objects.manifests import Held, ReadManifest
from holdfast.repository.points.point_reading import ChainReader, PointReader
from holdfast.repository.points.reach import Reached, chunks_of, references
from holdfast.repository.upkeep.check_packs import PackFindings

NOTHING: frozenset[str] = frozenset()


class PointWalk:
    """Remembers what every node leads to: points share most of their trees."""

    def __init__(self, reader: ChainReader, damage: dict[str, PackFindings]) -> None:
        self._reader, self._damage = reader, damage
        self._nodes: dict[bytes, frozenset[str]] = {}
        self.used: set[str] = set()
        """Names of all packs that some point needs."""

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
            for name in self._stream(stream.ref, read.name):
                found.setdefault(name, set()).update([".".join(stream.table)] if stream.table else [])
        return found

    def _held(self, held: Held, name: str) -> frozenset[str]:
        if held.inline is not None:
            return NOTHING
        try:
            return self._stream(held.stream(name), name)
        except Damaged:
            return frozenset({name})

    def _stream(self, ref: StreamRef, name: str) -> frozenset[str]:
        if ref.level == PROGRAM:
            return self._program(ref, name)
        return self._below(Reached.of(ref), name) if ref.length else NOTHING

    def _program(self, ref: StreamRef, name: str) -> frozenset[str]:
        """What hits the program: any of its nodes, and the chunks that it takes from."""
        known = self._nodes.get(ref.root)
        if known is not None:
            return known
        found: set[str] = set()
        where = name
        try:
            for reached in chunks_of(ref, self._reader.chunks.chunk, name, self._reader.streams.extents):
                hit, where = self._chunk(reached.id, name)
                found |= hit
        except HoldfastError as error:
            where = _named(error, where)
            if not found:
                self._damage.setdefault(where, PackFindings(where, what=["a program of a stream in it cannot be read"]))
            found.add(where)
        self._nodes[ref.root] = frozenset(found)
        return self._nodes[ref.root]

    def _below(self, at: Reached, name: str) -> frozenset[str]:
        known = self._nodes.get(at.id) if at.level else None
        if known is not None:
            return known
        found, where = self._chunk(at.id, name)
        if at.level and not found:
            try:
                children = references(at, self._reader.chunks.chunk, name)
            except Damaged:
                found = frozenset({where})
                self._damage.setdefault(where, PackFindings(where, what=["a node of a tree in it cannot be read"]))
            else:
                found = NOTHING.union(*(self._below(child, name) for child in children))
        if at.level:
            self._nodes[at.id] = found
        return found

    def _chunk(self, chunk: bytes, name: str) -> tuple[frozenset[str], str]:
        """The damaged object that the chunk lies in, or nothing; and the name of its pack."""
        try:
            at = self._reader.chunks.locate(chunk)
        except Damaged:
            return frozenset({name}), name
        pack = self._reader.index.packs[at.pack]
        where = object_name(self._reader.chain.id, pack.kind, pack.pack)
        self.used.add(where)
        damage = self._damage.get(where)
        hit = damage is not None and (damage.whole or at.frame in damage.frames)
        return frozenset({where} if hit else ()), where


def _named(error: HoldfastError, otherwise: str) -> str:
    """The object that an error's detail begins with."""
    name = error.detail.partition(":")[0]
    return name if name.startswith("chains/") else otherwise
