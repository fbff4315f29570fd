"""The part of a policy that says when: schedules, how long their points are kept, and blackout windows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import time
from typing import Annotated, Literal

from pydantic import BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema

from holdfast.model.strict import Strict

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEKDAYS: tuple[str, ...] = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

_DAY_MINUTES = 24 * 60


def _time_of_day(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool):
        # YAML 1.1 reads an unquoted 03:00 as a number in base 60.
        return f"{value // 60:02d}:{value % 60:02d}"
    if isinstance(value, str) and not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", value):
        raise ValueError(f"{value!r} is not a time of day such as 03:00")
    return value


# Written as it is read, so that a stored policy can be read again.
TimeOfDay = Annotated[
    time,
    BeforeValidator(_time_of_day),
    PlainSerializer(lambda value: f"{value:%H:%M}", return_type=str, when_used="json"),
    # Not `format: time`: to editors that is a time with seconds.
    WithJsonSchema({"type": "string", "pattern": "^([01]\\d|2[0-3]):[0-5]\\d$", "examples": ["03:00"]}),
]


class Daily(Strict):
    """Several times a day, every day."""

    at: list[TimeOfDay] = Field(min_length=1)
    """Local times."""
    keep_days: int = Field(ge=1, le=36500)
    """How long a point is kept."""


class Weekly(Strict):
    """Once a week."""

    day: Weekday
    """The day on which the week begins: the first point that succeeds from then on is the week's."""
    at: TimeOfDay | None = None
    """Local time; only where there is no daily schedule to take the point from."""
    keep_weeks: int = Field(ge=1, le=5200)
    """How long the week's point is kept."""


class Monthly(Strict):
    """Once a month."""

    day: int = Field(ge=1, le=31)
    """Day of the month; a month that is shorter takes its last day."""
    months: list[Annotated[int, Field(ge=1, le=12)]] | None = None
    """Only in these months; absent: in all."""
    at: TimeOfDay | None = None
    """Local time; only where there is no more frequent schedule to take the point from."""
    keep_months: int = Field(ge=1, le=1200)
    """How long the month's point (or its archive copy) is kept: to the same day of a later month, or that month's last."""
    archive: bool = False
    """A copy in the archive repository is kept for that long; the point itself is kept by its other flags alone."""


class Yearly(Strict):
    """Once a year."""

    month: int = Field(ge=1, le=12)
    """The month in which the year begins."""
    day: int = Field(ge=1, le=31)
    """Day of that month; its last where it is shorter."""
    at: TimeOfDay | None = None
    """Local time; only where there is no more frequent schedule to take the point from."""
    keep_years: int = Field(ge=1, le=100)
    """How long the year's point (or its archive copy) is kept."""
    archive: bool = False
    """A copy in the archive repository is kept for that long; the point itself is kept by its other flags alone."""


class Schedules(Strict):
    """The most frequent schedule makes points; the rarer ones keep some of them for longer."""

    daily: Daily | None = None
    """Every day, flag D."""
    weekly: Weekly | None = None
    """Every week, flag W."""
    monthly: Monthly | None = None
    """Every month, flag M."""
    yearly: Yearly | None = None
    """Every year, flag Y."""


class Blackout(Strict):
    """A window of local time in which no session starts."""

    # `from` is no name that Python takes; outside it is the only one.
    model_config = ConfigDict(serialize_by_alias=True)

    days: list[Weekday] | None = Field(default=None, min_length=1)
    """The days on which the window begins; absent: all."""
    from_: TimeOfDay = Field(alias="from")
    """Local time at which it begins."""
    to: TimeOfDay
    """Local time at which it ends: on the next day where it is not after `from`, so 00:00 to 00:00 is the whole day."""


def never_out_of(windows: Sequence[Blackout]) -> bool:
    """Whether the windows cover every minute of the week."""
    dark = bytearray(7 * _DAY_MINUTES)
    for window in windows:
        begin, end = (t.hour * 60 + t.minute for t in (window.from_, window.to))
        length = (end - begin) if end > begin else (end - begin + _DAY_MINUTES)
        for day in window.days or WEEKDAYS:
            start = WEEKDAYS.index(day) * _DAY_MINUTES + begin
            for minute in range(start, start + length):
                dark[minute % len(dark)] = 1
    return all(dark)
