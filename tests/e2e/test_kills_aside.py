"""Deaths of the host beside the plain way of a backup: while a session is cancelled, and while points are archived."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from holdfast.model.session import State

if TYPE_CHECKING:
    from tests.e2e.conftest import Kills

pytestmark = [pytest.mark.e2e, pytest.mark.prove, pytest.mark.timeout(1500)]


def in_slow_export(kills: Kills) -> str:
    """A session that is in the middle of an export which takes its time."""
    session = kills.start()
    kills.wait_for_step(session, "preflight")
    kills.slow_rows(50)
    kills.wait_for_rows(session)
    return session


def cancelled_with_nothing_left(kills: Kills, session: str) -> None:
    """The session ends cancelled, has no point, and the next backup finds nothing in its way."""
    ended = kills.end(session)
    assert ended.state is State.CANCELLED
    assert [source.state for source in ended.sources] == [State.CANCELLED]
    assert {step.state for source in ended.sources for step in source.steps}.isdisjoint({State.RUNNING, State.PENDING})
    assert kills.points_of(session, kills.backups) == ([], [])
    kills.nothing_is_left()
    kills.slow_rows(None)
    following = kills.start()
    assert kills.end(following).state is State.SUCCEEDED
    kills.has_one_point(following, kills.backups)
    kills.nothing_is_left()


def test_a_session_cancelled_in_export_ends_cancelled_with_nothing_left(kills: Kills) -> None:
    began = time.monotonic()
    session = in_slow_export(kills)
    assert kills.world.api("DELETE", f"sessions/{session}")["state"] == "running"
    cancelled_with_nothing_left(kills, session)
    kills.record("export", "nothing: cancelled", "", "cancelled; the next succeeded", f"{time.monotonic() - began:.0f}")


@pytest.mark.parametrize("step", ["export", "cleanup"])
def test_a_host_killed_while_a_session_is_cancelled_still_ends_it(kills: Kills, step: str) -> None:
    """Before the worker has let go, and while the copy is being dropped."""
    began = time.monotonic()
    session = in_slow_export(kills)
    if step == "cleanup":
        kills.world.azure_fault(mode="delay", method="DELETE", path="servers/sql-staging/databases/", seconds=5)
    kills.world.api("DELETE", f"sessions/{session}")
    kills.wait_for_step(session, step)
    kills.wait_for_fault(session)
    kills.world.kill_host()
    hit = time.monotonic() - began
    assert kills.step_runs(session, step)
    kills.world.start_host()
    cancelled_with_nothing_left(kills, session)
    seconds = time.monotonic() - began
    kills.record(f"{step}, cancelling", "host", f"{hit:.0f} s", "cancelled; the next succeeded", f"{seconds:.0f}")


def test_a_host_killed_while_points_are_archived_archives_each_once(kills: Kills) -> None:
    """An archive session, asked for by a person."""
    session = kills.start()
    assert kills.end(session).state is State.SUCCEEDED
    began = time.monotonic()
    archiving = str(kills.world.api("POST", "archives", {"policy": kills.policy})["id"])
    archived_once(kills, archiving, began, "archive")


@pytest.mark.whole
def test_a_host_killed_in_the_archive_step_of_a_scheduled_backup_archives_once(kills: Kills) -> None:
    """A slot that falls on a month's first point: backup and archive in one session."""
    kills.another_day()
    slot = datetime.now(UTC) + timedelta(seconds=90)
    monthly = {"day": slot.day, "keep_months": 12, "archive": True}
    schedules = {"daily": {"at": [f"{slot:%H:%M}"], "keep_days": 7}, "monthly": monthly}
    began = time.monotonic()
    kills.set_policy("kills-slot", schedules=schedules, priority=1)
    sessions = kills.world.catalog.sessions
    kills.until("slot", lambda: bool(sessions.list(policy="kills-slot")), sessions.unended)
    session = sessions.list(policy="kills-slot")[0].id
    archived_once(kills, session, began, "archive, in a backup")
    kills.has_one_point(session, kills.backups)


def archived_once(kills: Kills, session: str, began: float, told: str) -> None:
    """Kills the host while the worker archives."""
    kills.world.storage_fault(match="PUT blob /hfarchive/archive/chains/[^/]+/data/", delay=5)
    kills.wait_for_step(session, "archive")
    kills.wait_for_fault(session)
    kills.world.kill_host()
    hit = time.monotonic() - began
    assert kills.step_runs(session, "archive")
    kills.world.start_host()
    ended = kills.end(session)
    assert ended.state is State.SUCCEEDED
    kills.has_one_point(session, kills.archive)
    kills.nothing_is_left()
    kills.record(told, "host", f"{hit:.0f} s", str(ended.state), f"{time.monotonic() - began:.0f}")
