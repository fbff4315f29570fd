"""Commands of retention through the app's own routes: from the command line to the repository and back."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest

from holdfast.cli import app as app_module
from holdfast.cli import output, watching
from holdfast.cli.main import main
from holdfast.model.errors import HoldfastError
from tests.days.world import POLICY, World
from triggers import http_api  # noqa: F401 (fills the table of routes)
from triggers.routes import ROUTES, Call
from triggers.starting import ORCHESTRATOR

DAILY: dict[str, Any] = {"schedules": {"daily": {"at": ["03:00"], "keep_days": 3}}, "start_date": "2026-01-01"}


@dataclass
class Front:
    """The app's routes over the world; a session that a call starts runs to its end at once."""

    world: World

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/api/")
        for served in ROUTES:
            match = re.fullmatch(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", served.path), path)
            if match is None or served.method != request.method:
                continue
            call = Call(
                self.world.services, match.groupdict(), dict(request.url.params), dict(request.headers), request.content
            )
            try:
                reply = served.handler(call)
            except HoldfastError as error:
                info = error.info()
                return httpx.Response(
                    info.http_status, json=info.model_dump(), headers={"content-type": "application/problem+json"}
                )
            if reply.start is not None:
                session = reply.start.session
                given = {"session": session.id, "policy": session.policy, "kind": session.kind, "slot": None}
                given |= {"asked_at": session.started_at.isoformat(), **reply.start.given}
                self.world.host.run(ORCHESTRATOR[session.kind], given, session.id)
                self.world.clock.advance(timedelta(minutes=1))
            return httpx.Response(reply.status, json=reply.value)
        raise AssertionError(f"no route for {request.method} {path}")


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    """Five days of two databases, daily points kept for three days."""
    made = make_world()
    policy = made.put_policy(**DAILY)
    for _ in range(5):
        made.run_day(policy)
    return made


@pytest.fixture
def command(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, Any]]:
    """Runs `holdfast … -o json` against the world; exit code, and what it printed for scripts (or the words of an error)."""
    monkeypatch.setenv("HOLDFAST_URL", "https://app.test")
    monkeypatch.setenv("HOLDFAST_KEY", "the-function-key")
    monkeypatch.setattr(watching, "pause", lambda _: None)
    monkeypatch.setattr(
        app_module,
        "new_client",
        lambda _: httpx.Client(base_url="https://app.test/api/", transport=httpx.MockTransport(Front(world))),
    )

    def run(*arguments: str) -> tuple[int, Any]:
        output._chosen.set(output.Output.TABLE)
        capsys.readouterr()
        code = main([*arguments, "-o", "json"])
        printed = capsys.readouterr()
        return code, json.loads(printed.out) if printed.out.strip() else printed.err

    return run


def test_the_dry_run_says_what_the_run_then_does(world: World, command: Callable[..., Any]) -> None:
    world.clock.advance(timedelta(days=1))
    _, shown = command("retention", "show", "--policy", POLICY)
    assert {(row["source"], row["day"]) for row in shown if not row["keep"]} == {
        ("sql-a/one", "2026-01-02"),
        ("sql-a/two", "2026-01-02"),
        ("sql-a/one", "2026-01-03"),
        ("sql-a/two", "2026-01-03"),
    }
    _, points = command("point", "list", "--database", "one")
    assert [point["kept_because"] for point in points] == [
        row["reasons"] for row in shown if row["source"] == "sql-a/one"
    ]
    code, session = command("retention", "run", "--policy", POLICY, "--wait")
    assert code == 0
    assert session["retention"]["deleted"] == 4
    _, after = command("retention", "show", "--policy", POLICY)
    assert [row["id"] for row in after] == [row["id"] for row in shown if row["keep"]]
    _, log = command("retention", "log", "--policy", POLICY)
    assert {line["point"] for line in log} >= {row["id"] for row in shown if not row["keep"]}


def test_an_alarm_is_listed_approved_and_then_deleted(world: World, command: Callable[..., Any]) -> None:
    world.clock.advance(timedelta(days=30))
    code, session = command("retention", "run", "--policy", POLICY, "--wait")
    assert session["state"] == "partial"
    assert code != 0
    _, (alarm,) = command("retention", "alarms", "--policy", POLICY)
    assert (alarm["kind"], alarm["approved"]) == ("clock-jumped", False)
    refused, said = command("retention", "approve", "--policy", POLICY, "0" * 32)
    assert refused == 2
    assert "no alarm" in said
    _, approved = command("retention", "approve", "--policy", POLICY, alarm["approval"])
    assert approved["approved"]
    _, again = command("retention", "run", "--policy", POLICY, "--wait")
    assert (again["state"], again["retention"]["deleted"]) == ("succeeded", 6)


def test_a_point_is_held_and_released(world: World, command: Callable[..., Any]) -> None:
    _, points = command("point", "list", "--database", "one")
    code, _ = command("point", "hold", points[0]["id"], "--reason", "a lawsuit", "--wait")
    assert code == 0
    world.clock.advance(timedelta(days=1))
    _, held = command("point", "show", points[0]["id"])
    assert held["kept_because"][0] == "on hold until somebody releases it"
    command("point", "release", points[0]["id"], "--wait")
    _, shown = command("retention", "show", "--database", "one")
    assert [row["keep"] for row in shown][:2] == [False, False]


def test_a_policy_is_reapplied_first_dry_and_then_for_good(world: World, command: Callable[..., Any]) -> None:
    world.put_policy(**{**DAILY, "schedules": {"daily": {"at": ["03:00"], "keep_days": 30}}})
    _, dry = command("retention", "reapply", "--policy", POLICY, "--dry-run")
    assert {row["after"]["D"] for row in dry} == {"2026-02-01", "2026-02-02", "2026-02-03", "2026-02-04"}
    _, shown = command("retention", "show", "--database", "one")
    assert shown[0]["until"] == "2026-01-05", "nothing was changed"
    command("retention", "reapply", "--policy", POLICY)
    _, shown = command("retention", "show", "--database", "one")
    assert shown[0]["until"] == "2026-02-01"
    _, none = command("retention", "reapply", "--policy", POLICY, "--dry-run")
    assert none == []


def test_a_backup_on_demand_is_kept_as_long_as_was_said(world: World, command: Callable[..., Any]) -> None:
    world.clock.advance(timedelta(hours=1))
    code, _ = command("backup", "start", "--policy", POLICY, "--database", "one", "--keep-days", "90", "--wait")
    assert code == 0
    _, shown = command("retention", "show", "--database", "one")
    assert shown[-1]["reasons"] == ["made on demand, held until 2026-04-06"]


def test_what_a_misspelt_policy_would_do_is_no_empty_list(command: Callable[..., Any]) -> None:
    code, said = command("retention", "show", "--policy", "nihgtly")
    assert code == 4
    assert "nihgtly" in said
