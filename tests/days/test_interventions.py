"""What a person meets: alarms and approvals, holds, lengthened ends, a policy that is gone. On real repositories."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from holdfast.model.reapplying import reapplied
from holdfast.model.session import State
from holdfast.repository import PointHeader
from tests.days.world import POLICY, World

DAILY: dict[str, Any] = {"schedules": {"daily": {"at": ["03:00"], "keep_days": 3}}, "start_date": "2026-01-01"}


def days_of(world: World, source: str = "sql-a/one") -> list[int]:
    """Days of the month of the source's points, in catalog and repository alike."""
    stored = [point for point in world.opened["writer"]["default"].points() if point.source == source]
    listed = [point for point in world.catalog.points.list().points if point.source == source]
    assert [point.id for point in stored] == [point.id for point in listed]
    return [point.created_at.day for point in stored]


def warnings(world: World, session: str) -> list[str]:
    return [line.message for line in world.catalog.log.read(session) if "retention" in line.message]


@pytest.fixture
def world(make_world: Callable[[], World]) -> World:
    """Five days of two databases, daily points kept for three days."""
    made = make_world()
    policy = made.put_policy(**DAILY)
    for _ in range(5):
        made.run_day(policy)
    assert days_of(made) == [2, 3, 4, 5]
    return made


def test_points_that_go_are_logged_with_their_reasons_for_years(world: World) -> None:
    entries = [entry for _, entry in world.catalog.retention_runs.log(POLICY)]
    assert [(entry.source, entry.reasons[0]) for entry in entries if entry.source == "sql-a/one"] == [
        ("sql-a/one", "expired on 2026-01-05")
    ]


def test_a_clock_that_jumps_deletes_nothing_until_somebody_approves(world: World) -> None:
    world.catalog.retention_runs.note_clock()
    world.clock.advance(timedelta(days=30))
    world.catalog.retention_runs.note_clock()
    session = world.run_session("retention")
    assert session.state is State.PARTIAL
    assert session.retention is not None
    assert "30 days after" in session.retention.alarms[0]
    assert days_of(world) == [2, 3, 4, 5]
    (alarm,) = world.catalog.retention_runs.alarms(POLICY)
    assert any(alarm.approval in line for line in warnings(world, session.id))

    world.catalog.retention_runs.approve(POLICY, alarm.approval)
    world.clock.advance(timedelta(minutes=5))
    again = world.run_session("retention")
    assert again.state is State.SUCCEEDED
    assert days_of(world) == [5], "the newest stays"


def test_an_approval_is_of_exactly_these_deletions(world: World) -> None:
    world.clock.advance(timedelta(days=30))
    world.run_session("retention")
    (alarm,) = world.catalog.retention_runs.alarms(POLICY)
    world.catalog.retention_runs.approve(POLICY, alarm.approval)
    # One more point now that is the newest, so that another one would go.
    world.run_session("backup", databases=["one"])
    assert days_of(world) == [2, 3, 4, 5, 5], "of January, and one of 5 February"
    assert world.catalog.retention_runs.alarms(POLICY)[0].approval != alarm.approval


def test_a_monthly_policy_is_no_jump_of_the_clock(make_world: Callable[[], World]) -> None:
    world = make_world()
    policy = world.put_policy(schedules={"monthly": {"day": 1, "keep_months": 1}}, start_date="2026-01-01")
    for _ in range(100):
        for session in world.run_day(policy):
            assert session.state is State.SUCCEEDED, world.catalog.log.read(session.id)
        world.catalog.retention_runs.note_clock()
    assert days_of(world) == [1, 1], "of March, whose last day is 1 April, and of April"


def test_a_mass_expiry_asks(make_world: Callable[[], World]) -> None:
    world = make_world()
    policy = world.put_policy(**DAILY, retention={"mass_expiry_floor": 1, "mass_expiry_percent": 19})
    for _ in range(5):
        (session,) = world.run_day(policy)
    assert session.state is State.PARTIAL
    assert session.retention is not None
    assert "2 of 10 points (20 %)" in session.retention.alarms[0]
    assert days_of(world) == [1, 2, 3, 4, 5]


