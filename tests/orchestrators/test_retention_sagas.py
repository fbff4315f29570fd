"""Retention comes last, whatever became of the rest, and gives its workers back on every way out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Answer = dict[str, Any]
RUN = {"session": "s", "kind": "backup"}


@pytest.fixture
def busy(host: Any) -> Any:
    """A session in which two repositories have something to do."""
    host.activities["plan_retention"] = lambda _: {"ok": True, "batches": 2, "alarms": 0}
    return host


def test_retention_follows_archiving_and_precedes_the_end(busy: Any) -> None:
    busy.activities["plan_archive"] = lambda _: {"ok": True, "batches": 1}
    busy.run("policy_run", RUN)
    order = [n for n in busy.names() if n in ("validate_archive", "plan_retention", "end_batch", "close_session")]
    assert order == ["validate_archive"] * 2 + ["plan_retention", "end_batch", "end_batch", "close_session"]
    kinds = [given["kind"] for name, given in busy.called if name == "submit_job"][-4:]
    assert kinds == ["lock", "retain"] * 2
    last = busy.names().index("close_session")
    assert busy.names()[last - 2 : last] == ["deallocate_workers", "close_retention"]


def test_retention_runs_although_no_database_was_found(busy: Any, fails: Callable[..., Any]) -> None:
    busy.activities["discover_sources"] = fails("not-found", permanent=True)
    busy.run("policy_run", RUN)
    assert busy.names().count("end_batch") == 2
    assert dict(busy.called)["close_session"]["error"]["code"] == "not-found"


@pytest.mark.parametrize("broken", ["take_batch", "lease_worker", "submit_job", "collect_job"])
def test_a_batch_that_fails_is_ended_with_the_reason_and_the_other_goes_on(
    busy: Any, fails: Callable[..., Any], broken: str
) -> None:
    ok, bad = busy.activities[broken], fails("broken", permanent=True)
    busy.activities[broken] = lambda given: bad(given) if given.get("batch") == 0 else ok(given)
    busy.run("policy_run", {**RUN, "kind": "backup"})
    ended = {given["batch"]: given["outcome"] for name, given in busy.called if name == "end_batch"}
    assert ended[0]["error"]["code"] == "broken"
    assert ended[1] == {"ok": True}
    assert "close_session" in busy.names()


def test_a_plan_that_fails_is_told_and_the_session_closes(busy: Any, fails: Callable[..., Any]) -> None:
    busy.activities["plan_retention"] = fails("unavailable", permanent=True)
    busy.run("policy_run", RUN)
    assert dict(busy.called)["close_retention"]["error"]["code"] == "unavailable"
    assert "take_batch" not in busy.names()
    assert "close_session" in busy.names()


def test_retention_on_demand_is_a_session_of_its_own(busy: Any) -> None:
    busy.run("retain_points", {"session": "s", "kind": "retention"})
    assert "discover_sources" not in busy.names()
    assert busy.names().count("end_batch") == 2
    assert "close_session" in busy.names()


def test_a_hold_that_storage_cannot_keep_needs_no_worker(host: Any) -> None:
    host.activities["validate_hold"] = lambda _: {"ok": True, "plan": {}, "in_storage": False}
    host.run("hold_point", {"session": "s", "kind": "hold", "key": "a"})
    assert "lease_worker" not in host.names()
    assert "commit_hold" in host.names()


def test_a_release_that_fails_in_storage_leaves_the_catalogs_hold(host: Any, fails: Callable[..., Any]) -> None:
    host.activities["collect_job"] = fails("forbidden", permanent=True)
    host.run("hold_point", {"session": "s", "kind": "hold", "key": "a"})
    assert "commit_hold" not in host.names()
    assert "close_session" in host.names()
