"""`holdfast drill` through the app."""

from __future__ import annotations

import pytest

from .conftest import FakeApp, Run, session


def test_a_drill_is_started_for_a_point_or_for_a_database(run: Run, fake_app: FakeApp) -> None:
    fake_app.answers |= {
        "POST drills": session(kind="drill"),
        "GET sessions/s1": session("succeeded", kind="drill"),
    }
    ran = run("drill", "start", "p1", "--verify", "contents", "--wait", "-o", "json")
    assert (ran.code, ran.json["kind"], ran.json["state"]) == (0, "drill", "succeeded")
    assert fake_app.sent(0) == {"point": "p1", "verify": "contents"}
    assert run("drill", "start", "--database", "srv/shop", "--random").code == 0
    assert fake_app.sent() == {"database": "srv/shop", "pick": "random"}


@pytest.mark.parametrize("arguments", [(), ("p1", "--database", "srv/shop"), ("p1", "--random")])
def test_what_is_to_be_drilled_is_said_once(run: Run, fake_app: FakeApp, arguments: tuple[str, ...]) -> None:
    assert run("drill", "start", *arguments).code == 2
    assert fake_app.asked == []


def test_a_drill_that_proves_nothing_ends_with_its_code(run: Run, fake_app: FakeApp) -> None:
    error = {"code": "not-proven", "title": "The drill did not prove the restore point", "detail": "rows", "help": ""}
    fake_app.answers |= {
        "POST drills": session(kind="drill"),
        "GET sessions/s1": session("failed", kind="drill", error=error),
    }
    assert run("drill", "start", "p1", "--wait").code == 27


def test_drills_are_listed_with_what_they_proved(run: Run, fake_app: FakeApp) -> None:
    drill = {
        "source": "srv/shop",
        "state": "proven",
        "point": "p1",
        "started_at": "2026-03-01T03:00:00Z",
        "restore_seconds": 90,
        "proof": [{"what": "rows", "outcome": "same", "detail": "12 tables"}],
        "error": None,
    }
    fake_app.answers["GET drills"] = {"value": [drill], "next": None}
    assert run("drill", "list", "-o", "json").json == [drill]
    shown = run("drill", "list", "--database", "shop", "--only", "proven").out
    assert "rows: same" in shown
    assert "1.5 min" in shown
    assert dict(fake_app.asked[-1].url.params)["state"] == "proven"
