"""What a table's loader is told: which table, where, how it is made, and where its rows lie. JSON on its stdin."""

from __future__ import annotations

from pydantic import Field

from holdfast.model.errors import Conflict, HoldfastError
from holdfast.model.job import SqlConnection
from holdfast.model.table_definition import TableDefinition


class Load(SqlConnection):
    """A table to make and to fill. Until it is whole it has another name, which says whose it is."""

    schema_name: str
    table: str
    mark: str = Field(pattern=r"^[0-9a-f]{8,32}$", description="names what this load makes; the same at every attempt")
    definition: TableDefinition
    rows_file: str = Field(description="the rows as the point holds them, in the order of its clustered index")
    rows: int


class TableThere(Conflict):
    """The target has a table of that name. Nothing was changed."""

    code = "table-there"
    title = "There is a table of that name already"
    advice = "Name a new one with --as; nothing is ever loaded into a table that exists."


class LoadFailed(HoldfastError):
    """The rows did not get into the table, or not all of them. What was made of it was dropped."""

    code = "table-load-failed"
    title = "The table could not be loaded"
    advice = "Look at what the server said; the target is as it was."
    exit_code = 26
    http_status = 500
