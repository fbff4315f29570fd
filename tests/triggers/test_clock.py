"""The clock's tick: a slot whose session was recorded and not started is started by the next tick, not skipped."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

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

    def write(self, _session: str, _level: str, text: str) -> None:
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
