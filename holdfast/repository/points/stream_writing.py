"""Writes streams: as trees of chunks, or as programs over the streams of the point before."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from holdfast.repository.deltas.base_damage import named_base
from holdfast.repository.deltas.chunks import Chunker, ChunkSizes
from holdfast.repository.deltas.delta import LITERALS, StreamDelta
from holdfast.repository.deltas.extents import ExtentReader
from holdfast.repository.deltas.known_chunks import KnownChunks
from holdfast.repository.deltas.programs import Operations, ProgramWriter
from holdfast.repository.deltas.trees import PROGRAM, StreamRef, TreeBuilder
from holdfast.repository.points.frame_writing import OWN_FRAMES, FrameWriter
from holdfast.repository.points.stream_reading import ReadAhead, StreamReader
from holdfast.repository.points.table_rows import TableRows

#: Programs on programs: deeper ones are composed into one. What is composed to read a byte is that many steps.
DEEPEST = 12
#: A stream that composes into shorter extents or more sources stays as it is up to twice that depth, and is then stored
#: anew as a whole: reading it costs more than storing it.
SHORTEST_EXTENT, MOST_LEAVES = 96, 160
#: Bytes of a stream that are composed in one go.
_COMPOSED = 32 << 20

Pieces = Iterable[bytes]


@dataclass(frozen=True)
class StreamKind:
    """How a stream is cut, whose rows it is, and where its chunks go where not with the data."""

    sizes: ChunkSizes
    rows: TableRows | None = None
    writer: FrameWriter | None = None
    length: int = 0  # of the whole stream where it is known before it is read
    alone: bool = False  # shares no frame, so that damage of others does not reach it


class StreamWriter:
    """Writes the streams of one point, each whole before the next."""

    def __init__(
        self, data: FrameWriter, recipes: FrameWriter, boundary_key: bytes, reader: StreamReader | None
    ) -> None:
        """`reader` reads the point before; None where there is none or its streams may not be used."""
        self._data, self._recipes, self._key, self._reader = data, recipes, boundary_key, reader

    def tree(self, pieces: Pieces, kind: StreamKind) -> StreamRef:
        """The stream as a tree of chunks of its own."""
        writer = kind.writer or self._data
        length = max(kind.length, OWN_FRAMES) if kind.alone else kind.length
        writer.border(begins=length)
        sink = self._sink(kind, kind.rows)
        for piece in pieces:
            sink.feed(piece)
        ref = sink.finish()
        writer.border(ended=length)
        return ref

    def delta(self, pieces: Pieces, base: StreamRef, kind: StreamKind) -> StreamRef:
        """The stream as a program over `base`; a tree where that would not serve. Raises BaseDamaged."""
        assert self._reader is not None  # noqa: S101 (whoever has a base has its reader)
        depth = self._depth(base)
        if depth >= 2 * DEEPEST:
            return self.tree(pieces, kind)
        sink = _DeltaSink(self._sink(kind, kind.rows), self._sink(kind, None), kind.rows)
        program = ProgramWriter(self._recipes.put, last=LITERALS)
        with ReadAhead(self._reader, base) as old:

            def part(start: int, end: int) -> np.ndarray:
                with named_base(base):
                    return old.part(start, end)

            writer = kind.writer or self._data
            known = KnownChunks(self._reader.extents, base, writer.namer, writer.has)
            delta = StreamDelta(part, base.length, sink, program, known)
            for piece in pieces:
                delta.feed(piece)
            delta.finish()
        if depth >= DEEPEST and not program.takes_whole(base):
            composed = self._composed(base)
            if composed is not None:
                base, depth = composed, 1
        return program.finish([base, *sink.finish()], depth + 1)

    def _sink(self, kind: StreamKind, rows: TableRows | None) -> _TreeSink:
        return _TreeSink(Chunker(self._key, kind.sizes), kind.writer or self._data, self._recipes, rows)

    def _depth(self, base: StreamRef) -> int:
        with named_base(base):
            return self._extents.program(base).depth if base.level == PROGRAM else 0

    def _composed(self, base: StreamRef) -> StreamRef | None:
        """The stream as one program over trees; None where it is too scattered for that to serve."""
        leaves: list[StreamRef] = []
        with named_base(base):
            _collect(self._extents, base, leaves)
            if len(leaves) > MOST_LEAVES:
                return None
            composed = ProgramWriter(self._recipes.put, last=len(leaves) - 1)
            count = 0
            for start in range(0, base.length, _COMPOSED):
                rows = self._extents.extents(base, start, min(start + _COMPOSED, base.length), leaves)
                composed.add(Operations(rows[:, 0].astype(np.int32), rows[:, 1], rows[:, 2]))
                count += len(rows)
        return None if count * SHORTEST_EXTENT > base.length else composed.finish(leaves, depth=1)

    @property
    def _extents(self) -> ExtentReader:
        assert self._reader is not None  # noqa: S101 (whoever has a base has its reader)
        return self._reader.extents


class _TreeSink:
    """Takes the bytes of one stream and ends as its tree."""

    def __init__(self, chunker: Chunker, data: FrameWriter, recipes: FrameWriter, rows: TableRows | None) -> None:
        """`rows`: those that the bytes are, from the stream's first byte on."""
        self._chunker, self._data, self._rows = chunker, data, rows
        self._builder = TreeBuilder(recipes.put)
        self._goes_on = False

    def feed(self, piece: bytes) -> None:
        for chunk in self._chunker.feed(piece):
            self._take(chunk)

    def cut(self) -> None:
        """Ends a chunk here: what comes next in the stream does not follow on in the table."""
        for chunk in self._chunker.finish():
            self._take(chunk)
        self._goes_on = False

    def finish(self) -> StreamRef:
        self.cut()
        return self._builder.finish()

    def _take(self, chunk: bytes) -> None:
        if self._rows is None:
            name = self._data.put(chunk)
        else:
            row_start = self._rows.feed(chunk)
            name = self._data.put(chunk, self._rows.shape, row_start, goes_on=self._goes_on)
            self._goes_on = True
        self._builder.add(name, len(chunk))


@dataclass
class _DeltaSink:
    """What a delta stores: runs as the rows that they are, and literals."""

    runs: _TreeSink
    literals: _TreeSink
    rows: TableRows | None

    def run(self, data: bytes) -> None:
        self.runs.feed(data)

    def passed(self, data: bytes) -> None:
        # Rows are followed in the order of the stream, so a run must have been followed to its end.
        self.runs.cut()
        if self.rows is not None:
            self.rows.feed(data)

    def literal(self, data: bytes) -> None:
        self.literals.feed(data)

    def finish(self) -> tuple[StreamRef, StreamRef]:
        return self.runs.finish(), self.literals.finish()


def _collect(extents: ExtentReader, ref: StreamRef, leaves: list[StreamRef]) -> None:
    if ref.level == PROGRAM:
        for source in extents.program(ref).sources:
            _collect(extents, source, leaves)
    elif ref not in leaves:
        leaves.append(ref)
