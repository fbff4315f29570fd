"""A table as it is made again in another database: what a loader is told, and what it leaves out."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class TableColumn(_Frozen):
    """A column that stands in the data. `type` is a base type: alias types are resolved."""

    name: str
    type: str
    nullable: bool
    length: int | None = None
    is_max: bool = False
    precision: int | None = None
    scale: int | None = None
    collation: str = Field(
        default="", description="of text: the column's own, or the database's that it was backed up from"
    )
    identity: tuple[str, str] | None = Field(default=None, description="seed and increment")
    row_guid: bool = False


class KeyColumn(_Frozen):
    name: str
    descending: bool = False


class TableKey(_Frozen):
    """The primary key. It gets a name of the server's own."""

    columns: list[KeyColumn]
    clustered: bool = True


class TableIndex(_Frozen):
    """A row-store index."""

    name: str
    columns: list[KeyColumn]
    unique: bool = False
    clustered: bool = False
    included: list[str] = Field(default_factory=list)
    where: str = ""


class TableDefinition(_Frozen):
    """A table with its key and the indexes that were asked for."""

    columns: list[TableColumn]
    primary_key: TableKey | None = None
    indexes: list[TableIndex] = Field(default_factory=list)
    left_out: list[str] = Field(default_factory=list, description="what the table had and does not get, a phrase each")