def test_a_hold_keeps_a_point_until_it_is_released(world: World) -> None:
    point = next(p for p in world.catalog.points.list().points if p.source == "sql-a/one" and p.created_at.day == 3)
    asked = {
        "point": point.id,
        "repository": "default",
        "key": "k",
        "worker_profile": "standard",
        "reason": "a lawsuit",
    }
    held = world.run_session("hold", **asked, on=True)
    assert held.state is State.SUCCEEDED, world.catalog.log.read(held.id)
    store = world.stores["default"]
    assert any(info.held for info in store.list())
    policy = world.catalog.policies.get(POLICY).policy
    for _ in range(3):
        world.run_day(policy)
    assert days_of(world) == [3, 5, 6, 7, 8]
    (standing,) = world.catalog.standings(database="one")
    assert standing.verdicts[0].reasons[0] == "on hold until somebody releases it"

    world.clock.advance(timedelta(hours=1))
    released = world.run_session("hold", **asked, on=False)
    assert released.state is State.SUCCEEDED
    assert not any(info.held for info in store.list())
    world.run_day(policy)
    assert days_of(world) == [6, 7, 8, 9]


def test_a_point_on_demand_is_kept_as_long_as_was_asked_for(world: World) -> None:
    world.clock.advance(timedelta(hours=2))
    world.run_session("backup", databases=["one"], hold_days=5)
    world.run_session("backup", databases=["two"])
    policy = world.catalog.policies.get(POLICY).policy
    terms = {p.source: p.terms for p in world.catalog.points.list().points if not p.flags}
    assert terms["sql-a/one"].hold_until == date(2026, 1, 11)  # type: ignore[union-attr]
    assert terms["sql-a/two"].hold_until == date(2026, 1, 9)  # type: ignore[union-attr]
    for _ in range(7):
        world.run_day(policy)
    assert 6 not in days_of(world)


def test_ends_are_lengthened_by_reapplying_and_never_by_an_edit_alone(world: World) -> None:
    policy = world.put_policy(**{**DAILY, "schedules": {"daily": {"at": ["03:00"], "keep_days": 30}}})
    (standing,) = world.catalog.standings(database="one")
    assert standing.candidates[0].untils == {"D": date(2026, 1, 5)}
    world.catalog.retention.lengthen(standing.points[0], {"D": date(2026, 2, 1)})
    world.run_day(policy)
    assert days_of(world) == [2, 3, 4, 5, 6]
    world.run_day(policy)
    assert days_of(world) == [2, 4, 5, 6, 7], "the others have the end that they were made with"


def test_points_of_an_earlier_version_have_no_end_until_the_policy_is_applied_to_them(world: World) -> None:
    (standing,) = world.catalog.standings(database="one")
    file = world.folder / "old.bacpac"
    world.write_package("sql-a/one", file)
    header = PointHeader(
        id="20251201T030000Z-old",
        source="sql-a/one",
        chain=standing.chain,
        created_at=datetime(2025, 12, 1, 3, tzinfo=UTC),
        flags=["D"],
    )
    world.opened["writer"]["default"].store_point(file, header, owner="an earlier version")
    policy = world.catalog.policies.get(POLICY).policy
    for _ in range(2):
        (session,) = world.run_day(policy)
        assert session.state is State.SUCCEEDED
    (standing,) = world.catalog.standings(database="one")
    old = next(point for point in standing.points if point.id == header.id)
    (verdict,) = [one for one in standing.verdicts if one.id == header.id]
    assert verdict.reasons == ("D without an end: re-apply the policy to set one",)
    (after,) = [one.after for one in reapplied(policy, standing.candidates) if one.id == header.id]
    world.catalog.retention.lengthen(old, after)
    (session,) = world.run_day(policy)
    assert session.state is State.SUCCEEDED
    assert header.id not in [point.id for point in world.opened["writer"]["default"].points()]


def test_a_catalog_that_says_too_much_is_not_believed(world: World) -> None:
    """The manifest has the last word: a point that its own terms keep is not deleted, whatever the plan says."""
    point = world.catalog.points.list().points[-1]
    assert point.terms is not None
    forged = point.terms.model_copy(update={"until": {"D": date(2026, 1, 1)}})
    older = [p for p in world.catalog.points.list().points if p.chain == point.chain][-2]
    world.catalog.points.put(older.model_copy(update={"terms": forged}))
    world.clock.advance(timedelta(hours=1))
    session = world.run_session("retention")
    assert session.state is State.PARTIAL
    assert session.retention is not None
    assert "its manifest keeps it until" in session.retention.problems[0]
    assert older.id in [p.id for p in world.opened["writer"]["default"].points()]


