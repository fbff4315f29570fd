"""Retention and locks by policy on the local profile: the maintainer's machine, identity and rights, and storage's own."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path

import pytest

from holdfast.model.errors import ReportedError
from holdfast.model.session import Session, State
from holdfast.model.terms import Terms
from holdfast.repository import PointHeader
from local import plan
from local.profile import LocalProfile
from local.samples.databases import write_sample

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

_SOURCE = "sql-keep/hr"
_POLICY = {
    "name": "keep",
    "select": {"databases": [_SOURCE]},
    "retention": {"hold_days": 3},
    "repository": "default",
    "worker": plan.WORKER_PROFILE,
    "immutable": True,
}
_ENDED = (State.SUCCEEDED, State.PARTIAL, State.FAILED, State.CANCELLED)


def backup(world: LocalProfile) -> Session:
    name = str(world.api("POST", "backups", {"policy": "keep", "staging": False})["id"])
    deadline = time.monotonic() + 300
    while (session := world.catalog.sessions.get(name)).state not in _ENDED:
        assert time.monotonic() < deadline, session
        time.sleep(0.1)
    told = [line.message for line in world.catalog.log.read(name)]
    assert session.state is State.SUCCEEDED, told
    assert session.retention is not None
    assert session.retention.problems == []
    return session


def test_points_are_locked_by_policy_and_expired_ones_go(world: LocalProfile, tmp_path: Path) -> None:
    file = tmp_path / "hr.bacpac"
    write_sample(file, "hr", day=0, scale=0.2)
    world.load(file, _SOURCE)
    world.api("PUT", "policies/keep", _POLICY)
    first = backup(world)
    point = first.sources[0].restore_point
    assert point is not None
    repository = world.repository()
    stored = repository.point(point)
    states = {state.id: state for state in repository.locks_of([stored.chain]).states()}
    until = states[point].locked_until
    assert until is not None
    assert until > world.clock.now() + timedelta(days=3)
    assert stored.terms is not None
    assert stored.terms.hold_until is not None
    # Other tests of this world may have had workers of other roles: these two are what a backup with locks needs.
    assert {"writer", "maintainer"} <= {worker.role for worker in world.catalog.workers.list()}

    # A point that an earlier time left, whose end has passed: the next session learns of it and lets it go.
    long_ago = world.clock.now() - timedelta(days=40)
    terms = Terms(policy="keep", day=long_ago.date(), until={"D": long_ago.date()})
    header = PointHeader(id="old", source=_SOURCE, chain=stored.chain, created_at=long_ago, terms=terms)
    repository.store_point(file, header, owner="the test")
    second = backup(world)
    assert second.retention is not None
    assert second.retention.deleted == 1
    assert [p.id for p in repository.points(stored.chain)] == [point, second.sources[0].restore_point]
    verdicts = world.api("GET", "retention", policy="keep")["value"]
    assert [(row["keep"], row["reasons"][0].split(",")[0]) for row in verdicts] == [(True, "made on demand")] * 2
    assert world.api("GET", "policies/keep/retention/log")["value"][0]["point"] == "old"


def test_a_policy_that_wants_locks_is_refused_where_the_account_works_against_them(world: LocalProfile) -> None:
    rule = {
        "name": "cleanup",
        "definition": {"actions": {"baseBlob": {"delete": {"daysAfterModificationGreaterThan": 9}}}},
    }
    place = f"{plan.account_id(plan.BACKUP)}/managementPolicies/default"
    world.admin(
        "PUT", "resources", {"id": place, "location": "westeurope", "properties": {"policy": {"rules": [rule]}}}
    )
    try:
        with pytest.raises(ReportedError, match="lifecycle rule 'cleanup'") as refused:
            world.api("PUT", "policies/keep", _POLICY)
        assert refused.value.info().code == "immutability-not-ready"
    finally:
        world.admin(
            "PUT", "resources", {"id": place, "location": "westeurope", "properties": {"policy": {"rules": []}}}
        )
