"""Whole drills: the proof that is kept, and that nothing else is, whatever dies or fails on the way."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from holdfast.catalog import new_id
from holdfast.cloud import tags as marks
from holdfast.model.drill import DRILL_PREFIX, DrillRecord, last_proven
from holdfast.model.notice import of_session
from holdfast.model.policy import Policy
from holdfast.model.session import Session, State
from tests.days.driver import Died
from tests.restores.conftest import GROUP, Restores
from triggers.drills import starts

Make = Callable[[], Any]
SCHEDULES = {"daily": {"at": ["03:00"], "keep_days": 7}}


class Removing:
    """Drops from the dict of databases as `DrillTargets` does from Azure; slowly."""

    def __init__(self, world: Restores) -> None:
        self.world = world
        self.removed: list[str] = []
        self.slow = 1

    def remove(self, resource_id: str, restore: str) -> bool:
        name = resource_id.rpartition("/")[2]
        found = self.world.sql.there.get(name)
        if found is None:
            return False
        assert name.startswith(DRILL_PREFIX)
        assert found.tags[marks.SESSION] == restore
        if self.slow:
            self.slow -= 1
            return True
        self.removed.append(name)
        del self.world.sql.there[name]
        return True


def world_of(restores: Make, **drill: Any) -> tuple[Restores, Policy, Removing]:
    world: Restores = restores()
    removing = Removing(world)
    world.services.__dict__["drill_targets"] = removing
    policy = world.put_policy(
        schedules=SCHEDULES,
        select={"databases": ["one"]},
        drill={"every": "30d", "target": f"{GROUP}/sql-a", **drill},
    )
    world.run_session(staging=False)
    world.clock.advance(timedelta(hours=1))
    return world, policy, removing


def run(world: Restores, policy: Policy) -> Session | None:
    """What the timer starts, to its end; the host comes back whenever it was killed."""
    found = starts(world.services, policy)
    if not found:
        return None
    (start,) = found
    given = {
        "session": start.session.id,
        "policy": policy.name,
        "kind": "drill",
        "slot": None,
        "asked_at": start.session.started_at.isoformat(),
        **start.given,
    }
    while True:
        try:
            world.host.run("drill_point", given, start.session.id)
        except Died:
            world.clock.advance(timedelta(minutes=2))
            continue
        return world.catalog.sessions.get(start.session.id)


def the_drill(world: Restores) -> DrillRecord:
    (drills,) = world.catalog.drills.all().values()
    return drills[-1]


def nothing_is_left(world: Restores) -> None:
    assert set(world.sql.there) == {"one"}
    assert [one for one in world.left_behind() if not one.startswith("workspace")] == []


def test_a_point_is_proven_and_its_database_is_gone(restores: Make) -> None:
    world, policy, removing = world_of(restores)
    session = run(world, policy)
    assert session is not None
    assert session.state is State.SUCCEEDED, session
    drill = the_drill(world)
    assert (drill.state, drill.policy, drill.error) == ("proven", policy.name, None)
    assert {one.what for one in drill.proof} >= {"rows"}
    assert drill.ended_at is not None
    assert drill.restore_seconds is not None
    assert world.catalog.sessions.get(drill.restore).state is State.SUCCEEDED
    (name,) = removing.removed
    assert name.startswith(DRILL_PREFIX)
    nothing_is_left(world)
    (source,) = session.sources
    assert {step.name: step.state for step in source.steps} == dict.fromkeys(
        ("validate", "restore", "record", "cleanup"), State.SUCCEEDED
    )
    assert last_proven(world.catalog.drills.of(drill.chain)) == drill
    assert run(world, policy) is None, "it is proven for thirty days"
    world.clock.advance(timedelta(days=30))
    assert run(world, policy) is not None


@pytest.mark.parametrize("record", range(0, 24, 3))
def test_a_host_killed_at_any_record_of_a_drill_ends_it_all_the_same(restores: Make, record: int) -> None:
    world, policy, _ = world_of(restores)
    world.deaths.wanted = {"record": record}
    session = run(world, policy)
    assert world.deaths.happened == ["record"]
    assert session is not None
    assert session.state is State.SUCCEEDED, session
    assert len(world.catalog.drills.of(the_drill(world).chain)) == 1
    nothing_is_left(world)


def test_a_database_that_is_not_as_stored_fails_the_drill_alarms_and_is_removed(restores: Make) -> None:
    world, policy, removing = world_of(restores)
    world.answers(rows=0)
    session = run(world, policy)
    assert session is not None
    assert session.state is State.FAILED
    drill = the_drill(world)
    assert drill.state == "failed"
    assert drill.error is not None
    assert any(one.outcome == "different" for one in drill.proof) or drill.error.code == "not-as-stored"
    assert "-restore-" in removing.removed[-1], "it was kept under its temporary name"
    nothing_is_left(world)
    notice = of_session(session, [], link="", zone=policy.zone)
    assert (notice.event, notice.tone, notice.lines[0].code) == ("failure", "bad", "not-proven")
    assert run(world, policy) is None, "it waits for a day"
    world.answers(rows=1)
    world.clock.advance(timedelta(days=1))
    again = run(world, policy)
    assert again is not None
    assert again.state is State.SUCCEEDED


def test_an_import_that_never_works_fails_the_drill_and_leaves_nothing(restores: Make) -> None:
    world, policy, _ = world_of(restores)
    (world.sql.folder / "fail").write_text("9")
    session = run(world, policy)
    assert session is not None
    assert session.state is State.FAILED
    assert the_drill(world).error is not None
    nothing_is_left(world)


def test_a_server_that_is_not_there_fails_the_drill_before_anything_is_made(restores: Make) -> None:
    world, policy, removing = world_of(restores)
    world.sql.there["one"]
    world.stores["default"].objects.clear()
    session = run(world, policy)
    assert session is not None
    assert session.state is State.FAILED
    assert removing.removed == []
    nothing_is_left(world)


def test_the_janitor_removes_what_a_drill_left_that_nobody_ends(restores: Make) -> None:
    world, policy, removing = world_of(restores)
    removing.slow = 10**6
    session = run(world, policy)
    assert session is not None
    drill = the_drill(world)
    (left,) = [name for name in world.sql.there if name.startswith(DRILL_PREFIX)]
    # As it is where the app died before it could say how the drill ended.
    table = world.catalog.drills._table
    (row,) = table.rows("drills")
    table.erase("drills", row.key)
    world.catalog.drills.put(drill.model_copy(update={"state": "running", "ended_at": None, "proof": []}))
    removing.slow = 0
    tidy = world.host._activities["tidy_drills"]
    assert tidy({}) == {"ok": True, "removed": 1}
    assert left not in world.sql.there
    assert tidy({}) == {"ok": True, "removed": 0}
    assert the_drill(world).state == "failed"
    nothing_is_left(world)


def test_a_random_older_point_is_drilled_on_request(restores: Make) -> None:
    world, _, _ = world_of(restores)
    for _ in range(2):
        world.clock.advance(timedelta(days=1))
        world.run_session(staging=False)
    (chain,) = {point.chain for point in world.catalog.points.list().points}
    points = [point.id for point in world.catalog.points.list().points]
    now = world.clock.now()
    picked = set()
    for number in range(6):
        name = new_id(now, "drill", occasion=str(number))
        world.catalog.sessions.create(Session(id=name, kind="drill", started_at=now))
        given = {
            "session": name,
            "policy": None,
            "kind": "drill",
            "asked_at": now.isoformat(),
            "chain": chain,
            "key": "k",
            "pick": "random",
            "target": f"{GROUP}/sql-a",
            "verify": "counts",
            "worker_profile": "standard",
        }
        validated = world.host._activities["validate_drill"]({**given, "started_at": now.isoformat()})
        assert validated["ok"], validated
        picked.add(validated["plan"]["point"])
    assert picked <= set(points[:-1])
    assert len(picked) == 2
