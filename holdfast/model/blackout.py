"""When a session may not start, and how the starts of its databases are spread. Pure.

Windows are read off the wall clock: a moment lies in one if the local time then does. An hour that a change of the clocks
repeats is dark both times; an hour that it skips was never there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from holdfast.model.policy import Policy
from holdfast.model.policy_schedules import WEEKDAYS, Blackout

#: Windows that follow each other without a gap; a policy whose windows cover the week is refused.
_LONGEST_ROW = 200


class Wait(NamedTuple):
    """Until when a start waits (UTC), and the window that it fell in, for people."""

    until: datetime
    window: str


def wait_at(policy: Policy, moment: datetime) -> Wait | None:
    """The wait of a start at that moment; None where it falls in no window."""
    window, until = None, moment
    for _ in range(_LONGEST_ROW):
        found = _window_at(policy, until)
        if found is None:
            break
        window = window or found[0]
        until = _first_after(policy, until, found[1])
    return None if window is None else Wait(until, _described(window))


def start_of(policy: Policy, slot: datetime) -> datetime:
    """The moment at which the session of that slot starts: the slot itself, or the end of the window it falls in."""
    found = wait_at(policy, slot)
    return slot if found is None else found.until


def delay_of(policy: Policy, start: datetime, source: str) -> timedelta:
    """How long that source waits after the start of its session: whole seconds, the same in every session.

    Sources are spread evenly over `jitter_minutes`, or over what of it is left before a window begins.
    """
    room = timedelta(minutes=policy.jitter_minutes)
    begins = min((b for b in _beginnings(policy, start) if b > start), default=None)
    if begins is not None:
        room = min(room, begins - start)
    share = int.from_bytes(hashlib.sha256(source.encode()).digest()[:8], "big") / 2**64
    return timedelta(seconds=int(room.total_seconds() * share))


def _window_at(policy: Policy, moment: datetime) -> tuple[Blackout, datetime] | None:
    """The window that the wall clock is in, and its end on the wall."""
    wall = moment.astimezone(policy.zone).replace(tzinfo=None)
    for window in policy.blackout:
        for day in (wall.date(), wall.date() - timedelta(days=1)):
            begins, ends = _on(window, day)
            if _falls_on(window, day) and begins <= wall < ends:
                return window, ends
    return None


def _first_after(policy: Policy, moment: datetime, wall: datetime) -> datetime:
    """The first moment after that one at which the wall clock shows this; one that is skipped moves on by the gap."""
    both = (wall.replace(tzinfo=policy.zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    # A window whose end is skipped at the very change would not move on: then a minute at a time.
    return min((m for m in both if m > moment), default=moment + timedelta(minutes=1))


def _beginnings(policy: Policy, start: datetime) -> Iterator[datetime]:
    day = start.astimezone(policy.zone).date()
    for window in policy.blackout:
        for offset in range(-1, 9):
            if _falls_on(window, day + timedelta(days=offset)):
                begins = _on(window, day + timedelta(days=offset))[0]
                yield begins.replace(tzinfo=policy.zone).astimezone(UTC)


def _falls_on(window: Blackout, day: date) -> bool:
    return window.days is None or WEEKDAYS[day.weekday()] in window.days


def _on(window: Blackout, day: date) -> tuple[datetime, datetime]:
    """Its two ends on the wall, where it begins on that day."""
    begins, ends = datetime.combine(day, window.from_), datetime.combine(day, window.to)
    return begins, ends if ends > begins else ends + timedelta(days=1)


def _described(window: Blackout) -> str:
    days = "every day" if window.days is None else ", ".join(window.days)
    return f"{days} {window.from_:%H:%M}-{window.to:%H:%M}"
