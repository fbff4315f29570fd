"""A lost catalog is filled again from the repositories alone, by the worker's code and the app's: before equals after."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import activities.survey_repository
from activities.synchronising import Place, synchronise
from holdfast.model.installation import Installation
from holdfast.model.job import Job, JobResult, RepositoryRef, SurveySpec
from holdfast.model.point import RestorePoint
from holdfast.model.session import Session
from holdfast.model.terms import Terms
from holdfast.repository import NotOwned, PasswordCost, PointHeader, Repository
from holdfast.storage import open_store
from holdfast.worker import survey
from holdfast.worker.assignment import Assignment
from holdfast.worker.synchronise import read_chain
from local.samples.databases import write_sample

FIRST, SECOND = Installation(id="first", name="prod"), Installation(id="second", name="prod")
SESSION = "rebuild-1"


class World:
    """Two chains of two days in a folder, and an app that can be given an empty catalog."""

    def __init__(self, app: Any, folder: Path, packages: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
        self.app, self.url, self.packages = app, folder.as_uri(), packages
        self.blobs: dict[str, bytes] = {}
        app.installation = FIRST
        app.exports = SimpleNamespace(url="https://state/exports", read=self.blobs.__getitem__)
        app.settings = SimpleNamespace(repositories={"default": None}, default_repository="default")
        app.repository = lambda name: SimpleNamespace(name=name, region="westeurope")
        monkeypatch.setattr(
            survey, "_put", lambda _a, _s, name, read: self.blobs.update({name: json.dumps(read).encode()})
        )
        cost = PasswordCost(iterations=1, lanes=1, memory_kib=64)
        Repository.init(open_store(self.url, clock=app.clock), "password", clock=app.clock, cost=cost)

    def open(self, installation: Installation | None = None) -> Repository:
        store = open_store(self.url, clock=self.app.clock)
        who = installation or self.app.installation
        return Repository.open(store, "password", clock=self.app.clock, name="default", installation=who)

    def store(self, chain: str, day: int, **more: Any) -> RestorePoint:
        at = self.app.clock.now() + timedelta(days=day)
        header = PointHeader(
            id=f"p{day}-{chain}", source=f"sql-a/{chain}", chain=chain, created_at=at, session="s", **more
        )
        return self.open().store_point(self.packages[day % 2], header, owner="w")

    def synchronise(self) -> None:
        """As every backup session does it."""
        for chain in self.open().chains():
            synchronise(self.app, Place("s1", "job", "sql-a/one", "default", chain), read_chain(self.open(), chain))

    def points(self) -> dict[str, RestorePoint]:
        """Everything that the catalog knows of every point."""
        return {p.id: self.app.catalog.points.get(p.id) for p in self.app.catalog.points.list(absent=True).points}

    def lose(self) -> None:
        """Every row of every table."""
        for table in self.app.catalog.tables.values():
            for row in list(table.all_rows()):
                table.erase(row.partition, row.key)

    def rebuild(self, activity: Callable[..., Any], number: int = 1, **asked: Any) -> str:
        """A whole session, with the worker's and the app's own code; how the step is told."""
        session = f"{SESSION}-{number}"
        kind = asked.pop("kind", "rebuild")
        self.app.catalog.sessions.create(Session(id=session, kind=kind, started_at=self.app.clock.now()))
        given = {"session": session, "kind": kind, "worker_profile": "standard", **asked}
        run = lambda name, more: activity(activities.survey_repository, name)({**given, **more})  # noqa: E731
        assert run("discover_repositories", {}) == {"ok": True, "batches": 1}
        [key] = self.app.catalog.sessions.source_keys(session)
        plan = run("validate_repository", {"key": key})["plan"]
        spec = SurveySpec(
            repository=RepositoryRef(name="default", url=self.url, region="r", installation=self.app.installation),
            container_url=self.app.exports.url,
            folder=session,
            **{name: plan[name] for name in ("read", "adopt", "databases", "dry_run")},
        )
        job = Job(
            id=f"job-{number}",
            kind="survey",
            session=session,
            step="survey",
            instance_id="i",
            worker="w",
            submitted_at=self.app.clock.now(),
            spec=spec.model_dump(mode="json"),
        )
        equipment = SimpleNamespace(
            settings=SimpleNamespace(name="w"),
            repositories=SimpleNamespace(open=lambda ref: self.open(ref.installation)),
        )
        output = survey.work(Assignment(job, equipment, keeper=None))  # type: ignore[arg-type]
        self.app.catalog.jobs.add(job)
        self.app.dispatch.results[job.id] = JobResult(
            job=job.id, kind="survey", state="succeeded", ended_at=self.app.clock.now(), output=output
        )
        begin = 0
        while True:
            answer = run("record_survey", {"key": key, "plan": plan, "job": job.id, "begin": begin})
            assert answer["ok"], answer
            if not answer.get("pending"):
                return str(self.app.catalog.sessions.source(session, key).step("record").detail)
            begin = answer["begin"]

    def said(self, number: int = 1) -> str:
        return "\n".join(line.message for line in self.app.catalog.log.read(f"{SESSION}-{number}"))


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("packages")
    for day in range(2):
        write_sample(folder / f"{day}.bacpac", "shop", day=day, scale=0.02)
    return sorted(folder.iterdir())


@pytest.fixture
def world(app: Any, tmp_path: Path, packages: list[Path], monkeypatch: pytest.MonkeyPatch) -> World:
    (tmp_path / "repository").mkdir()
    made = World(app, tmp_path / "repository", packages, monkeypatch)
    for chain in ("one", "two"):
        for day in range(2):
            made.store(chain, day, flags=["D", "W"] if day else ["D"], warnings=["said by preflight"])
    made.synchronise()
    return made


def test_the_catalog_is_after_what_it_was_before(world: World, activity: Callable[..., Any]) -> None:
    before = world.points()
    assert len(before) == 4
    world.lose()
    assert world.points() == {}
    assert world.rebuild(activity, dry_run=True) == "2 chains, 4 points"
    assert world.points() == {}, "a dry run only says"
    assert "2 points added (the catalog did not know them): p0-one, p1-one" in world.said()
    assert "policies and former sessions are in no repository" in world.said()
    world.rebuild(activity, 2)
    assert world.points() == before
    rows = [(row.key, row.values["digest"]) for row in world.app.catalog.tables["holdfastpoints"].all_rows()]
    world.rebuild(activity, 3)
    assert world.points() == before
    assert [(row.key, row.values["digest"]) for row in world.app.catalog.tables["holdfastpoints"].all_rows()] == rows
    assert " added (" not in world.said(3), "a second run finds nothing"


def test_who_lost_the_catalog_is_another_until_it_adopts(world: World, activity: Callable[..., Any]) -> None:
    """Shown first, then done, then of no more effect."""
    world.lose()
    world.app.installation = SECOND
    world.rebuild(activity)
    assert "belongs to installation prod (first)" in world.said()
    assert "2 points foreign (this installation did not write them): p0-one, p1-one" in world.said()
    with pytest.raises(NotOwned):
        world.open().delete_points(["p0-one"], owner="w")
    assert world.rebuild(activity, 2, adopt=True, dry_run=True) == "2 chains, 4 points, 2 would be adopted"
    with pytest.raises(NotOwned):
        world.open().delete_points(["p0-one"], owner="w")
    detail = world.rebuild(activity, 3, kind="adopt", adopt=True, databases=["sql-a/one"])
    assert detail == "1 chain, 2 points, 1 adopted"
    assert "chain one of installation prod (first), 2 points: adopted by installation prod (second)" in world.said(3)
    world.open().delete_points(["p0-one"], owner="w")
    with pytest.raises(NotOwned):
        world.open().delete_points(["p0-two"], owner="w")
    assert world.rebuild(activity, 4, adopt=True) == "2 chains, 3 points, 1 adopted"
    assert world.rebuild(activity, 5, adopt=True) == "2 chains, 3 points, 0 adopted"
    world.open().delete_points(["p0-two"], owner="w")


def test_points_that_went_while_the_catalog_was_lost_are_told(world: World, activity: Callable[..., Any]) -> None:
    """By a person who deleted one, and by whoever deleted one behind the records."""
    world.open().delete_points(["p0-one"], owner="w")
    manifest = Path(world.url.removeprefix("file://")) / "chains" / "two" / "manifests" / "0000000002"
    manifest.chmod(0o644)
    manifest.unlink()
    assert world.rebuild(activity) == "2 chains, 2 points"
    assert {p.id: p.state for p in world.points().values()} == {
        "p0-one": "deleted",
        "p1-one": "present",
        "p0-two": "present",
        "p1-two": "missing",
    }
    assert "1 point missing (ALARM" in world.said()
    assert "a removal record of the repository names them): p0-one" in world.said()


def test_an_installation_that_wakes_with_an_old_export_loses_and_overwrites_nothing(world: World) -> None:
    """Its sequence is behind the repository's; numbers are the repository's, so the next point is written behind all."""
    transfer = world.app.catalog.transfer
    head, (old, _) = transfer.head(), transfer.page()
    world.store("one", 2, flags=["D"])
    world.synchronise()
    made = world.points()
    objects = {info.name: info.bytes for info in open_store(world.url).list() if not info.name.startswith("locks/")}
    world.lose()
    transfer.take(head, old, identity="auto", last=True)
    assert sorted(made.keys() - world.points().keys()) == ["p2-one"]
    assert world.store("one", 3, flags=["D"]).sequence == 4
    world.synchronise()
    assert {name: point for name, point in world.points().items() if name != "p3-one"} == made
    left = {info.name: info.bytes for info in open_store(world.url).list()}
    assert objects.items() <= left.items()
    assert world.open().check(read_data=True).ok


def test_claims_come_back_from_manifests_and_from_records_of_points_that_are_gone(
    world: World, activity: Callable[..., Any]
) -> None:
    """A period that had its point gets no second one, though catalog and point are lost both."""
    week, month = date(2026, 3, 2), date(2026, 3, 1)

    def terms(*claims: tuple[str, date, str]) -> Terms:
        told = [{"flag": flag, "anchor": at, "point": point, "day": at} for flag, at, point in claims]
        return Terms.model_validate({"policy": "nightly", "day": week, "claims": told})

    world.store("one", 2, terms=terms(("W", week, "p2-one")))
    world.store("one", 3, terms=terms(("W", week, "p2-one"), ("M", month, "p3-one")))
    world.synchronise()
    before = world.app.catalog.retention.claims("one")
    assert {(key.flag, key.anchor, claim.point) for key, claim in before.items()} == {
        ("W", week, "p2-one"),
        ("M", month, "p3-one"),
    }
    world.open().delete_points(["p2-one", "p3-one"], owner="w")
    world.lose()
    assert world.app.catalog.retention.claims("one") == {}
    world.rebuild(activity)
    assert world.app.catalog.retention.claims("one") == before
