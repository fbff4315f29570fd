"""A machine has a deadline for its boot; past it, it goes, is told, and makes room for another."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

import activities.lease_worker
from holdfast.model.errors import Conflict

_Activity = Callable[[dict[str, Any]], dict[str, Any]]
_FIRST, _SECOND = "hf-westeurope-standard-1", "hf-westeurope-standard-2"


@pytest.fixture
def lease(activity: Callable[..., _Activity]) -> _Activity:
    return activity(activities.lease_worker, "lease_worker")


@pytest.fixture
def give_up(activity: Callable[..., _Activity]) -> _Activity:
    return activity(activities.lease_worker, "give_up_worker")


def step_of(app: Any, key: str = "k1") -> SimpleNamespace:
    """The worker step of a source."""
    (step,) = (step for step in app.catalog.sessions.source("s1", key).steps if step.name == "worker")
    return SimpleNamespace(state=step.state.value, detail=step.detail)


def test_a_machine_that_dies_before_its_first_check_in_is_deleted_and_another_is_made(
    app: Any, given: Callable[..., dict[str, Any]], lease: _Activity, give_up: _Activity
) -> None:
    """In a pool of one: the next attempt need not wait for the janitor."""
    assert lease(given())["worker"] == _FIRST
    app.machines.states[_FIRST] = "running"  # and silent
    assert not lease(given())["ready"]
    error = give_up(given(worker=_FIRST))["error"]
    assert (error["code"], error["permanent"]) == ("worker-failed", False)
    assert app.machines.deleted == [_FIRST]
    assert step_of(app).state == "failed"
    assert any(f"{_FIRST} did not check in within 0:15:00" in line for line in app.log())
    waiting = lease(given(attempt=2))
    assert waiting["queued"], "the machine is not gone yet"
    del app.machines.states[_FIRST]
    assert lease(given(attempt=2))["queued"]
    assert lease(given(attempt=2))["worker"] == _SECOND
    assert app.dispatch.dropped == [_FIRST]
    app.machines.states[_SECOND] = "running"
    app.dispatch.check(_SECOND)
    assert lease(given(attempt=2))["ready"]


def test_whoever_waited_for_the_same_machine_gets_the_other_one_without_an_error(
    app: Any, given: Callable[..., dict[str, Any]], lease: _Activity, give_up: _Activity
) -> None:
    assert lease(given("k1"))["worker"] == lease(given("k2"))["worker"] == _FIRST
    give_up(given("k1", worker=_FIRST))
    del app.machines.states[_FIRST]
    answers = [lease(given(key)) for key in ("k1", "k2", "k2")]
    assert all(answer["ok"] for answer in answers)
    assert answers[-1]["worker"] == _SECOND


def test_a_worker_that_checked_in_meanwhile_is_kept(
    app: Any, given: Callable[..., dict[str, Any]], lease: _Activity, give_up: _Activity
) -> None:
    """Another source of the session found it ready between the last look and the end of patience."""
    lease(given("k1"))
    lease(given("k2"))
    app.machines.states[_FIRST] = "running"
    app.dispatch.check(_FIRST)
    assert lease(given("k2"))["ready"]
    assert give_up(given("k1", worker=_FIRST))["ok"]
    assert app.machines.deleted == []
    assert step_of(app).state == "running"
    assert lease(given("k1"))["ready"]


def test_a_machine_that_cannot_be_deleted_now_is_left_to_the_janitor(
    app: Any, given: Callable[..., dict[str, Any]], lease: _Activity, give_up: _Activity
) -> None:
    """Its row says that it failed, so nobody is handed it again."""
    lease(given())
    app.machines.refusal = Conflict("another operation runs on it")
    assert give_up(given(worker=_FIRST))["error"]["code"] == "worker-failed"
    assert app.catalog.workers.get(_FIRST).state == "failed"
    assert lease(given(attempt=2))["queued"]
    assert app.catalog.workers.get(_FIRST).slots == {}
