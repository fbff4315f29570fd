"""`holdfast status`: one screen, whole or in part."""

from typing import Any

import pytest

from .conftest import FakeApp, Run, problem

SHORT: dict[str, Any] = {"version": "1", "policies": 1, "running_sessions": ["s1"], "workers": 1}
JOB = {"source": "sql-a/shop", "step": "export", "worker": "w1", "progress": {"table": "dbo.Orders", "rows": 12000}}


@pytest.fixture
def busy(fake_app: FakeApp) -> FakeApp:
    states = ("protected", "protected", "unprotected")
    fake_app.answers = {
        "GET status": SHORT,
        "GET sources": {"value": [{"source": f"sql-a/{n}", "state": s} for n, s in enumerate(states)], "next": None},
        "GET sessions/s1/progress": {"value": [JOB], "next": None},
    }
    return fake_app


def test_it_counts_databases_and_shows_what_workers_do(run: Run, busy: FakeApp) -> None:
    ran = run("status")
    assert "2 protected, 1 unprotected" in ran.out
    assert "dbo.Orders, 12,000 rows" in ran.out
    assert "source list --unprotected" in ran.err


def test_json_says_the_same(run: Run, busy: FakeApp) -> None:
    said = run("status", "-o", "json").json
    assert said["databases"] == {"protected": 2, "unprotected": 1}
    assert said["jobs"] == [{"session": "s1", **JOB}]
    assert said["version"] == "1"


def test_what_cannot_be_asked_is_told_and_the_rest_is_shown(run: Run, busy: FakeApp) -> None:
    busy.answers["GET sources"] = problem("forbidden", 403, 6)
    busy.answers["GET sessions/s1/progress"] = problem("not-found", 404, 4)
    ran = run("status", "-o", "json")
    assert ran.code == 0
    assert ran.json["databases"] is None
    assert ran.json["jobs"] == []
    assert "cannot be listed" in ran.err


def test_an_empty_installation_says_what_to_do_next(run: Run, busy: FakeApp) -> None:
    busy.answers["GET status"] = {**SHORT, "policies": 0, "running_sessions": []}
    assert "policy apply" in run("status").err
