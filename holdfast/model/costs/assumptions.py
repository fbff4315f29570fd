"""What an estimate takes for granted of rates and growth, each with where its figure comes from."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from holdfast.model.costs.money import Band


class Assumption(BaseModel):
    """One figure and its source: `default`, `measured in …` or `given`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    value: Band
    unit: str
    source: str = "default"


def _default(low: float, expected: float, high: float, unit: str, about: str) -> Any:
    return Field(default=Assumption(value=Band.of(low, expected, high), unit=unit), description=about)


class Assumptions(BaseModel):
    """Rates and growth. `low` is always what costs less."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    compression: Assumption = _default(0.3, 0.4, 0.5, "of the size", "stored bytes of a full by bytes of the database")
    change: Assumption = _default(0.005, 0.02, 0.1, "of the rows a day", "how much changes from one day to the next")
    copy_time: Assumption = _default(8, 20, 60, "seconds a GB", "a staging copy, beside two minutes for itself")
    export_time: Assumption = _default(15, 30, 100, "seconds a GB", "SqlPackage, from the copy or the source")
    store_time: Assumption = _default(2, 5, 15, "seconds a GB", "BACPAC to repository")
    import_time: Assumption = _default(30, 60, 180, "seconds a GB", "SqlPackage, into a new database")
    base_read: Assumption = _default(0.05, 0.5, 1, "of a full", "read back of the point before, to store only changes")
    retries: Assumption = _default(0, 0.02, 0.1, "of the steps", "steps that are done again")
    boot_time: Assumption = _default(180, 300, 600, "seconds", "a worker, from start to its first job")
    upkeep_time: Assumption = _default(120, 420, 900, "seconds a session", "retention and prune, boot included")

    @field_validator("compression", "change", "base_read", "retries")
    @classmethod
    def _a_share(cls, given: Assumption) -> Assumption:
        if given.value.low < 0 or given.value.high > 10:
            raise ValueError("is a share: 0.4 is 40 %")
        return given


class GivenAssumptions(BaseModel):
    """What a person knows better: a number each, or low, expected and high. What is left out stays as it is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    compression: float | Band | None = None
    change: float | Band | None = None
    copy_time: float | Band | None = None
    export_time: float | Band | None = None
    store_time: float | Band | None = None
    import_time: float | Band | None = None
    base_read: float | Band | None = None
    retries: float | Band | None = None
    boot_time: float | Band | None = None
    upkeep_time: float | Band | None = None

    @field_validator("*")
    @classmethod
    def _not_negative(cls, given: float | Band | None) -> float | Band | None:
        lowest = given.low if isinstance(given, Band) else given
        if lowest is not None and not lowest >= 0:
            raise ValueError("must not be negative")
        return given

    def over(self, assumed: Assumptions) -> Assumptions:
        """The assumptions with what is given here in their place."""
        changes = {}
        for name in type(self).model_fields:
            given = getattr(self, name)
            if given is not None:
                value = given if isinstance(given, Band) else Band.of(given)
                changes[name] = Assumption(value=value, unit=getattr(assumed, name).unit, source="given")
        return Assumptions.model_validate({**dict(assumed), **changes})
