"""A limit keeps a backup waiting, says so once, and is not used up by those who died."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

import activities.take_turn
import activities.tidy
from holdfast.model.plan import BackupPlan, StagingServer
from holdfast.model.session import Session, State
from holdfast.model.source import Source, SourceKind
from holdfast.settings import Limits, Settings

_Activity = Callable[[dict[str, Any]], dict[str, Any]]
_GROUP = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Sql"


def plan(database: str, *, staged: bool = True, pool: str | None = None) -> dict[str, Any]:
    source = Source(
        kind=SourceKind.SQL_DATABASE,
        resource_id=f"{_GROUP}/servers/Sql-A/databases/{database}",
        server="Sql-A",
        database=database,
        region="westeurope",
        host="h",
        elastic_pool=pool,
    )
    staging = StagingServer(
        kind=SourceKind.SQL_DATABASE, resource_id=f"{_GROUP}/servers/stage", name="stage", region="westeurope", host="h"
    )
    made = BackupPlan(
        source=source,
        staging=staging if staged else None,
        copy_name="hf-x",
        point="p",
        created_at=datetime(2026, 3, 1, tzinfo=UTC),
        repository="default",
        archive=None,
        worker_profile="standard",
        worker_region="westeurope",
    )
    return made.model_dump(mode="json")


@pytest.fixture
def take(app: Any, activity: Callable[..., _Activity]) -> Callable[..., dict[str, Any]]:
    """Asks for the turn of one of the session's sources."""
    function = activity(activities.take_turn, "take_turn")

    def ask(key: str = "k1", session: str = "s1", **of_plan: Any) -> dict[str, Any]:
        return function({"session": session, "key": key, "plan": plan(f"db-{key}", **of_plan)})

    return ask


def limited(app: Any, **limits: dict[str, int]) -> None:
    app.settings = Settings(limits=Limits(**limits))


@pytest.mark.parametrize(
    "limits",
    [{"servers": {"sql-a": 1}}, {"pools": {"sql-a/gold": 1}}, {"regions": {"west*": 1}}, {"staging": {"*": 1}}],
)
def test_every_kind_of_limit_keeps_the_second_waiting(app: Any, take: Any, limits: dict[str, dict[str, int]]) -> None:
    limited(app, **limits)
    pool = f"{_GROUP}/servers/Sql-A/elasticPools/gold"
    assert take("k1", pool=pool)["ready"]
    waiting = take("k2", pool=pool)
    assert (waiting["ready"], waiting["again_in"]) == (False, 15.0)
    take("k2", pool=pool)
    assert len([line for line in app.log() if "waits for its turn" in line]) == 1
    app.catalog.turns.release("s1", "k1")
    assert take("k2", pool=pool)["ready"]


def test_where_nothing_is_limited_nothing_is_asked_of_the_catalog(app: Any, take: Any) -> None:
    limited(app, staging={})
    assert take("k1")["ready"]
    assert app.catalog.turns.claims() == []


def test_a_session_that_died_with_its_turn_keeps_nobody_waiting(app: Any, take: Any) -> None:
    limited(app, servers={"*": 1})
    app.catalog.sessions.create(
        Session(id="dead", policy="p", kind="backup", state=State.RUNNING, started_at=app.clock.now())
    )
    assert take(session="dead")["ready"]
    assert not take("k2")["ready"], "it runs"
    app.catalog.sessions.close("dead", State.FAILED)
    assert take("k2")["ready"]
    assert {claim.session for claim in app.catalog.turns.claims()} == {"s1"}


def test_a_crash_between_the_grant_and_the_answer_leaves_one_turn_taken(app: Any, take: Any) -> None:
    limited(app, servers={"*": 2})
    for _ in range(3):
        assert take("k1")["ready"]
    assert take("k2")["ready"]
    assert len(app.catalog.turns.claims()) == 2


def test_the_janitor_gives_back_what_an_orchestration_that_is_gone_had(
    app: Any, take: Any, activity: Callable[..., _Activity]
) -> None:
    limited(app, servers={"*": 1})
    assert take("k1")["ready"]
    assert activity(activities.tidy, "tidy_sessions")({"dead": ["s1"]})["ok"]
    assert app.catalog.turns.claims() == []


def test_a_cancelled_session_stops_waiting(app: Any, take: Any) -> None:
    limited(app, servers={"*": 1})
    take("k1")
    app.catalog.sessions.request_cancel("s1")
    assert take("k2")["error"]["code"] == "cancelled"
