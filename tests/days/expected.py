"""What must exist, reckoned from dates alone by rules of its own: what the policy's author would expect with a calendar.

Deliberately nothing of `holdfast.model`: the same mistake twice would look like agreement.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

GENERATION = timedelta(days=10)
BEGAN = date(2026, 1, 24)


@dataclass
class Made:
    """A point: its day, until when its flags keep it, and the same of its archive copy."""

    day: date
    until: dict[str, date]
    archive: dict[str, date] = field(default_factory=dict)
    copied: bool = False

    @property
    def last(self) -> date:
        return max(self.until.values())


def plus_months(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


@dataclass
class Expected:
    """One database under: daily for 7 days, weekly on Sunday for 4 weeks, monthly on the last day to the archive for 7
    months, yearly on 1 February for a year; from 24 January 2026. `origin`: where each repository counts its generations
    of locks from.
    """

    origin: dict[str, datetime]
    made: list[Made] = field(default_factory=list)
    weeks: set[date] = field(default_factory=set)
    months: set[tuple[int, int]] = field(default_factory=set)
    years: set[int] = field(default_factory=set)
    gone: set[tuple[str, date]] = field(default_factory=set)

    def backed_up(self, day: date) -> Made:
        """A backup of that day succeeded."""
        point = Made(day, {"D": day + timedelta(days=7)})
        sunday = day - timedelta(days=(day.weekday() + 1) % 7)
        if sunday >= BEGAN and sunday not in self.weeks:
            self.weeks.add(sunday)
            point.until["W"] = day + timedelta(weeks=4)
        # The period of a month begins on its last day, so most days belong to the one of the month before.
        last = date(day.year, day.month, calendar.monthrange(day.year, day.month)[1])
        period = day if day == last else date(day.year, day.month, 1) - timedelta(days=1)
        if period >= BEGAN and (period.year, period.month) not in self.months:
            self.months.add((period.year, period.month))
            point.archive["M"] = plus_months(day, 7)
        year = day.year if day >= date(day.year, 2, 1) else day.year - 1
        if year >= BEGAN.year and year not in self.years:
            self.years.add(year)
            point.until["Y"] = plus_months(day, 12)
        self.made.append(point)
        return point

    def archive_ran(self, today: Made | None) -> None:
        """The session archived: its own point where that is due, else the oldest that waits."""
        waiting = [one for one in self.made if one.archive and not one.copied]
        due = today if today is not None and today.archive else next(iter(waiting), None)
        if due is not None:
            due.copied = True

    def retention_ran(self, now: datetime) -> None:
        """Whatever may go at that moment goes."""
        today = now.date()
        there = [one for one in self.made if ("default", one.day) not in self.gone]
        verified = [one.day for one in there if one.copied]
        spared = {there[-1].day, *verified[-1:]}
        for one in there:
            waits = bool(one.archive) and not one.copied
            free = today > one.last and not waits and one.day not in spared
            if free and now >= self.lock_end("default", one.last):
                self.gone.add(("default", one.day))
        for one in self.made:
            if (
                one.copied
                and today > max(one.archive.values())
                and now >= self.lock_end("archive", max(one.archive.values()))
            ):
                self.gone.add(("archive", one.day))

    def lock_end(self, repository: str, last: date) -> datetime:
        """Locks run to the end of the generation in which the last day ends."""
        needed = datetime.combine(last + timedelta(days=1), time(), UTC)
        origin = self.origin[repository]
        return origin + ((needed - origin) // GENERATION + 1) * GENERATION

    def there(self, repository: str) -> list[date]:
        """Days of the points that must exist."""
        known = [one.day for one in self.made if repository == "default" or one.copied]
        return [day for day in known if (repository, day) not in self.gone]
