"""How long points live: the slots of a policy, played through the rules of retention."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from holdfast.model.policy import Policy
from holdfast.model.retention import FLAG_OF, Flagged, flags_due
from holdfast.model.schedule import clamped, slot_day, slots_on

_EPOCH = date(1970, 1, 1)
_FLAGS = {flag: name for name, flag in FLAG_OF.items()}


@dataclass(frozen=True)
class Life:
    """A point from its slot to its end, in days since the first day of the play; both may be fractions."""

    made: float
    ends: float
    flags: tuple[str, ...]
    archive_flags: tuple[str, ...]
    archive_ends: float | None
    """When its copy in the archive repository ends; None where there is none."""


def play(policy: Policy, first: date, days: int) -> list[Life]:
    """The points that `days` days of a policy make if every slot succeeds, oldest first."""
    origin = (max(first, policy.start_date or first) - _EPOCH).days
    carried: dict[str, Flagged] = {}
    lives: list[Life] = []
    for slot in _slots(policy, origin, days):
        day = slot_day(policy, slot)
        # Whether a period has its flag already is told by the newest point that carries it.
        due = flags_due(policy, slot, set(carried.values()))
        for flag in (*due.flags, *due.archive_flags):
            carried[flag] = Flagged(day, frozenset((flag,)))
        made = (slot - datetime.combine(_EPOCH, time(), UTC)) / timedelta(days=1) - origin
        lives.append(
            Life(
                made=made,
                ends=_end(policy, due.flags, day, origin),
                flags=due.flags,
                archive_flags=due.archive_flags,
                archive_ends=_end(policy, due.archive_flags, day, origin) if due.archive_flags else None,
            )
        )
    return [_never_the_last(life, after) for life, after in zip(lives, [*lives[1:], None], strict=True)]


def _slots(policy: Policy, origin: int, days: int) -> Iterator[datetime]:
    for offset in range(days):
        yield from sorted(slots_on(policy, _EPOCH + timedelta(days=origin + offset)))


def _end(policy: Policy, flags: tuple[str, ...], day: date, origin: int) -> float:
    """The day after the last on which any of the flags keeps the point."""
    return max((kept_until(policy, _FLAGS[flag], day) - _EPOCH).days + 1 - origin for flag in flags)


def kept_until(policy: Policy, schedule: str, day: date) -> date:
    """The last day on which a schedule's flag keeps a point of that day."""
    plan = policy.schedules
    if schedule == "daily" and plan.daily is not None:
        return _days_later(day, plan.daily.keep_days)
    if schedule == "weekly" and plan.weekly is not None:
        return _days_later(day, plan.weekly.keep_weeks * 7)
    months = plan.monthly.keep_months if schedule == "monthly" and plan.monthly is not None else 0
    years = plan.yearly.keep_years if schedule == "yearly" and plan.yearly is not None else 0
    count = day.year * 12 + day.month - 1 + months + years * 12
    return clamped(count // 12, count % 12 + 1, day.day)


def _days_later(day: date, days: int) -> date:
    return day + timedelta(days=days)


def _never_the_last(life: Life, after: Life | None) -> Life:
    """The newest point stays, whatever its flags say, until there is a newer one."""
    if after is None or life.ends >= after.made:
        return life
    return Life(life.made, after.made, life.flags, life.archive_flags, life.archive_ends)
