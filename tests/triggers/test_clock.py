"""The clock's tick: a slot whose session was recorded and not started is started by the next tick, not skipped."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from holdfast.model.errors import NotFound
from holdfast.model.policy import parse_policy
from holdfast.model.session import State
from triggers.clock import _due

_NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
_POLICY = parse_policy(
    'name: p\nselect: {databases: ["*"]}\nschedules: {daily: {at: ["03:00"], keep_days: 7}}\nrepository: default\n'
)


def _app(state: State | None, noted: list[datetime]) -> Any:
    def get(name: str, *, sources: bool) -> Any:
        if state is None:
            raise NotFound(name)
        return SimpleNamespace(state=state)

    policies = SimpleNamespace(slots=lambda _: {}, record_slot=lambda _n, _s, slot: noted.append(slot))
    catalog = SimpleNamespace(policies=policies, sessions=SimpleNamespace(get=get))
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
