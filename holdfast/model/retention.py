"""Which flags a new point carries. The rules that keep and expire points by them come with retention.

Source of the rules: docs/explanation/retention.md. The most frequent schedule makes the point; a rarer schedule takes
the first point that succeeds at or after its anchor, the latest scheduled day not after that point's day.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from holdfast.model.policy import Policy
from holdfast.model.schedule import is_scheduled, most_frequent, slot_day

FLAG_OF: dict[str, str] = {"daily": "D", "weekly": "W", "monthly": "M", "yearly": "Y"}

#: No schedule lies further back than the last 29 February before a non-leap century year.
_LONGEST_LOOK_BACK = timedelta(days=366 * 8 + 1)


@dataclass(frozen=True)
class Flagged:
    """A point of the chain as far as flags are concerned: its local day and what it carries, archived flags included."""

    day: date
    flags: frozenset[str]


@dataclass(frozen=True)
class FlagsDue:
    """`flags` stay with the point; `archive_flags` go to its copy in the archive repository."""

    flags: tuple[str, ...]
    archive_flags: tuple[str, ...]


def anchor(policy: Policy, schedule: str, day: date) -> date | None:
    """The latest scheduled day of that schedule that is not after `day` and not before the policy's start."""
    step = day
    while day - step <= _LONGEST_LOOK_BACK:
        if policy.start_date is not None and step < policy.start_date:
            return None
        if is_scheduled(policy.schedules, schedule, step):
            return step
        step -= timedelta(days=1)
    return None


def flags_due(policy: Policy, slot: datetime, chain: Iterable[Flagged]) -> FlagsDue:
    """The flags of a point made for `slot`, given the points that the chain has or had."""
    first = most_frequent(policy.schedules)
    if first is None:
        return FlagsDue((), ())
    day = slot_day(policy, slot)
    earlier = list(chain)
    stay: list[str] = [FLAG_OF[first]]
    go: list[str] = []
    for schedule in ("weekly", "monthly", "yearly"):
        rule = getattr(policy.schedules, schedule)
        if rule is None or schedule == first:
            continue
        since = anchor(policy, schedule, day)
        flag = FLAG_OF[schedule]
        if since is None or any(p.day >= since and flag in p.flags for p in earlier):
            continue
        (go if getattr(rule, "archive", False) else stay).append(flag)
    return FlagsDue(tuple(stay), tuple(go))
