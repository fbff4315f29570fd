"""A BACPAC as streams: one a table, its parts in key order; one for every other entry."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from holdfast.bacpac.package import Bacpac, TableData
from holdfast.bacpac.skeleton import Skeleton
from holdfast.repository.objects.manifests import FileFacts
from holdfast.repository.points.content import EntrySource, PointContent, Skeletal, StreamSource, TableSource

#: Bytes that are hashed and cut in one go; smaller pieces cost more calls, larger ones more memory.
PIECE = 1 << 20


def content_of(bacpac: Bacpac, *, identical: bool = True) -> PointContent:
    """The point's content, to be read while `bacpac` is open.

    `identical` False saves deflating everything again, and gives up that the very same file can be written.
    """
    sizes = {entry.name: entry.bytes for entry in bacpac.entries}

    def source(name: str) -> EntrySource:
        return EntrySource(name, sizes[name], partial(_pieces, bacpac, name))

    streams: list[StreamSource] = []
    in_tables: set[str] = set()
    for table in bacpac.tables():
        in_tables.update(table.parts)
        name = table.parts[0].rpartition("/")[0] if table.parts else f"table:{table.schema}.{table.name}"
        streams.append(StreamSource(name, [source(part) for part in table.parts], _table(table)))
    streams += [StreamSource(name, [source(name)]) for name in sizes if name not in in_tables]
    return PointContent(streams, [entry.name for entry in bacpac.entries], partial(_skeletal, bacpac, identical))


def _table(table: TableData) -> TableSource:
    if table.columns is None:
        return TableSource(table.schema, table.name)
    if not table.parts:
        return TableSource(table.schema, table.name, rows=0)
    return TableSource(table.schema, table.name, columns=table.columns)


def _pieces(bacpac: Bacpac, name: str) -> Iterator[bytes]:
    held: list[bytes] = []
    size = 0
    for piece in bacpac.pieces(name):
        held.append(piece)
        size += len(piece)
        if size >= PIECE:
            yield b"".join(held)
            held, size = [], 0
    if held:
        yield b"".join(held)


def _skeletal(bacpac: Bacpac, identical: bool, check: Callable[[], None]) -> Skeletal:
    if not identical:
        return Skeletal(b"", identical_possible=False, file=None)
    skeleton = Skeleton.of_open(bacpac, threads=1, check=check)
    facts = FileFacts(bytes=skeleton.file_bytes, sha256=skeleton.sha256)
    return Skeletal(skeleton.to_bytes(), skeleton.identical_possible, facts)
