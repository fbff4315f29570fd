"""Copies a point to another repository: read whole, verified, cut and sealed anew under the target's own key."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from holdfast.bacpac.columns import Column
from holdfast.bacpac.model import read_model
from holdfast.bacpac.package import MODEL
from holdfast.model.errors import BadBacpac, Damaged
from holdfast.model.point import Entry
from holdfast.repository.points.content import EntrySource, PointContent, Skeletal, StreamSource, TableSource
from holdfast.repository.points.point_reading import PointReader
from holdfast.repository.points.recipes import StreamRecipe


def content_of_point(point: PointReader) -> PointContent:
    """The point's content. Its entries must be read in order and each to its end, once; what is read is verified.

    The columns come from the point's own model, where it has one that can be read: the copy is typed as its original is.
    """
    recipe, layout, manifest = point.recipe, point.layout, point.read.manifest
    ahead = point.entries([entry.name for stream in recipe.streams for entry in stream.entries])
    columns = _columns(point)
    streams = [_stream(stream, ahead, columns.get(stream.table) if stream.table else None) for stream in recipe.streams]
    skeletal = Skeletal(layout.skeleton, manifest.identical_possible, manifest.file)
    return PointContent(streams, layout.order, lambda _: skeletal)


def _columns(point: PointReader) -> dict[tuple[str, str], tuple[Column, ...] | None]:
    try:
        model = read_model(point.entry(MODEL))
    except (BadBacpac, KeyError):
        return {}
    return {(table.schema, table.name): table.columns for table in model.tables.values()}


def _stream(
    stream: StreamRecipe, ahead: Iterator[tuple[Entry, Iterator[memoryview]]], columns: Sequence[Column] | None
) -> StreamSource:
    entries = [
        EntrySource(entry.name, entry.bytes, _next(ahead, entry.name), sha256=entry.sha256) for entry in stream.entries
    ]
    table = TableSource(*stream.table, rows=stream.rows, columns=columns) if stream.table else None
    return StreamSource(stream.name, entries, table)


def _next(ahead: Iterator[tuple[Entry, Iterator[memoryview]]], name: str) -> Callable[[], Iterator[bytes]]:
    def read() -> Iterator[bytes]:
        entry, pieces = next(ahead)
        if entry.name != name:
            raise Damaged(f"{name} was to be read and {entry.name} came")
        return map(bytes, pieces)

    return read
