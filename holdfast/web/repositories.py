"""Repositories on pages: what lies where, how much, how sure."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field


class Volume(BaseModel):
    """What the catalog knows of the points of one repository."""

    points: int = 0
    chains: int = 0
    stored_bytes: int = 0
    inflated_bytes: int = 0
    absent: int = Field(default=0, description="points that the repository ought to hold, or held")
    newest_at: datetime | None = None


class RepositoryRow(BaseModel):
    """A configured repository."""

    name: str
    tier: str
    region: str
    url: str
    volume: Volume
    locked_by: list[str] = Field(description="policies that lock their points in it")
    last_proof: datetime | None = Field(description="when a point of it was last read whole")
    proven: int = Field(description="points of it that were read whole")
    held: int = Field(description="points on hold")


class RepositoriesPage(BaseModel):
    """All repositories."""

    repositories: list[RepositoryRow]
    stored_bytes: int
