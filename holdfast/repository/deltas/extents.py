"""Extents: which bytes of which chunks a piece of a stream is, through whatever programs and trees it is made of.

However many points a stream goes back, each of its bytes is found where the point that brought it stored it: programs
are composed piece by piece, and nothing is read but operations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from holdfast.model.errors import Damaged
from holdfast.repository.deltas.chunks import ID_BYTES
from holdfast.repository.deltas.programs import Operations, Program, decode_block
from holdfast.repository.deltas.recent import Recent
from holdfast.repository.deltas.trees import PROGRAM, StreamRef, node_table

#: Extents of one source that lie no farther apart are looked up together.
GAP = 1 << 20
#: A program whose sources are programs and so on, deeper than any writer makes them, is no program.
MAX_DEPTH = 255
_NODES, _PROGRAMS, _BLOCKS = 512, 512, 256


@dataclass(frozen=True)
class ChunkExtents:
    """Row k of `rows` is (number in `chunks`, offset in that chunk, bytes); `lengths` are those of the chunks."""

    chunks: list[bytes]
    lengths: np.ndarray
    rows: np.ndarray


@dataclass(frozen=True)
class _Inner:
    """What a piece of a source is made of: `start` is the place in the source."""

    start: np.ndarray
    source: np.ndarray
    offset: np.ndarray
    length: np.ndarray


class ExtentReader:
    """Finds extents of one chain's streams. Safe for threads; what was decoded last is kept."""

    def __init__(self, read_chunk: Callable[[bytes], bytes], name: str) -> None:
        """`read_chunk` reads a recipe chunk by its id; `name` is for messages."""
        self._read, self.name = read_chunk, name
        self._nodes: Recent[tuple[bytes, int], tuple[bytes, np.ndarray]] = Recent(_NODES)
        self._programs: Recent[bytes, Program] = Recent(_PROGRAMS)
        self._blocks: Recent[tuple[bytes, int], Operations] = Recent(_BLOCKS)

    def program(self, ref: StreamRef) -> Program:
        """The program that the stream is. Raises Damaged."""
        return self._programs.get(ref.root, lambda: Program.decode(self._read(ref.root), ref.length, self.name))

    def chunk_extents(self, ref: StreamRef, start: int, end: int) -> ChunkExtents:
        """What the bytes from `start` to `end` of a stream are. Raises Damaged."""
        leaves: list[StreamRef] = []
        rows = self.extents(ref, start, end, leaves)
        chunks: list[bytes] = []
        sizes: list[np.ndarray] = []

        def expand(source: int, low: int, high: int) -> _Inner:
            ids, starts, lengths = self._tree(leaves[source], low, high)
            numbers = np.arange(len(chunks), len(chunks) + len(ids))
            chunks.extend(ids)
            sizes.append(lengths)
            return _Inner(starts, numbers, np.zeros(len(ids), np.int64), lengths)

        found = self._expanded(rows[:, 0], rows[:, 1], rows[:, 2], expand)
        return ChunkExtents(chunks, np.concatenate(sizes), found)

    def extents(
        self, ref: StreamRef, start: int, end: int, leaves: list[StreamRef], depth: int = MAX_DEPTH
    ) -> np.ndarray:
        """Rows of (number in `leaves`, offset, bytes); the trees that are met are added to `leaves`. Raises Damaged."""
        if ref.level != PROGRAM:
            if ref not in leaves:
                leaves.append(ref)
            return np.array([[leaves.index(ref), start, end - start]], np.int64)
        if depth == 0:
            raise Damaged(f"{self.name}: a stream leads back to itself")
        program = self.program(ref)
        ops = self._operations(ref, program, start, end)

        def expand(source: int, low: int, high: int) -> _Inner | None:
            inner = program.sources[source]
            if inner.level != PROGRAM:
                return None
            rows = self.extents(inner, low, high, leaves, depth - 1)
            starts = low + np.cumsum(rows[:, 2]) - rows[:, 2]
            return _Inner(starts, rows[:, 0], rows[:, 1], rows[:, 2])

        def leaf(source: int) -> int:
            inner = program.sources[source]
            if inner not in leaves:
                leaves.append(inner)
            return leaves.index(inner)

        return self._expanded(ops.source, ops.offset, ops.length, expand, leaf)

    def _operations(self, ref: StreamRef, program: Program, start: int, end: int) -> Operations:
        """The operations that make the bytes from `start` to `end`, clipped."""
        first = int(program.ends.searchsorted(start, "right"))
        last = int(program.ends.searchsorted(end, "left"))
        found = [self.block(ref, program, number) for number in range(first, last + 1)]
        begin = int(program.ends[first - 1]) if first else 0
        source = np.concatenate([ops.source for ops in found])
        offset = np.concatenate([ops.offset for ops in found])
        length = np.concatenate([ops.length for ops in found])
        stops = begin + np.cumsum(length)
        low, high = int(stops.searchsorted(start, "right")), int(stops.searchsorted(end, "left")) + 1
        source, offset, length = source[low:high], offset[low:high], length[low:high]
        before = start - (int(stops[low]) - int(length[0]))
        offset[0] += before
        length[0] -= before
        length[-1] -= int(stops[high - 1]) - end
        return Operations(source, offset, length)

    def block(self, ref: StreamRef, program: Program, number: int) -> Operations:
        """The operations of one block of the program that the stream is. Raises Damaged."""
        return self._blocks.get(
            (ref.root, number), lambda: decode_block(self._read(program.blocks[number]), program, number, self.name)
        )

    def node(self, node: bytes, level: int) -> tuple[bytes, np.ndarray]:
        """The ids of a tree's node's children, back to back, and where each ends in its part of it. Raises Damaged."""
        return self._nodes.get((node, level), lambda: node_table(self._read(node), level, self.name))

    def _expanded(
        self,
        source: np.ndarray,
        offset: np.ndarray,
        length: np.ndarray,
        expand: Callable[[int, int, int], _Inner | None],
        leaf: Callable[[int], int] | None = None,
    ) -> np.ndarray:
        """Every extent replaced by what `expand` says of its source, or numbered by `leaf` where it says nothing."""
        # Loaded where a stream is read: numba takes a while, and lists need none.
        from holdfast.repository.deltas.program_loops import through

        first, count = np.zeros(len(source), np.int64), np.zeros(len(source), np.int64)
        final = np.zeros(len(source), np.int64)
        inners: list[_Inner] = []
        total = room = 0
        for number in np.unique(source).tolist():
            rows = np.flatnonzero(source == number)
            for group in _near(rows, offset, length):
                low, high = int(offset[group].min()), int((offset[group] + length[group]).max())
                inner = expand(number, low, high)
                if inner is None:
                    assert leaf is not None  # noqa: S101 (only sources that are trees are not expanded)
                    final[rows] = leaf(number)
                    room += len(rows)
                    break
                inners.append(inner)
                first[group], count[group] = total, len(inner.start)
                total += len(inner.start)
                begins = inner.start.searchsorted(offset[group], "right")
                room += int((inner.start.searchsorted(offset[group] + length[group], "left") - begins + 1).sum())
        out = np.empty((room, 3), np.int64)
        made = through(offset, length, first, count, *_joined(inners), final, out)
        if made < 0:
            raise Damaged(f"{self.name}: a program takes more of a stream than there is")
        return out[:made]

    def _tree(self, ref: StreamRef, low: int, high: int) -> tuple[list[bytes], np.ndarray, np.ndarray]:
        """Ids, places and lengths of the chunks of a tree that touch the bytes from `low` to `high`."""
        if high > ref.length:
            raise Damaged(f"{self.name}: a program takes more of a stream than there is")
        ids: list[bytes] = []
        starts: list[np.ndarray] = []
        lengths: list[np.ndarray] = []
        self._under(ref.root, ref.level, (0, ref.length), (low, high), (ids, starts, lengths))
        return ids, np.concatenate(starts), np.concatenate(lengths)

    def _under(
        self,
        node: bytes,
        level: int,
        span: tuple[int, int],
        wanted: tuple[int, int],
        found: tuple[list[bytes], list[np.ndarray], list[np.ndarray]],
    ) -> None:
        at, end = span
        if level == 0:
            found[0].append(node)
            found[1].append(np.array([at], np.int64))
            found[2].append(np.array([end - at], np.int64))
            return
        ids, ends = self.node(node, level)
        if int(ends[-1]) != end - at:
            raise Damaged(f"{self.name}: a node of a tree stands for another number of bytes")
        low = int(ends.searchsorted(wanted[0] - at, "right"))
        high = min(int(ends.searchsorted(wanted[1] - at, "left")) + 1, len(ends))
        begins = np.concatenate(([0], ends[:-1]))
        if level == 1:
            found[0].extend(ids[n * ID_BYTES : (n + 1) * ID_BYTES] for n in range(low, high))
            found[1].append(at + begins[low:high])
            found[2].append(ends[low:high] - begins[low:high])
            return
        for n in range(low, high):
            child = ids[n * ID_BYTES : (n + 1) * ID_BYTES]
            self._under(child, level - 1, (at + int(begins[n]), at + int(ends[n])), wanted, found)


def _near(rows: np.ndarray, offset: np.ndarray, length: np.ndarray) -> Iterator[np.ndarray]:
    """The extents (numbers in `rows`) in groups that lie near each other in their source, in whatever order."""
    begins = offset[rows]
    order = np.argsort(begins, kind="stable")
    begins = begins[order]
    ends = np.maximum.accumulate(begins + length[rows][order])
    edges = [0, *(np.flatnonzero(begins[1:] > ends[:-1] + GAP) + 1).tolist(), len(rows)]
    for low, high in pairwise(edges):
        yield rows[order[low:high]]


def _joined(inners: list[_Inner]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    if not inners:
        none = np.empty(0, np.int64)
        return none, none, none, none
    return (
        np.concatenate([one.start for one in inners]),
        np.concatenate([one.source for one in inners]).astype(np.int64),
        np.concatenate([one.offset for one in inners]),
        np.concatenate([one.length for one in inners]),
    )
