"""Which points are hit by which damaged objects: walks every point's trees, each node once."""

from __future__ import annotations

from holdfast.model.errors import Damaged, HoldfastError
from holdfast.repository.check_packs import PackFindings
from holdfast.repository.format import object_name
from holdfast.repository.manifests import Held, ReadManifest
from holdfast.repository.point_reading import ChainReader, PointReader
from holdfast.repository.programs import Program
from holdfast.repository.trees import PROGRAM, StreamRef, decode_node


class PointWalk:
    """Remembers what every node leads to: points share most of their trees."""

    def __init__(self, reader: ChainReader, damage: dict[str, PackFindings]) -> None:
        self._reader, self._damage = reader, damage
        self._nodes: dict[bytes, frozenset[str]] = {}
        self.used: set[str] = set()
        """Names of all packs that some point needs."""

    def objects_that_hit(self, read: ReadManifest) -> set[str]:
        """Names of the damaged objects that the point needs; its manifest where it needs what is nowhere."""
        manifest = read.manifest
        point = PointReader(self._reader, read)
        found: set[str] = set()
        for held in (manifest.recipe, manifest.layout):
            found |= self._held(held, read.name)
        try:
            streams = point.recipe.streams
            _ = point.layout
        except HoldfastError as error:
            # A frame that only reading finds damaged is named by the error where the walk above did not find it.
            return found or {_named(error, read.name)}
        for stream in streams:
            found |= self._stream(stream.ref, read.name)
        return found

    def _held(self, held: Held, name: str) -> frozenset[str]:
        if held.inline is not None:
            return frozenset()
        try:
            return self._stream(held.stream(name), name)
        except Damaged:
            return frozenset({name})

    def _stream(self, ref: StreamRef, name: str) -> frozenset[str]:
        if not ref.length:
            return frozenset()
        return self._program(ref, name) if ref.level == PROGRAM else self._node(ref.root, ref.level, name)

    def _program(self, ref: StreamRef, name: str) -> frozenset[str]:
        """What hits the program itself, its blocks or anything of its sources."""
        known = self._nodes.get(ref.root)
        if known is not None:
            return known
        found, where = self._chunk(ref.root, name)
        if not found:
            try:
                program = Program.decode(self._reader.chunks.chunk(ref.root), ref.length, name)
            except Damaged:
                found = frozenset({where})
                self._damage.setdefault(where, PackFindings(where, what=["a program of a stream in it cannot be read"]))
            else:
                blocks = (self._chunk(block, name)[0] for block in program.blocks)
                found = frozenset().union(*blocks, *(self._stream(source, name) for source in program.sources))
        self._nodes[ref.root] = found
        return found

    def _node(self, node: bytes, level: int, name: str) -> frozenset[str]:
        known = self._nodes.get(node) if level else None
        if known is not None:
            return known
        found, where = self._chunk(node, name)
        if level and not found:
            try:
                children = decode_node(self._reader.chunks.chunk(node), level, name)
            except Damaged:
                found = frozenset({where})
                self._damage.setdefault(where, PackFindings(where, what=["a node of a tree in it cannot be read"]))
            else:
                found = frozenset().union(*(self._node(child.id, level - 1, name) for child in children))
        if level:
            self._nodes[node] = found
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
