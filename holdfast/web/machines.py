"""Workers, and what stands in Azure because of us."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field

from holdfast.model.diagnosis import Diagnosis


class WorkerRow(BaseModel):
    """A worker of the pool."""

    name: str
    region: str
    profile: str
    role: str
    state: str
    sessions: list[str]
    idle_since: datetime | None
    changed_at: datetime
    failure: str | None


class Standing(BaseModel):
    """A machine or database that carries our mark."""

    kind: str = Field(description="machine, staging copy or kept database")
    name: str
    region: str
    session: str | None
    leftover: str = Field(description="why nobody needs it any more; empty where somebody does")
    expires_at: datetime | None = None


class ChannelRow(BaseModel):
    """A notification channel."""

    name: str
    kind: str
    waiting: int
    failure: str
    last_sent_at: datetime | None


class MachinesPage(BaseModel):
    """Workers, leftovers, channels."""

    workers: list[WorkerRow]
    channels: list[ChannelRow]


class Doctor(BaseModel):
    """What the doctor says, the worst first."""

    findings: list[Diagnosis]


class Leftovers(BaseModel):
    """What stands in Azure, asked for now."""

    standing: list[Standing]
    unreachable: str = ""
