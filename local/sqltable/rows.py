"""The rows of a load, which an emulated database holds as they are."""

from __future__ import annotations

from pathlib import Path

from holdfast.bacpac.columns import Column
from holdfast.bacpac.names import data_folder
from holdfast.bacpac.rows import RowCounter
from holdfast.sql.table_protocol import Load

_PIECE = 4 << 20


def part_name(schema: str, table: str) -> str:
    """The part of a package that holds them."""
    return f"{data_folder(schema, table)}/TableData-000-00000.BCP"


def count_rows(load: Load) -> int:
    """How many there are. Raises RowsNotDecodable where they contradict the columns."""
    counter = RowCounter(
        [Column(c.name, c.type, c.nullable, c.length, c.is_max, c.precision, c.scale) for c in load.definition.columns]
    )
    with Path(load.rows_file).open("rb") as file:
        while piece := file.read(_PIECE):
            counter.feed(piece)
    return counter.finish()
