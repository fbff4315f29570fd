"""When a policy is due. Pure: local dates and times in, moments out; nothing depends on the host's time zone.

A slot is one due time of the most frequent schedule; rarer schedules make no points of their own but keep some of
those points for longer (see `flags`). A slot that falls in a blackout is due when that ends. A missed slot is caught up
once: of several missed ones only the last runs. One that failed is tried again every day (`catch_up_slot`).
"""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import takewhile

from holdfast.model.blackout import start_of
from holdfast.model.policy import Policy
from holdfast.model.policy_schedules import WEEKDAYS, Schedules

_MIDNIGHT = time(0, 0)

#: Days between two slots at most: a year, and a day that falls otherwise in the next.
_LONGEST_PERIOD = 368


def most_frequent(plan: Schedules) -> str | None:
    """`daily`, `weekly`, `monthly`, `yearly`, or None for a policy that runs on demand only."""
    return next((n for n in ("daily", "weekly", "monthly", "yearly") if getattr(plan, n) is not None), None)


def clamped(year: int, month: int, day: int) -> date:
    """The day, or the month's last one where the month is shorter."""
    return date(year, month, min(day, calendar.monthrange(year, month)[1]))


def is_scheduled(plan: Schedules, schedule: str, day: date) -> bool:
    """Whether the schedule of that name falls on that local day."""
    if schedule == "daily":
        return plan.daily is not None
    if schedule == "weekly":
        return plan.weekly is not None and WEEKDAYS[day.weekday()] == plan.weekly.day
    if schedule == "monthly":
        m = plan.monthly
        return (
            m is not None and (m.months is None or day.month in m.months) and day == clamped(day.year, day.month, m.day)
        )
    y = plan.yearly
    return y is not None and day == clamped(day.year, y.month, y.day)


def _times(plan: Schedules, schedule: str) -> list[time]:
    if schedule == "daily" and plan.daily is not None:
        return sorted(set(plan.daily.at))
    return [getattr(plan, schedule).at or _MIDNIGHT]


def _made_for(policy: Policy, day: date) -> list[datetime]:
    schedule = most_frequent(policy.schedules)
    if schedule is None or not is_scheduled(policy.schedules, schedule, day):
        return []
    if policy.start_date is not None and day < policy.start_date:
        return []
    times = _times(policy.schedules, schedule)
    return [datetime.combine(day, at, tzinfo=policy.zone).astimezone(UTC) for at in times]


def slots_on(policy: Policy, day: date) -> list[datetime]:
    """The moments of that local day, in UTC and in order, at which the policy is due.

    A local time that a change of the clock skips is moved forward by the length of the gap, be it half an hour or a whole
    day (Samoa had no 30 December 2011); where it then meets another slot they are one. A time that comes twice is taken
    the first time (PEP 495, fold 0).
    """
    near = [*_made_for(policy, day - timedelta(days=1)), *_made_for(policy, day)]
    return sorted({slot for slot in near if slot_day(policy, slot) == day})


def slots_after(policy: Policy, moment: datetime, *, limit_days: int = 800) -> Iterator[datetime]:
    """The slots after the moment, in order, for as many days as `limit_days`."""
    day = moment.astimezone(policy.zone).date()
    for offset in range(limit_days):
        yield from (slot for slot in slots_on(policy, day + timedelta(days=offset)) if slot > moment)


def starts_after(policy: Policy, moment: datetime, *, limit_days: int = 800) -> Iterator[datetime]:
    """When sessions will start after the moment, in order: slots that wait for one end of a blackout are one start."""
    last = moment
    for slot in slots_after(policy, moment, limit_days=limit_days):
        start = start_of(policy, slot)
        if start > last:
            yield start
            last = start


def due_slot(policy: Policy, now: datetime, last: datetime) -> datetime | None:
    """The newest slot after `last` whose session may start by `now`, or None.

    `last` is the slot that was started last, or when the policy was saved.
    """
    day = now.astimezone(policy.zone).date()
    first = last.astimezone(policy.zone).date()
    while day >= first:
        for slot in reversed(slots_on(policy, day)):
            if last < slot <= now and start_of(policy, slot) <= now:
                return slot
        day -= timedelta(days=1)
    return None


def catch_up_slot(policy: Policy, now: datetime, last: datetime) -> datetime | None:
    """The newest moment after `last` and until `now` at which a slot that failed may be tried again; None: not yet.

    Every day at the slot's own time, so that a week, month or year does not have to pass without a point because of one bad
    night. Nothing for a daily schedule: its next slot comes soon enough. Asked only where no slot is due.
    """
    schedule = most_frequent(policy.schedules)
    if schedule in (None, "daily"):
        return None
    at, day, first = _times(policy.schedules, schedule)[0], slot_day(policy, now), slot_day(policy, last)
    while day > first:
        moment = datetime.combine(day, at, tzinfo=policy.zone).astimezone(UTC)
        if last < moment <= now and start_of(policy, moment) <= now:
            return moment
        day -= timedelta(days=1)
    return None


def latest_slot(policy: Policy, now: datetime) -> datetime | None:
    """The newest slot until now, waiting or not: since when the present period's point is due. None before the first."""
    return next(
        (
            slot
            for offset in range(_LONGEST_PERIOD)
            for slot in reversed(slots_on(policy, slot_day(policy, now) - timedelta(days=offset)))
            if slot <= now
        ),
        None,
    )


def missed_slots(policy: Policy, slot: datetime, last: datetime) -> int:
    """How many slots between `last` and this one had no session of their own, also where they waited for a blackout."""
    days = (slot - last).days + 3
    return sum(1 for _ in takewhile(lambda one: one < slot, slots_after(policy, last, limit_days=days)))


def slot_day(policy: Policy, slot: datetime) -> date:
    """The local day that a slot belongs to."""
    return slot.astimezone(policy.zone).date()
