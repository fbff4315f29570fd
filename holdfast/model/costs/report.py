"""An estimate as people, scripts and pages see it."""

from __future__ import annotations

from datetime import date

from pydantic import BaseModel, ConfigDict, Field

from holdfast.model.costs.money import ZERO, Band
from holdfast.model.costs.prices import Price
from holdfast.model.costs.restoring import Quote


class _Shown(BaseModel):
    model_config = ConfigDict(frozen=True)


class CostLine(_Shown):
    """One thing that is paid for, of all databases."""

    item: str
    title: str
    month: Band = Field(description="thirty days in steady state")
    first_month: Band
    quantities: dict[str, Band] = Field(description="a month in steady state, by unit")


class Driver(_Shown):
    """One of the largest lines."""

    item: str
    title: str
    month: Band
    share: float = Field(description="of the expected month")


class DatabaseCost(_Shown):
    """What one database costs, beside what all share."""

    source: str
    region: str
    size: Band = Field(description="bytes")
    size_from: str
    month: Band
    first_month: Band


class PointCounts(_Shown):
    """Points of one database."""

    sessions_a_month: float
    sessions_in_first_month: int
    living: float = Field(description="in the backup repository, average of a steady year")
    by_flag: dict[str, float] = Field(description="those that a flag keeps; several may keep one")
    archive_living: float
    archived_a_year: int


class AssumptionLine(_Shown):
    """What was taken for granted, and where it comes from."""

    name: str
    value: Band
    unit: str
    source: str


class PricesUsed(_Shown):
    """The prices behind the figures."""

    region: str
    as_of: date
    about: str
    used: dict[str, Price]
    unverified: list[str] = Field(description="those that nobody read in a price list")


class Estimate(_Shown):
    """What a policy will cost."""

    policy: str
    currency: str
    month: Band = Field(description="thirty days in steady state; the sum of the lines")
    first_month: Band = Field(description="the first thirty days")
    year: Band = Field(description="365 days in steady state")
    drivers: list[Driver] = Field(description="the three largest lines of the expected month")
    lines: list[CostLine]
    databases: list[DatabaseCost]
    shared: Band = Field(description="a month of what no single database causes")
    points: PointCounts
    restore: list[Quote] = Field(default=[], description="one restore of the largest database")
    ltr_only: Band | None = Field(
        default=None, description="a month of Azure's long-term retention with as many weekly, monthly, yearly points"
    )
    assumptions: list[AssumptionLine]
    prices: PricesUsed
    notes: list[str] = Field(default=[])

    @property
    def fees(self) -> Band:
        """A month of early-deletion fees."""
        return sum((line.month for line in self.lines if line.item.endswith("-fee")), ZERO)
