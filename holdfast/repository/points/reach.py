"""What points are made of: every chunk that must be there for them to be read.

Prune and rehydration ask here and nowhere else, so that none of them can forget a kind of chunk; a check, which must
name what is hit, walks the same streams the other way (upkeep/check_points.py).

Streams share most of what they are made of, so nothing is walked stream by stream: which bytes of each stream are needed
is handed down from programs to their sources, every program after all that take from it, and every tree is walked once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from holdfast.model.errors import Damaged
from holdfast.repository.deltas.chunks import ID_BYTES
from holdfast.repository.deltas.extents import ExtentReader
from holdfast.repository.deltas.ranges import EMPTY, carried, joined, touched
from holdfast.repository.deltas.trees import PROGRAM, StreamRef
from holdfast.repository.points.recipes import StreamRecipe

if TYPE_CHECKING:
    from holdfast.repository.points.point_reading import PointReader

#: Ids that are handed over at a time.
BATCH = 1 << 16


def streams_of(point: PointReader) -> Iterator[tuple[StreamRef, StreamRecipe | None]]:
    """Every stream of a point: its recipe and layout where they are streams (with None), then those that the recipe names.

    Raises Damaged where the recipe cannot be read.
    """
    for ref in held_streams(point):
        yield ref, None
    for stream in point.recipe.streams:
        yield stream.ref, stream


def held_streams(point: PointReader) -> Iterator[StreamRef]:
    """The point's recipe and layout, where they are streams. Raises Damaged."""
    name = point.read.name
    for held in (point.read.manifest.recipe, point.read.manifest.layout):
        if held.inline is None:
            yield held.stream(name)


class Needed:
    """Give it streams with `add`, then take the `chunks` of all of them.

    Of a program all nodes and blocks are needed, and those of all its sources; of their bytes only the chunks that it
    takes from. Memory: a name and the needed ranges of each program and tree; blocks and nodes one at a time.
    """

    def __init__(self, extents: ExtentReader, check: Callable[[], None] = lambda: None) -> None:
        """`check` is called often; raises to stop."""
        self._extents, self._check = extents, check
        self._refs: dict[bytes, StreamRef] = {}
        self._ranges: dict[bytes, np.ndarray] = {}
        self._whole: set[tuple[bytes, int]] = set()  # nodes of which every chunk was given
        self._ids: list[bytes] = []
        self._waiting = 0

    def add(self, ref: StreamRef) -> None:
        """A stream of which every byte is needed."""
        if ref.length:
            self._refs[ref.root] = ref
            self._ranges[ref.root] = np.array([[0, ref.length]], np.int64)

    def chunks(self) -> Iterator[bytes]:
        """Their ids, back to back, some BATCH at a time; one may come several times. Raises Damaged; what reading raises."""
        programs = self._users_first()
        for ref in programs:
            self._check()
            self._program(ref)
            yield from self._batch(BATCH)
        for root, ref in self._refs.items():
            if ref.level != PROGRAM:
                self._check()
                yield from self._tree(root, ref.level, (0, ref.length), self._ranges.pop(root))
        yield from self._batch(1)

    def _users_first(self) -> list[StreamRef]:
        """All programs, each before those that it takes from; trees that are met are put down."""
        done: list[StreamRef] = []
        state: dict[bytes, bool] = {}  # whether it is done
        for top in [ref for ref in self._refs.values() if ref.level == PROGRAM]:
            waiting = [top]
            while waiting:
                ref = waiting[-1]
                if state.get(ref.root, False):
                    waiting.pop()
                    continue
                if ref.root in state:
                    state[ref.root] = True
                    done.append(waiting.pop())
                    continue
                self._check()
                state[ref.root] = False
                for source in self._extents.program(ref).sources:
                    if source.length and source.level == PROGRAM:
                        if state.get(source.root) is False:
                            raise Damaged(f"{self._extents.name}: a stream leads back to itself")
                        waiting.append(source)
        done.reverse()
        return done

    def _program(self, ref: StreamRef) -> None:
        program = self._extents.program(ref)
        ranges = self._ranges.pop(ref.root)
        self._give(ref.root, *program.blocks)
        begins = np.concatenate(([0], program.ends[:-1]))
        taken: list[list[np.ndarray]] = [[] for _ in program.sources]
        for number in np.flatnonzero(touched(begins, program.ends, ranges)).tolist():
            ops = self._extents.block(ref, program, number)
            place = int(begins[number]) + np.cumsum(ops.length) - ops.length
            for source in np.unique(ops.source).tolist():
                own = np.flatnonzero(ops.source == source)
                taken[source].append(carried(place[own], ops.offset[own], ops.length[own], ranges))
        for source, parts in zip(program.sources, taken, strict=True):
            if source.length:
                self._refs.setdefault(source.root, source)
                known = self._ranges.get(source.root, EMPTY)
                self._ranges[source.root] = joined([known, *parts])

    def _tree(self, node: bytes, level: int, span: tuple[int, int], ranges: np.ndarray) -> Iterator[bytes]:
        """The node, all nodes below it, and the chunks with bytes in `ranges`; both count from the stream's beginning."""
        if level == 0:
            if len(ranges):
                self._give(node)
            return
        if (node, level) in self._whole:
            return
        if len(ranges) == 1 and ranges[0, 0] <= span[0] and span[1] <= ranges[0, 1]:
            self._whole.add((node, level))
        self._give(node)
        ids, ends = self._extents.node(node, level)
        if int(ends[-1]) != span[1] - span[0]:
            raise Damaged(f"{self._extents.name}: a node of a tree stands for another number of bytes")
        begins, ends = span[0] + np.concatenate(([0], ends[:-1])), span[0] + ends
        if level == 1:
            chosen = touched(begins, ends, ranges)
            if chosen.all():
                self._give_many(ids)
            else:
                for n in np.flatnonzero(chosen).tolist():
                    self._give(ids[n * ID_BYTES : (n + 1) * ID_BYTES])
            yield from self._batch(BATCH)
            return
        self._check()
        for n in range(len(ends)):
            low, high = int(begins[n]), int(ends[n])
            own = ranges[ranges[:, 1].searchsorted(low, "right") : ranges[:, 0].searchsorted(high, "left")]
            yield from self._tree(ids[n * ID_BYTES : (n + 1) * ID_BYTES], level - 1, (low, high), own)

    def _give(self, *ids: bytes) -> None:
        self._ids += ids
        self._waiting += len(ids)

    def _give_many(self, ids: bytes) -> None:
        self._ids.append(ids)
        self._waiting += len(ids) // ID_BYTES

    def _batch(self, least: int) -> Iterator[bytes]:
        if self._waiting >= least:
            batch, self._ids, self._waiting = b"".join(self._ids), [], 0
            yield batch
