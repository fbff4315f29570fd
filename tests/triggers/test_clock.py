"""The clock's tick: a slot whose session was recorded and not started is started by the next tick, not skipped."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from holdfast.catalog import new_id
from holdfast.model.clock import iso
from holdfast.model.errors import NotFound
from holdfast.model.policy import parse_policy
from holdfast.model.session import State
from triggers.clock import _due, _record

_NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
_POLICY = parse_policy(
    'name: p\nselect: {databases: ["*"]}\nschedules: {daily: {at: ["03:00"], keep_days: 7}}\nrepository: default\n'
)


class _Log:
    """What sessions were told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def write(self, _session: str, _level: str, text: str, **_: str) -> None:
        self.lines.append(text)


_LOG = _Log()


def _app(state: State | None, noted: list[datetime]) -> Any:
    def get(name: str, *, sources: bool) -> Any:
        if state is None:
            raise NotFound(name)
        return SimpleNamespace(state=state)

    policies = SimpleNamespace(slots=lambda _: {}, record_slot=lambda _n, _s, slot: noted.append(slot))
    sessions = SimpleNamespace(get=get, create=lambda session: session)
    catalog = SimpleNamespace(policies=policies, sessions=sessions, log=SimpleNamespace(write=_LOG.write))
    return SimpleNamespace(catalog=catalog, clock=SimpleNamespace(now=lambda: _NOW))


@pytest.mark.parametrize(
    ("state", "starts"),
    [(None, True), (State.PENDING, True), (State.RUNNING, False), (State.SUCCEEDED, False), (State.FAILED, False)],
)
def test_a_slot_is_noted_only_once_its_run_has_begun(state: State | None, starts: bool) -> None:
    noted: list[datetime] = []
    stored: Any = SimpleNamespace(policy=_POLICY, changed_at=_NOW - timedelta(days=1))
    start = _due(_app(state, noted), stored)
    assert (start is not None) is starts
    assert bool(noted) is not starts


@pytest.mark.parametrize(("days", "told"), [(1, []), (2, ["1 earlier slot had"]), (5, ["4 earlier slots had"])])
def test_slots_that_a_later_one_stands_for_are_told(days: int, told: list[str]) -> None:
    """Nothing is skipped in silence: an app that was off for a week says so in the session that makes up for it."""
    stored: Any = SimpleNamespace(policy=_POLICY, changed_at=_NOW - timedelta(days=days))
    app = _app(None, [])
    start = _due(app, stored)
    assert start is not None
    _LOG.lines.clear()
    _record(app, stored, start)
    assert [line[: len(told[0])] for line in _LOG.lines] == told if told else _LOG.lines == []


@pytest.mark.parametrize(
    ("state", "starts"),
    [(State.FAILED, True), (State.PARTIAL, True), (State.SUCCEEDED, False), (State.CANCELLED, False)],
)
def test_a_weekly_session_that_failed_is_tried_again_the_next_day(state: State, starts: bool) -> None:
    """Its slot was Saturday's; it is Sunday noon, an hour after the time of the slot."""
    weekly = parse_policy('name: w\nschedules: {weekly: {day: saturday, at: "11:00", keep_weeks: 4}}')
    saturday = datetime(2026, 2, 28, 11, tzinfo=UTC)
    app = _app(None, [])
    app.catalog.policies.slots = lambda _: {"weekly": saturday}
    failed = new_id(saturday, "w", occasion=iso(saturday))

    def get(name: str, *, sources: bool) -> Any:
        if name != failed:
            raise NotFound(name)
        return SimpleNamespace(state=state)

    app.catalog.sessions.get = get
    start = _due(app, SimpleNamespace(policy=weekly, changed_at=saturday))  # type: ignore[arg-type]
    assert (start is not None) is starts
    if start is not None:
        assert start.session.slot == "2026-03-01T11:00:00Z"
        assert start.given == {"due_since": iso(saturday)}
