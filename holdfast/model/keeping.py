"""How long is long: calendar arithmetic of keeping. Pure; dates in, dates out.

Dates and not moments, so that no change of the clocks moves an end. An end is always reckoned from the day of the point
itself and never from an earlier result: a month after 31 January is 28 February, two months after it 31 March.
"""

from __future__ import annotations

import calendar
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from holdfast.model.policy import Policy
from holdfast.model.policy_schedules import Schedules

Unit = Literal["days", "weeks", "months", "years"]

#: The flag that a schedule puts on a point; from the most frequent schedule to the rarest.
FLAG_OF: dict[str, str] = {"daily": "D", "weekly": "W", "monthly": "M", "yearly": "Y"}
SCHEDULE_OF: dict[str, str] = {flag: schedule for schedule, flag in FLAG_OF.items()}

_LAST_DAY = date.max


class Keep(NamedTuple):
    """How long a point with a flag is kept."""

    number: int
    unit: Unit

    def __str__(self) -> str:
        return f"{self.number} {self.unit if self.number != 1 else self.unit.removesuffix('s')}"


def until(keep: Keep, day: date) -> date:
    """The last day on which a point of that day is kept; it may go on the day after.

    Months and years land on the same day of the month, or on the month's last where it is shorter. What lies beyond the
    calendar is the calendar's last day.
    """
    if keep.unit in ("days", "weeks"):
        days = keep.number * (7 if keep.unit == "weeks" else 1)
        return day + timedelta(days=days) if days <= (_LAST_DAY - day).days else _LAST_DAY
    months = day.year * 12 + day.month - 1 + keep.number * (12 if keep.unit == "years" else 1)
    year, month = months // 12, months % 12 + 1
    if year > _LAST_DAY.year:
        return _LAST_DAY
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


def keeps_of(schedules: Schedules) -> dict[str, Keep]:
    """Flag to keep, for every schedule that the policy has, from the most frequent to the rarest."""
    found: dict[str, Keep] = {}
    if schedules.daily is not None:
        found["D"] = Keep(schedules.daily.keep_days, "days")
    if schedules.weekly is not None:
        found["W"] = Keep(schedules.weekly.keep_weeks, "weeks")
    if schedules.monthly is not None:
        found["M"] = Keep(schedules.monthly.keep_months, "months")
    if schedules.yearly is not None:
        found["Y"] = Keep(schedules.yearly.keep_years, "years")
    return found


def archived_flags(schedules: Schedules) -> frozenset[str]:
    """The flags that go to the copy in the archive repository and not to the point itself."""
    rules = (("M", schedules.monthly), ("Y", schedules.yearly))
    return frozenset(flag for flag, rule in rules if rule is not None and rule.archive)


def hold_of(policy: Policy, day: date) -> date | None:
    """Until when a point that was made on demand on that day is held: `retention.hold_days`, else as long as a point of
    the most frequent schedule. None: nothing says how long, so only a person removes it."""
    if policy.retention.hold_days is not None:
        return until(Keep(policy.retention.hold_days, "days"), day)
    first = next(iter(keeps_of(policy.schedules).values()), None)
    return None if first is None else until(first, day)


def end_of_day(day: date, zone: ZoneInfo) -> datetime:
    """The moment, in UTC, at which that local day is over. Where a zone skips the next day, the moment of the skip."""
    if day >= _LAST_DAY:
        return datetime.max.replace(tzinfo=UTC)
    return datetime.combine(day + timedelta(days=1), time(0, 0), tzinfo=zone).astimezone(UTC)
