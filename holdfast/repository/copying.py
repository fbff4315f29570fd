"""Copies a point to another repository: read whole, verified, cut and sealed anew under the target's own key."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from holdfast.model.errors import Damaged
from holdfast.model.point import Entry
from holdfast.repository.content import EntrySource, PointContent, Skeletal, StreamSource, TableSource
from holdfast.repository.point_reading import PointReader
from holdfast.repository.recipes import StreamRecipe


def content_of_point(point: PointReader) -> PointContent:
    """The point's content. Its entries must be read in order and each to its end, once; what is read is verified."""
    recipe, layout, manifest = point.recipe, point.layout, point.read.manifest
    ahead = point.entries([entry.name for stream in recipe.streams for entry in stream.entries])
    streams = [_stream(stream, ahead) for stream in recipe.streams]
    skeletal = Skeletal(layout.skeleton, manifest.identical_possible, manifest.file)
    return PointContent(streams, layout.order, lambda: skeletal)


def _stream(stream: StreamRecipe, ahead: Iterator[tuple[Entry, Iterator[bytes]]]) -> StreamSource:
    entries = [
        EntrySource(entry.name, entry.bytes, _next(ahead, entry.name), sha256=entry.sha256) for entry in stream.entries
    ]
    table = TableSource(*stream.table, rows=stream.rows) if stream.table else None
    return StreamSource(stream.name, entries, table)


def _next(ahead: Iterator[tuple[Entry, Iterator[bytes]]], name: str) -> Callable[[], Iterator[bytes]]:
    def read() -> Iterator[bytes]:
        entry, pieces = next(ahead)
        if entry.name != name:
            raise Damaged(f"{name} was to be read and {entry.name} came")
        return pieces

    return read
