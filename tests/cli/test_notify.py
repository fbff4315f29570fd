"""`holdfast notify` and `holdfast overdue`: what they ask of the app, print, and end with."""

from __future__ import annotations

from .conftest import FakeApp, Run, problem

CHANNEL = {
    "name": "ops",
    "kind": "teams",
    "events": ["failure", "overdue"],
    "policies": ["nightly"],
    "waiting": 2,
    "given_up": 1,
    "last_sent_at": "2026-03-01T02:00:00Z",
    "last_failed_at": None,
    "failure": "the receiver answered 500",
}


def test_channels_are_listed_with_what_waits_and_what_failed(run: Run, fake_app: FakeApp) -> None:
    fake_app.answers["GET channels"] = {"value": [CHANNEL], "next": None}
    assert run("notify", "list", "-o", "json").json == [CHANNEL]
    shown = run("notify", "list").out
    for text in ("ops", "teams", "failure, overdue", "nightly", "answered 500"):
        assert text in shown


def test_a_test_says_what_came_of_it(run: Run, fake_app: FakeApp) -> None:
    done = {"channel": "ops", "id": "x", "delivered": True}
    fake_app.answers["POST channels/ops/test"] = done
    assert run("notify", "test", "ops", "-o", "json").json == done


def test_a_test_that_fails_ends_with_the_code_of_the_failure(run: Run, fake_app: FakeApp) -> None:
    fake_app.answers["POST channels/ops/test"] = problem("notice-undelivered", 502, 41)
    ran = run("notify", "test", "ops")
    assert ran.code == 41
    assert len(fake_app.asked) == 1


def test_overdue_databases_are_listed(run: Run, fake_app: FakeApp) -> None:
    late = {"policy": "nightly", "source": "srv/a", "chain": "c", "missed": "2026-03-01T02:00:00Z", "newest": None}
    fake_app.answers["GET overdue"] = {"value": [late], "next": None}
    assert run("overdue", "-o", "json").json == [late]
    assert "srv/a" in run("overdue").out
