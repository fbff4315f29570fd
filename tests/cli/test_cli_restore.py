"""`holdfast restore`: what it asks the app for, what it shows, how it ends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from .conftest import FakeApp, Run, session

PLAN: dict[str, Any] = {
    "ok": True,
    "point": "p1",
    "source": "sql/sales",
    "target": "sql/x",
    "temporary": "x-restore-1",
    "replaces": None,
    "size": "S3",
    "region": "westeurope",
    "checks": [{"what": "name", "outcome": "ok", "detail": "sql/x is free", "help": ""}],
    "quote": {"hours": {"low": "1", "expected": "2", "high": "3"}, "total": {"low": "4", "expected": "5", "high": "6"}},
    "afterwards": ["give passwords again"],
}
KEPT = {"name": "sql/sales-pre-1", "why": "made room", "session": "s1", "until": None, "due": False}


def test_a_restore_is_asked_for_with_who_asks(run: Run, fake_app: FakeApp) -> None:
    fake_app.answers["POST restores"] = session(kind="restore")
    arguments = ["--to", "sql/x", "--sku", "S3", "--pool", "p", "--verify", "contents", "--max-size", "9", "-o", "json"]
    assert run("restore", "start", "p1", *arguments).json["kind"] == "restore"
    sent = fake_app.sent()
    assert {
        "point": "p1",
        "to": "sql/x",
        "sku": "S3",
        "pool": "p",
        "verify": "contents",
        "max_size_gib": 9,
    }.items() <= (sent.items())
    assert "@" in sent["asked_by"]
    assert not sent["original"]


def test_the_original_place_and_a_high_priority(run: Run, fake_app: FakeApp) -> None:
    fake_app.answers["POST restores"] = session(kind="restore")
    assert run("restore", "start", "p1", "--original", "--priority", "high", "--keep-days", "30").code == 0
    assert {"original": True, "priority": "High", "keep_days": 30}.items() <= fake_app.sent().items()


@pytest.mark.parametrize("arguments", [[], ["--to", "sql/x", "--original"]])
def test_where_to_must_be_said_once(run: Run, fake_app: FakeApp, arguments: list[str]) -> None:
    assert run("restore", "start", "p1", *arguments).code == 2
    assert fake_app.asked == []


@pytest.mark.parametrize("word", ["--plan", "--dry-run"])
def test_a_plan_starts_nothing(run: Run, fake_app: FakeApp, word: str) -> None:
    fake_app.answers["POST restores/plan"] = PLAN
    ran = run("restore", "start", "p1", "--to", "sql/x", word)
    assert ran.code == 0
    for text in ("sql/x is free", "1 to 3, most likely 2", "4 to 6, most likely 5", "give passwords again"):
        assert text in ran.out
    assert "nothing was done" in ran.err
    assert len(fake_app.asked) == 1


def test_a_plan_that_cannot_be_ends_as_the_restore_would(run: Run, fake_app: FakeApp) -> None:
    fake_app.answers["POST restores/plan"] = {**PLAN, "ok": False}
    ran = run("restore", "start", "p1", "--to", "sql/x", "--plan", "-o", "json")
    assert (ran.code, ran.json["ok"]) == (27, False)


def test_the_script_is_printed_or_written_to_a_new_file(run: Run, fake_app: FakeApp, tmp_path: Path) -> None:
    fake_app.answers["GET sessions/s1"] = session(kind="restore", restore={"script": "ALTER USER [a];\n"})
    assert run("restore", "script", "s1").out == "ALTER USER [a];\n"
    file = tmp_path / "after.sql"
    assert run("restore", "script", "s1", "--to", file).code == 0
    assert file.read_text() == "ALTER USER [a];\n"
    assert run("restore", "script", "s1", "--to", file).code == 2
    fake_app.answers["GET sessions/s1"] = session()
    assert run("restore", "script", "s1").code == 2


def test_what_is_kept_is_listed_and_deleted_only_when_it_is_said(run: Run, fake_app: FakeApp) -> None:
    fake_app.answers["GET restores/kept"] = {"value": [KEPT], "next": None}
    assert run("restore", "kept", "-o", "json").json == [KEPT]
    fake_app.answers["DELETE restores/kept/sql/sales-pre-1"] = KEPT
    asked = len(fake_app.asked)
    assert run("restore", "discard", "sql/sales-pre-1", "--session", "s1").code != 0, "nobody said yes"
    assert len(fake_app.asked) == asked
    assert run("restore", "discard", "sql/sales-pre-1", "--session", "s1", "--yes", "-o", "json").json == KEPT
    assert fake_app.asked[-1].url.params["session"] == "s1"


def test_a_restore_that_is_over_says_what_was_compared_and_what_is_left(run: Run, fake_app: FakeApp) -> None:
    report = {
        "compared": [{"what": "rows", "outcome": "same", "detail": "12 rows in 2 tables"}],
        "aftercare": [{"kind": "user", "name": "anna", "why": "has a password of its own", "script": "ALTER USER"}],
        "replaced": "sql/sales-pre-1",
        "kept_as": "",
        "script": "ALTER USER",
    }
    fake_app.answers["GET sessions/s1"] = session(kind="restore", restore=report)
    ran = run("session", "show", "s1")
    for text in ("12 rows in 2 tables", "anna", "has a password of its own"):
        assert text in ran.out
    assert "sales-pre-1" in ran.err
    assert "restore script s1" in ran.err
