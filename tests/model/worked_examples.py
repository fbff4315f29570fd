"""The policies and histories of the worked examples E1 to E6 (docs/explanation/retention.md)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

from holdfast.model.policy import Policy, policy_from
from holdfast.model.replay import Event, Replayed, replay

D3 = {"at": ["03:00"], "keep_days": 3}


def policy(start: str | None = None, **schedules: Any) -> Policy:
    """A policy with these schedules; monthly and yearly ones may say `archive`."""
    given: dict[str, Any] = {"name": "a", "archive": "archive", "schedules": schedules}
    return policy_from({**given, "start_date": start} if start else given)


def days(first: str, last: str) -> list[date]:
    """All days from one to the other."""
    begin, end = date.fromisoformat(first), date.fromisoformat(last)
    return [begin + timedelta(days=n) for n in range((end - begin).days + 1)]


def events(when: Iterable[date], failing: Iterable[str] = ()) -> list[Event]:
    """A backup a day; the id is the day."""
    bad = set(failing)
    return [Event(id=day.isoformat(), day=day, ok=day.isoformat() not in bad) for day in when]


def kept(found: list[Replayed]) -> list[str]:
    """What is kept, as `01-12(DW)`."""
    return [f"{one.point.day:%m-%d}({''.join(one.point.flags)})" for one in found if one.point.keep]


def kept_copies(found: list[Replayed]) -> list[str]:
    """The same of archive copies."""
    copies = [one.archive_copy for one in found if one.archive_copy is not None and one.archive_copy.keep]
    return [f"{copy.day:%m-%d}({''.join(copy.flags)})" for copy in copies]


def gone(found: list[Replayed]) -> dict[str, str]:
    """Day of the point to the day on which it went."""
    return {f"{one.point.day:%m-%d}": f"{one.gone_on:%m-%d}" for one in found if one.gone_on is not None}


def on(rules: Policy, when: list[Event], day: str) -> list[Replayed]:
    """The replay."""
    return replay(rules, when, date.fromisoformat(day))
