"""The order of a run and the regions of its workers, read from what Azure was asked for and not from what we say."""

from __future__ import annotations

from typing import Any

import pytest

from holdfast.model.plan import copy_name
from holdfast.model.source import source_key
from local import plan
from local.profile import LocalProfile
from local.samples.databases import write_sample

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

_NORTH_INSTANCE = plan.STAGING_INSTANCE_ID.replace("mi-staging", "mi-staging-north")

Line = dict[str, Any]


class Requests:
    """The emulator's request log from a moment on."""

    def __init__(self, world: LocalProfile) -> None:
        self._world = world
        self._after = max((line["seq"] for line in world.requests()), default=0)

    def since(self) -> list[Line]:
        """What was asked for and taken."""
        return [r for r in self._world.requests() if r["seq"] > self._after and r["status"] < 300]

    def all(self, *methods: str, path: str, end: str = "") -> list[Line]:
        """Those of a method whose path has a word and an end."""
        return [r for r in self.since() if r["method"] in methods and path in r["path"] and r["path"].endswith(end)]

    def starts(self) -> list[Line]:
        """Machines made or started."""
        made = self.all("PUT", path="/virtualMachines/")
        return sorted([*made, *self.all("POST", path="/virtualMachines/", end="/start")], key=lambda r: r["seq"])

    def stops(self) -> list[Line]:
        """Machines deallocated."""
        return self.all("POST", path="/virtualMachines/", end="/deallocate")

    def exports(self, database: str) -> list[Line]:
        """Reads of a database's content."""
        return self.all("GET", path="/_sql/", end=f"/{database}/bacpac")


@pytest.fixture
def asked(world: LocalProfile) -> Requests:
    """What the test asks Azure for."""
    return Requests(world)


@pytest.fixture
def sample(tmp_path: Any) -> Any:
    """A small database."""
    write_sample(tmp_path / "hr.bacpac", "hr", scale=0.1)
    return tmp_path / "hr.bacpac"


def _machine(path: str) -> str:
    return path.split("/virtualMachines/")[1].partition("/")[0]


def _regions_of_exports(world: LocalProfile, starts: list[Line], *databases: str) -> dict[str, str]:
    """The region of the machine that exported each of these databases, as that machine was asked for.

    The world's other exports are left out: their machines may be gone.
    """
    regions = {_machine(start["path"]): start["region"] for start in starts}
    exports = [e for e in world.admin("GET", "exports") if e["database"] in databases]
    return {e["database"]: regions[_machine(e["by"])] for e in exports}


def test_staged_the_copy_comes_first_and_the_worker_runs_where_the_copy_is(
    runs: Any, world: LocalProfile, asked: Requests, sample: Any
) -> None:
    """Copy, worker start, export, copy delete, worker deallocate, archive worker start, deallocate.

    The SQL database is staged in another region than its own, the instance database on an instance in the north; the
    point of the month is archived in the same session.
    """
    database, managed = "sql-order/staged", "mi-order/staged"
    world.load(sample, database, region="northeurope")
    world.load(sample, managed, managed=True, region="northeurope")
    body = {"id": _NORTH_INSTANCE, "location": "northeurope", "properties": {}}
    world.admin("PUT", "resources", body)
    staging = {"sql_server": plan.STAGING_SERVER_ID, "managed_instance": _NORTH_INSTANCE}
    name = runs.slot("order-staged", database, managed, staging=staging)
    runs.started(name)
    session = runs.wait(name)
    assert runs.states(session) == {database: "succeeded", managed: "succeeded"}

    copies = {source: copy_name(source_key(source), name) for source in (database, managed)}
    made = {s: asked.all("PUT", path="/databases/", end=c)[0] for s, c in copies.items()}
    dropped = {s: asked.all("DELETE", path="/databases/", end=c)[0] for s, c in copies.items()}
    exported = {s: asked.exports(c) for s, c in copies.items()}
    starts, stops = asked.starts(), asked.stops()
    regions = _regions_of_exports(world, starts, *copies.values())
    assert regions[copies[database]] == "westeurope", "the staging server's region, not the source's"
    assert regions[copies[managed]] == "northeurope"
    for source, region in ((database, "westeurope"), (managed, "northeurope")):
        start = next(r for r in starts if r["region"] == region)
        stop = next(r for r in stops if r["region"] == region)
        order = [made[source], start, exported[source][0], exported[source][-1], dropped[source], stop]
        assert [r["seq"] for r in order] == sorted(r["seq"] for r in order), [(r["method"], r["path"]) for r in order]
        assert _machine(start["path"]) == _machine(stop["path"])
    backup_over = max(next(r["seq"] for r in stops if r["region"] == x) for x in ("westeurope", "northeurope"))
    archive = [r for r in starts if r["seq"] > backup_over]
    assert [r["region"] for r in archive] == ["westeurope"], "archived once, in the region of the repository"
    assert stops[-1]["seq"] > archive[0]["seq"]
    assert _machine(stops[-1]["path"]) == _machine(archive[0]["path"])
    assert {_machine(r["path"]) for r in starts} == {_machine(r["path"]) for r in stops}
    # The archive copies are there, and each says why it is kept.
    assert {p["source"]: p["flags"] for s in (database, managed) for p in runs.points("archive", s)} == {
        database: ["M"],
        managed: ["M"],
    }
    assert runs.left() == []


def test_direct_no_copy_is_made_and_the_worker_runs_where_the_source_is(
    runs: Any, world: LocalProfile, asked: Requests, sample: Any
) -> None:
    """Worker start, export from the source itself, deallocate; then archived where the repository is."""
    database, managed = "sql-order-direct/near", "mi-order-direct/far"
    world.load(sample, database, region="northeurope")
    world.load(sample, managed, managed=True, region="westeurope")
    runs.policy("order-direct", database, managed, staging=None)
    session = runs.backup("order-direct")
    assert runs.states(session) == {database: "succeeded", managed: "succeeded"}
    assert asked.all("PUT", "DELETE", path="/databases/") == [], "a direct export touches no database"
    starts, stops = asked.starts(), asked.stops()
    regions = _regions_of_exports(world, starts, "near", "far")
    for source, region in ((database, "northeurope"), (managed, "westeurope")):
        name = source.partition("/")[2]
        assert regions[name] == region
        start = next(r for r in starts if r["region"] == region)
        stop = next(r for r in stops if r["region"] == region)
        exported = asked.exports(name)
        assert start["seq"] < exported[0]["seq"] <= exported[-1]["seq"] < stop["seq"]
    assert len(starts) == len(stops) == 2

    assert runs.archive("order-direct")["state"] == "succeeded"
    starts, stops = asked.starts()[2:], asked.stops()[2:]
    assert [r["region"] for r in starts] == ["westeurope"], "the region of the repository"
    assert [_machine(r["path"]) for r in stops] == [_machine(r["path"]) for r in starts]
    assert stops[0]["seq"] > starts[0]["seq"]
    assert runs.left() == []