def test_a_point_waits_for_its_archive_copy_and_goes_once_that_was_read_back(make_world: Callable[[], World]) -> None:
    world = make_world()
    schedules = {**DAILY["schedules"], "monthly": {"day": 2, "keep_months": 12, "archive": True}}
    policy = world.put_policy(**{**DAILY, "schedules": schedules})
    world.office.not_archiving = {"sql-a/one"}
    for _ in range(10):
        (session,) = world.run_day(policy)
        assert session.state is (State.SUCCEEDED if session.id < "20260102" else State.PARTIAL)
    assert days_of(world) == [2, 7, 8, 9, 10]
    (standing,) = world.catalog.standings(database="one")
    assert standing.verdicts[0].reasons[0] == "its archive copy is not verified yet"
    world.office.not_archiving = set()
    world.run_day(policy)
    (copy,) = [p for p in world.opened["writer"]["archive"].points() if p.source == "sql-a/one"]
    assert copy.created_at.day == 2
    assert copy.terms is not None
    assert copy.terms.until == {"M": date(2027, 1, 2)}
    # It is the newest point that was read whole, and so it stays until another one is.
    backups = next(one for one in world.catalog.standings(database="one") if one.repository == "default")
    assert backups.verdicts[0].reasons[0] == "expired, but the newest verified point of its chain"


def test_points_of_a_policy_that_is_gone_still_expire(world: World) -> None:
    world.catalog.policies.delete(POLICY)
    world.clock.advance(timedelta(days=2))
    world.catalog.retention_runs.note_clock()
    heir = world.put_policy(**{**DAILY, "select": {"databases": ["none"]}}).model_copy(update={"name": "heir"})
    world.catalog.policies.put(heir)
    world.catalog.policies.delete(POLICY)
    session = world.run_session("retention", policy="heir")
    assert session.state is State.SUCCEEDED
    assert days_of(world) == [5]


def test_a_chain_of_another_installation_is_left_to_it_with_a_warning(world: World) -> None:
    """So it is after the loss of the catalog, until somebody adopts the chains."""
    world.empty_catalog()
    policy = world.put_policy(**DAILY)
    rebuilt = world.run_session("rebuild", adopt=False, worker_profile="standard")
    assert rebuilt.state is State.SUCCEEDED
    (session,) = world.run_day(policy)
    assert session.state is State.SUCCEEDED
    assert days_of(world) == [2, 3, 4, 5, 6]
    assert any("holdfast repository adopt" in line for line in warnings(world, session.id))


def test_what_somebody_deleted_is_shown_until_its_time_is_over(world: World) -> None:
    """So it is, too, where retention deleted a point and died before it could say so."""
    repository = world.opened["maintainer"]["default"]
    doomed = [point for point in world.catalog.points.list().points if point.source == "sql-a/one"][2]
    repository.delete_points([doomed.id], owner="a person")
    policy = world.catalog.policies.get(POLICY).policy

    def shown() -> list[str]:
        return [point.state for point in world.catalog.points.list(absent=True).points if point.id == doomed.id]

    for expected in (["deleted"], ["deleted"], []):
        (session,) = world.run_day(policy)
        assert session.state is State.SUCCEEDED
        assert shown() == expected
    log = [entry for _, entry in world.catalog.retention_runs.log(POLICY) if entry.point == doomed.id]
    assert [entry.reasons for entry in log] == [["ended 2026-01-07", "the repository says that it was deleted"]]


def test_an_archive_copy_is_made_although_the_database_is_gone(make_world: Callable[[], World]) -> None:
    world = make_world()
    schedules = {**DAILY["schedules"], "monthly": {"day": 2, "keep_months": 12, "archive": True}}
    policy = world.put_policy(**{**DAILY, "schedules": schedules})
    world.office.not_archiving = {"sql-a/one"}
    for _ in range(3):
        world.run_day(policy)
    world.office.not_archiving = set()
    world.servers.names.remove("sql-a/one")
    (session,) = world.run_day(policy)
    assert session.state is State.SUCCEEDED
    assert {source.source for source in session.sources} == {"sql-a/one", "sql-a/two"}
    assert [p.created_at.day for p in world.opened["writer"]["archive"].points()] == [2, 2]
    (session,) = world.run_day(policy)
    assert {source.source for source in session.sources} == {"sql-a/two"}, "and once only"


def test_a_profile_without_maintainer_says_so_and_the_backup_stands(world: World) -> None:
    profiles = {
        name: profile.model_copy(update={"maintainer_identity": None})
        for name, profile in world.services.settings.worker_profiles.items()
    }
    world.services.settings = world.services.settings.model_copy(update={"worker_profiles": profiles})
    (session,) = world.run_day(world.catalog.policies.get(POLICY).policy)
    assert session.state is State.PARTIAL
    assert all(source.state is State.SUCCEEDED for source in session.sources)
    assert session.retention is not None
    assert "names no maintainer identity" in session.retention.problems[0]
