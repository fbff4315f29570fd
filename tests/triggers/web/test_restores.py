"""The restore dialog: a plan before anything is done, and a typed name before anything makes room."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from holdfast.model.restore.report import Aftercare, Compared, PlanCheck, RestoreReport
from holdfast.model.session import State
from triggers import http_restores


@pytest.fixture
def asked(monkeypatch) -> list:
    """What was planned for; the plan itself is told by its own tests. A database named `gone` is a hindrance."""
    seen: list = []

    def planned(app, wanted, session, now):
        seen.append(wanted)
        point = app.catalog.points.get(wanted.point)
        bad = wanted.to == "sql-a/gone"
        checks = [
            PlanCheck(what="target", outcome="hindrance" if bad else "ok", detail="<b>looked at</b>", help="choose")
        ]
        target = SimpleNamespace(name="sql-a", region="westeurope")
        room = SimpleNamespace(aside="shop-before") if wanted.original else None
        plan = SimpleNamespace(temporary="shop-tmp", replaces=room, target=target, database="shop", pool="", sku="S3")
        told = {"point": point, "target": wanted.to or point.source, "checks": checks, "quote": None}
        return SimpleNamespace(plan=None if bad else plan, afterwards=["create logins"], **told)

    monkeypatch.setattr(http_restores, "planned", planned)
    return seen


@pytest.fixture
def point(site):
    return site.point(site.source("shop"))


def test_the_plan_is_shown_and_nothing_is_started(site, point, asked) -> None:
    answer = site.post(
        f"points/{point.id}/restore-plan", repository="default", to=" sql-a/new ", worker="standard", sku=""
    )
    assert answer.status == 200
    assert [(one.to, one.sku, one.original, one.verify) for one in asked] == [("sql-a/new", None, False, "counts")]
    assert "<b>looked at</b>" in answer.words
    assert "create logins" in answer.words
    assert any((a.get("formaction") or "").endswith("/restore") for _, a in answer.elements)
    assert site.started == []


def test_what_cannot_be_done_cannot_be_started_from_the_page(site, point, asked) -> None:
    answer = site.post(f"points/{point.id}/restore-plan", repository="default", to="sql-a/gone")
    assert "It cannot be done like this" in answer.words
    assert not any("formaction" in a for _, a in answer.elements)


def test_a_restore_is_a_session_and_says_who_asked(site, point, asked) -> None:
    answer = site.post(f"points/{point.id}/restore", repository="default", to="sql-a/new", once="1")
    assert answer.status == 303
    ((orchestrator, instance, given),) = site.started
    assert (orchestrator, given["asked"]["to"], given["asked"]["original"]) == ("restore_database", "sql-a/new", False)
    assert given["asked"]["asked_by"] == "signed in by key"
    assert answer.headers["Location"] == f"/api/web/sessions/{instance}"


@pytest.mark.parametrize("typed", ["", "sql-a/sho", "SQL-A/SHOP"])
def test_nothing_makes_room_before_its_name_was_typed(site, point, asked, typed: str) -> None:
    answer = site.post(f"points/{point.id}/restore", repository="default", original="yes", typed=typed)
    assert answer.status == 400
    assert "nothing was restored" in answer.words
    assert site.started == []
    assert (
        site.post(f"points/{point.id}/restore", repository="default", original="yes", typed="sql-a/shop").status == 303
    )
    assert site.started[0][2]["asked"]["original"] is True


def test_a_choice_that_is_none_is_named(site, point, asked) -> None:
    answer = site.post(f"points/{point.id}/restore-plan", repository="default", to="sql-a/new", verify="nothing")
    assert answer.status == 400
    assert "verify" in answer.words


def test_a_restored_database_is_told_with_what_is_left(site) -> None:
    report = RestoreReport(
        point="p",
        database="sql-a/shop",
        replaced="sql-a/shop-before",
        compared=[Compared(what="rows", outcome="same", detail="12 tables")],
        aftercare=[Aftercare(kind="login", name="ann", why="no package carries it", script="CREATE LOGIN [ann]")],
    )
    words = site.get(f"sessions/{site.session(State.SUCCEEDED, kind='restore', restore=report).id}").words
    for told in ("Restored: sql-a/shop", "shop-before", "same rows: 12 tables", "login ann", "CREATE LOGIN [ann]"):
        assert told in words
    kept = report.model_copy(update={"kept_as": "sql-a/shop-tmp"})
    assert "did not get its name" in site.get(f"sessions/{site.session(State.FAILED, restore=kept).id}").words
