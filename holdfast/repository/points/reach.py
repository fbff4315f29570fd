"""What a stream and a point are made of: every chunk that must be there for them to be read.

Prune, check and rehydration ask here and nowhere else, so that none of them can forget a kind of chunk. A new kind of
node is added to `references` alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from holdfast.repository.deltas.extents import ExtentReader
from holdfast.repository.deltas.programs import Program
from holdfast.repository.deltas.trees import PROGRAM, StreamRef, decode_node
from holdfast.repository.points.recipes import StreamRecipe

if TYPE_CHECKING:
    from holdfast.repository.points.point_reading import PointReader

ReadChunk = Callable[[bytes], bytes]
#: The level of a program's block: a recipe chunk that names no further ones.
BLOCK = -1
#: Bytes of a program's stream whose extents are held at a time.
WINDOW = 16 << 20


@dataclass(frozen=True)
class Reached:
    """A chunk that a stream needs. `level` 0: bytes of a stream; BLOCK: operations; else a node, which names further ones.

    `length`: the bytes of a stream that stand below it.
    """

    id: bytes
    level: int
    length: int

    @classmethod
    def of(cls, ref: StreamRef) -> Reached:
        """The root of a stream that is not empty."""
        return cls(ref.root, ref.level, ref.length)


def references(node: Reached, read: ReadChunk, name: str) -> list[Reached]:
    """What a node names, in order; nothing for a chunk that is none. Raises Damaged; what `read` raises."""
    if node.level == PROGRAM:
        program = Program.decode(read(node.id), node.length, name)
        blocks = [Reached(block, BLOCK, 0) for block in program.blocks]
        return blocks + [Reached.of(source) for source in program.sources if source.length]
    if node.level <= 0:
        return []
    children = decode_node(read(node.id), node.level, name)
    return [Reached(child.id, node.level - 1, child.length) for child in children]


def _always(_: bytes) -> bool:
    return True


def chunks_of(
    ref: StreamRef, read: ReadChunk, name: str, extents: ExtentReader, enter: Callable[[bytes], bool] = _always
) -> Iterator[Reached]:
    """Every chunk that the stream needs, nodes before what they name. Memory: one node a level; of a program all nodes' ids.

    A node that `enter` answers with False is given and not gone into: whoever knows it already knows what is below.
    Raises Damaged; what `read` raises.
    """
    if ref.length == 0:
        return
    if ref.level == PROGRAM:
        if enter(ref.root):
            yield from _of_program(ref, read, name, extents)
        else:
            yield Reached.of(ref)
        return
    yield from _below(Reached.of(ref), read, name, enter)


def _below(top: Reached, read: ReadChunk, name: str, enter: Callable[[bytes], bool]) -> Iterator[Reached]:
    waiting = [iter([top])]
    while waiting:
        found = next(waiting[-1], None)
        if found is None:
            waiting.pop()
            continue
        yield found
        if found.level > 0 and enter(found.id):
            waiting.append(iter(references(found, read, name)))


def _of_program(ref: StreamRef, read: ReadChunk, name: str, extents: ExtentReader) -> Iterator[Reached]:
    """All nodes and blocks of a program and of all its sources, but of their bytes' chunks only those that it takes from.

    Nodes are not told to `enter`: of a tree that is a source only a part is needed, and a stream of its own needs all.
    """
    seen: set[bytes] = set()

    def first(node: bytes) -> bool:
        known = node in seen
        seen.add(node)
        return not known

    yield from (one for one in _below(Reached.of(ref), read, name, first) if one.level)
    for start in range(0, ref.length, WINDOW):
        found = extents.chunk_extents(ref, start, min(start + WINDOW, ref.length))
        yield from (Reached(found.chunks[number], 0, 0) for number in np.unique(found.rows[:, 0]).tolist())


def streams_of(point: PointReader) -> Iterator[tuple[StreamRef, StreamRecipe | None]]:
    """Every stream of a point: its recipe and layout where they are streams (with None), then those that the recipe names.

    Raises Damaged where the recipe cannot be read.
    """
    name = point.read.name
    for held in (point.read.manifest.recipe, point.read.manifest.layout):
        if held.inline is None:
            yield held.stream(name), None
    for stream in point.recipe.streams:
        yield stream.ref, stream
