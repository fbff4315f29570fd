"""What tables a BACPAC holds, with their rows and bytes."""

from __future__ import annotations

from holdfast.bacpac.columns import RowsNotDecodable
from holdfast.bacpac.package import Bacpac, TableData
from holdfast.bacpac.rows import RowCounter
from holdfast.model.point import Table


def tables(bacpac: Bacpac) -> list[Table]:
    """Every table with its bytes and rows, read as a stream; `rows` is None where they cannot be decoded.

    Raises BadBacpac where table data is damaged.
    """
    return [
        Table(schema=table.schema, name=table.name, rows=count_rows(bacpac, table), bytes=table.bytes)
        for table in bacpac.tables()
    ]


def count_rows(bacpac: Bacpac, table: TableData) -> int | None:
    """The rows of one table; None where they cannot be decoded. Raises BadBacpac where the data is damaged."""
    if table.columns is None:
        return None
    if not table.parts:
        return 0
    try:
        counter = RowCounter(table.columns)
        for part in table.parts:
            for piece in bacpac.pieces(part):
                counter.feed(piece)
        return counter.finish()
    except RowsNotDecodable:
        return None
