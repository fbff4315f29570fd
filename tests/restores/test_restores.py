"""Whole restores: what stands there afterwards, whatever dies or fails on the way."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from holdfast.cloud import tags as marks
from holdfast.model.session import Session, State

if TYPE_CHECKING:
    from tests.restores.conftest import Restores

Make = Callable[[], Any]
_ROWS = "Data/dbo.T/TableData-000-00000.BCP"


def rows(world: Restores, name: str) -> bytes:
    with zipfile.ZipFile(world.sql.folder / "filled" / world.sql.there[name].guid) as package:
        return package.read(_ROWS)


def went_well(world: Restores, session: Session) -> None:
    (source,) = session.sources
    assert session.state is State.SUCCEEDED, (source.error, session.error)
    assert {step.state for step in source.steps} <= {State.SUCCEEDED, State.SKIPPED}
    nothing_is_left(world, session)


def nothing_is_left(world: Restores, session: Session) -> None:
    left = world.left_behind()
    if session.state is not State.SUCCEEDED:
        # The package stays for another attempt; Azure empties the disk when the machine stops, and that it does.
        left = [one for one in left if not one.startswith("workspace")]
    assert left == []
    assert not [name for name in world.sql.there if "-restore-" in name]
    marked = [one for one in world.sql.there.values() if one.tags.get(marks.KIND) == "restore"]
    assert marked == []


def in_place(world: Restores, session: Session, before: str) -> None:
    """The restored database has the name and the people's tags; the old one stands aside, and the report says so."""
    went_well(world, session)
    assert session.restore is not None
    aside = session.restore.replaced.partition("/")[2]
    assert set(world.sql.there) == {"one", aside}
    assert world.sql.there[aside].guid == before
    assert world.sql.there["one"].guid != before
    assert world.sql.there["one"].tags["owner"] == "anna"
    assert b"sql-a/one 2026-01-01" in rows(world, "one")


def test_a_point_becomes_a_database_of_a_new_name(restores: Make) -> None:
    world = restores()
    point = world.backed_up()
    session = world.restore(point, to="sql-a/two", asked_by="anna@laptop")
    went_well(world, session)
    assert set(world.sql.there) == {"one", "two"}
    assert b"sql-a/one 2026-01-01" in rows(world, "two")
    assert world.sql.there["two"].tags == {marks.SESSION: session.id, marks.POINT: point}
    steps = {step.name: step.state for step in session.sources[0].steps}
    assert steps["rehydrate"] is State.SKIPPED
    assert session.restore is not None
    assert (session.restore.database, session.restore.asked_by) == ("sql-a/two", "anna@laptop")
    told = [line.message for line in world.catalog.log.read(session.id)]
    assert f"restore of {point} to sql-a/two, asked for by anna@laptop" in told


def test_in_the_original_place_the_old_database_is_kept(restores: Make) -> None:
    world = restores()
    point, before = world.backed_up(), world.sql.there["one"].guid
    in_place(world, world.restore(point, original=True), before)


@pytest.mark.parametrize("record", range(16))
def test_a_host_killed_at_any_record_of_a_restore_ends_it_with_one_import(restores: Make, record: int) -> None:
    """Whatever an activity did before the host died it does again; no database is imported into twice."""
    world = restores()
    point, before = world.backed_up(), world.sql.there["one"].guid
    world.deaths.wanted = {"record": record}
    session = world.restore(point, original=True)
    assert world.deaths.happened == ["record"]
    in_place(world, session, before)
    assert len(set(world.sql.runs)) == len(world.sql.runs) == 1


def test_a_half_filled_database_is_dropped_and_another_is_filled(restores: Make) -> None:
    world = restores()
    point = world.backed_up()
    (world.sql.folder / "fail").write_text("1")
    went_well(world, world.restore(point, to="sql-a/two"))
    first, second = world.sql.runs
    assert world.sql.there["two"].guid == second != first


def test_an_import_that_never_works_leaves_nothing(restores: Make) -> None:
    world = restores()
    point = world.backed_up()
    (world.sql.folder / "fail").write_text("99")
    session = world.restore(point, original=True)
    assert session.state is State.FAILED
    assert session.sources[0].error is not None
    assert session.sources[0].error.code == "unavailable"
    nothing_is_left(world, session)
    assert set(world.sql.there) == {"one"}
    assert world.sql.there["one"].tags == {"owner": "anna"}


def test_a_database_that_differs_is_kept_under_its_temporary_name(restores: Make) -> None:
    world = restores()
    point, before = world.backed_up(), world.sql.there["one"].guid
    world.answers(rows=0)
    session = world.restore(point, original=True)
    assert session.state is State.FAILED
    assert session.sources[0].error is not None
    assert session.sources[0].error.code == "not-as-stored"
    assert world.sql.there["one"].guid == before
    assert session.restore is not None
    kept = session.restore.kept_as.partition("/")[2]
    assert world.sql.there[kept].tags[marks.KIND] == "restore-differs"
    assert [one.outcome for one in session.restore.compared if one.what == "rows"] == ["different"]
    assert len(world.sql.runs) == 1


def test_a_restore_that_cannot_be_says_why_and_makes_nothing(restores: Make) -> None:
    world = restores()
    point = world.backed_up()
    session = world.restore(point, to="sql-a/one")
    assert session.state is State.FAILED
    assert session.sources[0].error is not None
    assert session.sources[0].error.code == "restore-impossible"
    assert "nothing is overwritten" in session.sources[0].error.detail
    assert world.sql.runs == []
    assert world.left_behind() == []


def test_a_cancelled_restore_leaves_nothing(restores: Make) -> None:
    world = restores()
    point = world.backed_up()
    work = world.office._work

    def cancelled(assignment: Any, job: Any) -> Any:
        if job.kind == "import":
            world.catalog.sessions.request_cancel(job.session)
        return work(assignment, job)

    world.office._work = cancelled
    session = world.restore(point, to="sql-a/two")
    assert session.state is State.CANCELLED
    assert set(world.sql.there) == {"one"}
    nothing_is_left(world, session)


@pytest.mark.parametrize("record", [None, 3, 5, 8, 12])
def test_an_archived_point_is_rehydrated_once_whatever_dies(restores: Make, record: int | None) -> None:
    world = restores()
    world.put_policy(
        schedules={
            "daily": {"at": ["03:00"], "keep_days": 7},
            "monthly": {"day": 1, "keep_months": 12, "archive": True},
        },
        select={"databases": ["one"]},
    )
    world.backed_up()
    world.run_session("archive", databases=["one"])
    (point,) = [p.id for p in world.catalog.points.list(repository="archive").points]
    asked: list[str] = []
    store = world.stores["archive"]
    rehydrate = store.rehydrate

    def counted(name: str, *more: Any) -> Any:
        if not (store.stat(name).readable or store.stat(name).rehydrating):
            asked.append(name)
        return rehydrate(name, *more)

    store.rehydrate = counted
    passes = world.host._advance

    def hours_later(by: timedelta) -> None:
        """Storage takes its time: what was asked for is there when an hour has passed."""
        passes(by)
        if asked and world.clock.now() - began > timedelta(hours=1):
            store.finish_rehydration()

    began = world.clock.now()
    world.host._advance = hours_later
    if record is not None:
        world.deaths.wanted = {"record": record}
    session = world.restore(point, to="sql-a/two", repository="archive")
    went_well(world, session)
    assert asked
    assert len(asked) == len(set(asked)), "Azure bills every time"
    assert b"sql-a/one 2026-01-01" in rows(world, "two")
