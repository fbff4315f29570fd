"""Databases on pages: what protects each, its days, its last proof."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from pydantic import BaseModel, Field

from holdfast.model.overdue import Overdue
from holdfast.model.point import RestorePoint
from holdfast.model.protection import Protection
from holdfast.web.charts import Strip
from holdfast.web.paging import Pager

STATES = ("protected", "overdue", "unprotected", "excluded", "dropped")


class Proof(BaseModel):
    """When a point of a chain was last found whole, and how."""

    point: str
    at: datetime
    how: str = "read back"


class SourceRow(BaseModel):
    """A database."""

    source: str
    chain: str
    kind: str
    region: str
    state: str = Field(description="as in `GET /api/sources`, and `overdue`")
    policy: str | None
    why: str
    last_point: str | None
    last_point_at: datetime | None
    proof: Proof | None
    strip: Strip | None = None


class SourceList(BaseModel):
    """Databases, by name."""

    sources: list[SourceRow]
    pager: Pager
    state: str = ""
    database: str = ""
    counts: dict[str, int] = Field(description="of all databases, by state")


class PointLine(BaseModel):
    """A restore point in a list."""

    id: str
    repository: str
    tier: str
    created_at: datetime
    kind: str
    consistency: str
    flags: list[str]
    kept_because: list[str]
    stored_bytes: int
    inflated_bytes: int
    state: str
    proven: bool


class SourcePage(BaseModel):
    """One database with its points, newest first."""

    source: SourceRow
    missed: datetime | None = Field(description="the slot that is overdue")
    points: list[PointLine]
    pager: Pager


def source_row(one: Protection, overdue: Mapping[str, Overdue], proofs: Mapping[str, Proof]) -> SourceRow:
    """A database. One that is overdue is protected no more than in name, so that comes first."""
    late = overdue.get(one.chain)
    why = f"no restore point since the slot of {late.missed:%Y-%m-%d %H:%M} UTC" if late else one.why
    return SourceRow(
        **one.model_dump(include={"source", "chain", "kind", "region", "policy", "last_point", "last_point_at"}),
        state="overdue" if late and one.state == "protected" else one.state,
        why=why,
        proof=proofs.get(one.chain),
    )


def point_line(point: RestorePoint, proven: frozenset[str]) -> PointLine:
    """A point."""
    names = set(PointLine.model_fields) - {"proven"}
    return PointLine(**point.model_dump(include=names), proven=point.id in proven)
