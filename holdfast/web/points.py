"""A restore point on its page."""

from __future__ import annotations

from pydantic import BaseModel, Field

from holdfast.model.point import Entry, RestorePoint, Table
from holdfast.web.paging import Pager
from holdfast.web.sources import Proof


class TableChoice(BaseModel):
    """A table that can be taken out alone."""

    name: str
    shown: str


class PointPage(BaseModel):
    """One point, a page of its tables, and what can be done with it."""

    point: RestorePoint = Field(description="without tables and entries")
    tables: list[Table]
    tables_total: int
    pager: Pager
    takeable: list[TableChoice] = Field(description="the tables of this page, as they are asked for")
    table: str = Field(description="what tables were searched for")
    entries: list[Entry] = Field(description="the first entries of the BACPAC")
    entries_total: int
    rows: int
    proof: Proof | None
    held: str | None = Field(description="why it is held; null where it is not")
    workers: list[str] = Field(description="worker profiles")
