"""A backup becomes a database again: under a new name and in the original place, the same rows, and nothing left behind."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from holdfast.bacpac.package import Bacpac
from holdfast.model.session import Session, State
from local.samples.databases import write_sample

if TYPE_CHECKING:
    from local.profile import LocalProfile

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

SOURCE = "sql-restored/people"
_ENDED = (State.SUCCEEDED, State.PARTIAL, State.FAILED, State.CANCELLED)


def ended(world: LocalProfile, session: str) -> Session:
    deadline = time.monotonic() + 400
    while (found := world.catalog.sessions.get(session)).state not in _ENDED:
        assert time.monotonic() < deadline, found
        time.sleep(0.2)
    told = [line.message for line in world.catalog.log.read(session)]
    assert found.state is State.SUCCEEDED, [*told, [(s.error, s.steps) for s in found.sources], found.error]
    return found


def backed_up(world: LocalProfile) -> str:
    """The id of a new point of the database."""
    started = world.api("POST", "backups", {"databases": [SOURCE], "staging": False})
    return str(ended(world, started["id"]).sources[0].restore_point)


def restored(world: LocalProfile, point: str, **asked: Any) -> Session:
    started = world.api("POST", "restores", {"point": point, "asked_by": "anna", **asked})
    return ended(world, started["id"])


def streams(world: LocalProfile, point: str, folder: Path) -> dict[str, bytes]:
    """Every table's rows, as they lie in the point."""
    file = folder / f"{point}.bacpac"
    world.repository().write_bacpac(point, file)
    with Bacpac.open(file) as bacpac:
        return {
            f"{table.schema}.{table.name}": b"".join(piece for part in table.parts for piece in bacpac.pieces(part))
            for table in bacpac.tables()
        }


def test_a_point_comes_back_under_a_new_name_and_in_its_old_place(world: LocalProfile, tmp_path: Path) -> None:
    file = tmp_path / "people.bacpac"
    write_sample(file, "hr", day=0, scale=0.2)
    world.load(file, SOURCE)
    point = backed_up(world)

    plan = world.api("POST", "restores/plan", {"point": point, "to": SOURCE})
    assert not plan["ok"], "a name that is taken is refused before anything is done"

    again = restored(world, point, to="sql-restored/people-again", verify="contents")
    assert again.restore is not None
    outcomes = {one.what: one.outcome for one in again.restore.compared}
    assert outcomes == {"rows": "same", "objects": "same", "constraints": "same", "contents": "same"}
    assert again.restore.asked_by == "anna"

    # Another day's rows stand there when the point is restored over them.
    write_sample(file, "hr", day=5, scale=0.2)
    world.load(file, SOURCE)
    back = restored(world, point, original=True)
    assert back.restore is not None
    aside = back.restore.replaced.partition("/")[2]
    assert aside.startswith("people-pre-")
    assert streams(world, backed_up(world), tmp_path) == streams(world, point, tmp_path)

    kept = world.api("GET", "restores/kept")["value"]
    assert [(one["name"], one["session"], one["due"]) for one in kept] == [(f"sql-restored/{aside}", back.id, False)]
    world.api("DELETE", f"restores/kept/sql-restored/{aside}", session=back.id)
    left = [r for r in world.resources() if r["leftover"] or r["type"].startswith("Microsoft.Sql/")]
    assert left == []
    running = [r["name"] for r in world.resources() if r["power_state"] == "running"]
    assert running == []
