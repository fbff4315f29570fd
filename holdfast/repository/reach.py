"""What a stream and a point are made of: every chunk that must be there for them to be read.

Prune, check and rehydration ask here and nowhere else, so that none of them can forget a kind of chunk. A new kind of
node is added to `references` alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from holdfast.repository.recipes import StreamRecipe
from holdfast.repository.trees import StreamRef, decode_node

if TYPE_CHECKING:
    from holdfast.repository.point_reading import PointReader

ReadChunk = Callable[[bytes], bytes]


@dataclass(frozen=True)
class Reached:
    """A chunk that a stream needs. `level` 0: it names no further ones; else it is a node, of class recipe.

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
    """What a node names, in order; nothing for a chunk of level 0. Raises Damaged; what `read` raises."""
    if node.level == 0:
        return []
    children = decode_node(read(node.id), node.level, name)
    return [Reached(child.id, node.level - 1, child.length) for child in children]


def _always(_: bytes) -> bool:
    return True


def chunks_of(
    ref: StreamRef, read: ReadChunk, name: str, enter: Callable[[bytes], bool] = _always
) -> Iterator[Reached]:
    """Every chunk that the stream needs, nodes before what they name. Memory: one node a level.

    A node that `enter` answers with False is given and not gone into: whoever knows it already knows what is below.
    Raises Damaged; what `read` raises.
    """
    if ref.length == 0:
        return
    waiting = [iter([Reached.of(ref)])]
    while waiting:
        found = next(waiting[-1], None)
        if found is None:
            waiting.pop()
            continue
        yield found
        if found.level and enter(found.id):
            waiting.append(iter(references(found, read, name)))


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
