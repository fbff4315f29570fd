"""Policies on pages: the list, one, the editor with plan and costs, what retention would do."""

from __future__ import annotations

from datetime import date, datetime

from pydantic import BaseModel, Field

from holdfast.model.costs import Estimate
from holdfast.web.paging import Pager
from holdfast.web.policy_form import FieldError


class PolicyRow(BaseModel):
    """A policy in the list."""

    name: str
    priority: int
    next_run: datetime | None
    schedules: list[str]
    staging: bool
    immutable: bool
    last_session: str | None
    last_state: str | None
    last_at: datetime | None


class PolicyList(BaseModel):
    """All policies, by priority."""

    policies: list[PolicyRow]


class Planned(BaseModel):
    """A database that a policy selects."""

    source: str
    region: str
    taken_by: str


class Plan(BaseModel):
    """What a policy would do."""

    sources: list[Planned] = Field(description="the first of them, by name")
    total: int
    taken: int = Field(description="of them, those that this policy takes")
    next_runs: list[datetime]
    warnings: list[str]


class PolicyPage(BaseModel):
    """One policy."""

    name: str
    yaml: str
    changed_at: datetime
    plan: Plan
    alarms: int


class Editor(BaseModel):
    """The editor. `checked`: the text is a policy, and `plan` and `costs` say what it would do."""

    name: str | None = Field(description="of the policy that is edited; null for a new one")
    yaml: str
    etag: str
    errors: list[FieldError] = Field(default_factory=list)
    checked: bool = False
    plan: Plan | None = None
    costs: Estimate | None = None
    costs_unknown: str = ""


class Removal(BaseModel):
    """What asks before a policy is deleted."""

    name: str
    sources: int
    wrong: bool = Field(default=False, description="another name was typed")


class Verdict(BaseModel):
    """What retention thinks of a point."""

    id: str
    day: date
    flags: list[str]
    until: date | None
    expires_on: date | None
    keep: bool
    reasons: list[str]


class ChainVerdicts(BaseModel):
    """The points of a database in one repository."""

    source: str
    chain: str
    repository: str
    tier: str
    keeps: int
    expires: int
    points: list[Verdict]


class Alarm(BaseModel):
    """What stopped retention."""

    kind: str
    detail: str
    approval: str
    approved: bool


class RetentionPage(BaseModel):
    """What the next retention of a policy would do, and why."""

    name: str
    chains: list[ChainVerdicts]
    pager: Pager
    keeps: int
    expires: int
    alarms: list[Alarm]
    database: str = ""
    wrong: bool = Field(default=False, description="another name than the policy's was typed")


class CostsPage(BaseModel):
    """What policies cost."""

    policies: list[str]
    chosen: str | None
    estimate: Estimate | None = None
