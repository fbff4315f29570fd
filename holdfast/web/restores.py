"""A restore on its page: what is asked, what it would do, what is checked before it begins."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from holdfast.model.costs.restoring import Quote
from holdfast.model.restore.report import PlanCheck


class Asked(BaseModel):
    """The fields of the form, as they were filled in."""

    to: str = ""
    original: bool = False
    managed_instance: bool = False
    sku: str = ""
    pool: str = ""
    verify: Literal["counts", "contents"] = "counts"
    priority: Literal["Standard", "High"] = "Standard"
    worker: str = "standard"


class RestorePlan(BaseModel):
    """What it would do; it cannot be done where `ok` is false."""

    ok: bool
    target: str
    temporary: str
    replaces: str | None
    size: str
    region: str
    checks: list[PlanCheck]
    quote: Quote | None
    afterwards: list[str]


class RestorePage(BaseModel):
    """The restore of one point. `plan` is null until it was asked for."""

    point: str
    repository: str
    source: str
    created_at: datetime
    tier: str
    asked: Asked
    workers: list[str]
    plan: RestorePlan | None = None
    currency: str = "USD"
    confirm: str = Field(default="", description="what must be typed before a database that is there makes room")
    wrong: bool = Field(default=False, description="something else was typed")
