"""A restore point: one recoverable state of one source."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from holdfast.model.terms import Terms
from holdfast.model.transformation import Transformation

Consistency = Literal["transactional", "live"]
PointKind = Literal["full", "increment"]
Tier = Literal["backup", "archive"]
#: `missing`: the repository ought to hold it and does not; `deleted`: a removal record of the repository tells why.
PointState = Literal["present", "missing", "deleted"]


class Entry(BaseModel):
    """One entry of the BACPAC."""

    model_config = ConfigDict(frozen=True)

    name: str
    bytes: int
    sha256: str = Field(description="of the inflated bytes, lower-case hex")


class Table(BaseModel):
    """One table of the database."""

    model_config = ConfigDict(frozen=True)

    # `schema` is the contract's word; pydantic's own attribute of that name is deprecated, so it is shadowed by an alias.
    schema_name: str = Field(alias="schema", serialization_alias="schema")
    name: str
    rows: int | None = Field(description="None where the rows could not be decoded")
    bytes: int


class RestorePoint(BaseModel):
    """What a manifest says of a point; the same in the repository, the catalog, the CLI's JSON and the API."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    id: str
    source: str
    chain: str
    repository: str = ""
    tier: Tier = "backup"
    created_at: datetime
    kind: PointKind
    consistency: Consistency
    flags: list[str] = Field(default_factory=list)
    kept_because: list[str] = Field(default_factory=list)
    terms: Terms | None = Field(default=None, description="how long it is kept; none: nobody's retention touches it")
    identical_possible: bool = False
    entries: list[Entry] = Field(default_factory=list)
    tables: list[Table] = Field(default_factory=list)
    inflated_bytes: int = 0
    stored_bytes: int = 0
    session: str | None = None
    resource_id: str | None = None
    sequence: int = Field(default=0, description="place in the chain, counted from 1")
    warnings: list[str] = Field(default_factory=list, description="preflight findings that did not stop the export")
    transformations: list[Transformation] = Field(
        default_factory=list,
        description="what was changed on the staging copy before the export, and how it is given back",
    )
    installation: str | None = Field(default=None, description="id of the installation that wrote it")
    state: PointState = Field(default="present", description="whether the repository holds it, when it was last read")
    state_since: datetime | None = Field(default=None, description="since when it is not present")

    def without_lists(self) -> Self:
        """The point without what may be thousands: entries, tables, transformations. For whoever holds many points."""
        return self.model_copy(update={"entries": [], "tables": [], "transformations": []})


def point_id(created_at: datetime, chain: str, session: str) -> str:
    """The same for every attempt of one session, so that a step done twice makes one point."""
    digest = hashlib.sha256(f"{chain}\n{session}".encode()).hexdigest()[:8]
    return f"{created_at:%Y%m%dT%H%M%SZ}-{digest}"


def moment_of(point: str) -> datetime:
    """When the point of that id was made, to the second."""
    return datetime.strptime(point.partition("-")[0], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
