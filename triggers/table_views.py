"""What the API takes of tables."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from holdfast.model.table_ask import MOST_ROWS

TableName = Annotated[str, Field(min_length=1, max_length=300)]


class ReadTables(BaseModel):
    """Reads tables of a point; what is common to all ways of it."""

    model_config = ConfigDict(extra="forbid")

    repository: str | None = Field(default=None, description="where several hold the point; absent: the backup one")
    worker: str = Field(default="standard", description="worker profile")


class ShowTable(ReadTables):
    """The first rows of a table."""

    table: TableName = Field(description="schema.table, or [schema].[table]; the schema is dbo without")
    rows: int = Field(default=20, ge=1, le=MOST_ROWS)


class ExportTable(ReadTables):
    """A table as a file."""

    table: TableName = Field(description="schema.table, or [schema].[table]; the schema is dbo without")
    format: Literal["parquet", "csv"] = "parquet"


class DiffTable(ReadTables):
    """What differs in a table between this point and a later one in the same repository."""

    table: TableName = Field(description="schema.table, or [schema].[table]; the schema is dbo without")
    other: Annotated[str, Field(min_length=1, max_length=100)] = Field(description="the later point")
    rows: int = Field(default=20, ge=0, le=MOST_ROWS, description="how many differing rows are told; all are counted")


class RestoreTable(ReadTables):
    """A table made anew in a live database; never one that exists."""

    table: TableName = Field(description="schema.table, or [schema].[table]; the schema is dbo without")
    target: Annotated[str, Field(min_length=3, max_length=260)] = Field(description="server/database, which must exist")
    new_name: TableName = Field(description="schema.table to make there")
    with_indexes: bool = Field(default=False, description="row-store indexes, too")
