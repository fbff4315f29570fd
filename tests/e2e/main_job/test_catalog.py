"""The catalog forgets nothing that matters: emptied, it fills itself again; asked twice, a thing is done once."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from holdfast.catalog.database import TABLES
from local import plan
from local.app_settings import storage_url
from local.azure.state_folder import StateFolder
from local.azurite_setup import installed
from local.movable_clock import MovableClock
from local.owner import OwnerCredential
from local.profile import LocalProfile
from local.samples.databases import write_sample

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def world() -> Iterator[LocalProfile]:
    """A world of its own, whose catalog may be emptied and whose clock may be moved."""
    if not installed():
        pytest.skip("Azurite is not installed; `make setup` fetches it")
    folder = Path(tempfile.mkdtemp(prefix="hf-cat-"))
    clock = MovableClock(folder / "clock.json")
    found = LocalProfile(folder / "state", clock_file=clock.file)
    try:
        found.up()
        yield found
    finally:
        found.down()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small database."""
    file = tmp_path_factory.mktemp("samples") / "hr.bacpac"
    write_sample(file, "hr", scale=0.1)
    return file


def _empty(world: LocalProfile) -> int:
    """Deletes every row of every table of the catalog; how many there were."""
    from azure.data.tables import TableServiceClient

    folder, count = StateFolder(world.state / "azure"), 0
    options: dict[str, Any] = {"credential": OwnerCredential(folder), "connection_verify": str(folder.ca)}
    with TableServiceClient(storage_url(world.profile, "table", plan.STATE), **options) as tables:
        # A table is made when it is first missed.
        for name in {table.name for table in tables.list_tables()} & set(TABLES):
            client = tables.get_table_client(name)
            for entity in list(client.list_entities(select=["PartitionKey", "RowKey"])):
                client.delete_entity(entity["PartitionKey"], entity["RowKey"])
                count += 1
    return count


def test_an_emptied_catalog_fills_itself_from_the_repositories(runs: Any, world: LocalProfile, sample: Path) -> None:
    """The next backup finds the chain's points again, the next archive its copies; each session's log says so."""
    source = "sql-empty/one"
    world.load(sample, source)
    runs.policy("emptied", source, staging=None)
    assert runs.states(runs.backup("emptied")) == {source: "succeeded"}
    assert runs.states(runs.archive("emptied")) == {source: "succeeded"}
    before = {r: runs.points(r, source) for r in ("default", "archive")}
    assert [len(points) for points in before.values()] == [1, 1]

    assert _empty(world) > 20
    assert world.api("GET", "points")["value"] == []
    assert world.api("GET", "sessions")["value"] == []
    runs.policy("emptied", source, staging=None)
    backup = runs.backup("emptied")
    assert runs.states(backup) == {source: "succeeded"}
    errors = [line["message"] for line in runs.log(backup["id"]) if line["level"] == "error"]
    # The machine of the forgotten pool is taken, not waited for in vain; and retention has nothing of another's to name, as
    # nothing has expired.
    assert errors == []
    told = [line["message"] for line in runs.log(backup["id"]) if "point added" in line["message"]]
    assert len(told) == 1
    assert "1 point added" in told[0]
    assert before["default"][0]["id"] in told[0]
    archive = runs.archive("emptied")
    assert runs.states(archive) == {source: "succeeded"}
    told = [line["message"] for line in runs.log(archive["id"]) if "point added" in line["message"]]
    assert len(told) == 1
    assert before["archive"][0]["id"] in told[0]
    for repository, points in before.items():
        after = runs.points(repository, source)
        assert len(after) == 2
        assert after[0] == points[0], "with every entry and table"
    # Agreed once, there is nothing more to tell.
    quiet = runs.backup("emptied")
    assert [line for line in runs.log(quiet["id"]) if "synchronised" in line["message"]] == []
    assert runs.left() == []


def _post(world: LocalProfile, path: str, body: dict[str, Any], key: str) -> httpx.Response:
    headers = {"x-functions-key": world.profile.key, "Idempotency-Key": key}
    return httpx.post(f"{world.profile.url}/api/{path}", json=body, headers=headers, timeout=120, trust_env=False)


def test_a_request_that_is_sent_again_starts_nothing_again(runs: Any, world: LocalProfile, sample: Path) -> None:
    """The same key is the same session, running or ended; another key is another session."""
    world.load(sample, "sql-once/one")
    runs.policy("once", "sql-none/*")
    answers = [_post(world, "backups", {"policy": "once"}, "my-key") for _ in range(3)]
    assert [a.status_code for a in answers] == [202, 202, 202]
    (name,) = {a.json()["id"] for a in answers}
    runs.wait(name)
    again = _post(world, "backups", {"policy": "once"}, "my-key")
    assert (again.status_code, again.json()["id"]) == (202, name)
    other = _post(world, "policies/once/run", {}, "another-key").json()["id"]
    assert other != name
    runs.wait(other)
    made = [s["id"] for s in world.api("GET", "sessions", policy="once")["value"]]
    assert sorted(made) == sorted({name, other})


def _pages(world: LocalProfile, path: str, **query: str) -> list[list[str]]:
    found, after = [], ""
    while True:
        page = world.api("GET", path, **query, **({"after": after} if after else {}))
        found.append([item["id"] for item in page["value"]])
        after = page["next"] or ""
        if not after:
            return found


def test_pages_hold_everything_once_and_in_order(runs: Any, world: LocalProfile, sample: Path) -> None:
    """Sessions and points, in pages of two."""
    source = "sql-pages/one"
    world.load(sample, source)
    runs.policy("paged", source, staging=None)
    ran = [runs.backup("paged")["id"] for _ in range(3)]
    pages = _pages(world, "sessions", policy="paged", limit="2")
    assert [len(page) for page in pages if page] == [2, 1]
    assert [name for page in pages for name in page] == ran
    points = [p["id"] for p in runs.points("default", source)]
    assert len(points) == 3
    pages = _pages(world, "points", database=source, limit="2")
    assert [len(page) for page in pages if page] == [2, 1]
    assert [name for page in pages for name in page] == points


def _scheduled(world: LocalProfile, policy: str, *, want: int, seconds: float) -> list[dict[str, Any]]:
    """The sessions of a policy once there are so many, or after a while."""
    until = time.monotonic() + seconds
    while True:
        found = list(world.api("GET", "sessions", policy=policy)["value"])
        if len(found) >= want or time.monotonic() > until:
            return found
        time.sleep(1)


def test_a_slot_runs_once_and_missed_slots_are_caught_up_once(runs: Any, world: LocalProfile, sample: Path) -> None:
    """Under a clock that the test moves while the app is down, as a machine that was off for days."""
    source, clock = "sql-clock/one", MovableClock(world.state.parent / "clock.json")
    world.load(sample, source)
    schedules = {"daily": {"at": ["03:00", "15:00"], "keep_days": 7}}
    runs.policy("clocked", source, staging=None, schedules=schedules, priority=1)
    assert _scheduled(world, "clocked", want=1, seconds=15) == [], "nothing is due before its time"

    world.kill_host()
    tomorrow = (clock.now() + timedelta(days=1)).date()
    clock.set(datetime(tomorrow.year, tomorrow.month, tomorrow.day, 3, 0, 5, tzinfo=UTC))
    world.start_host()
    (first,) = _scheduled(world, "clocked", want=1, seconds=300)
    assert first["id"].startswith(f"{tomorrow:%Y%m%d}T030000"), first["id"]
    assert runs.states(runs.wait(first["id"])) == {source: "succeeded"}

    world.kill_host()
    later = tomorrow + timedelta(days=4)
    clock.set(datetime(later.year, later.month, later.day, 12, 0, 0, tzinfo=UTC))
    world.start_host()
    second = _scheduled(world, "clocked", want=2, seconds=300)[-1]
    assert second["id"].startswith(f"{later:%Y%m%d}T030000"), "the newest of the eight that were missed"
    assert runs.states(runs.wait(second["id"])) == {source: "succeeded"}
    # Two more ticks of the clock, and a host that starts again: nothing runs twice.
    world.kill_host()
    world.start_host()
    assert len(_scheduled(world, "clocked", want=3, seconds=30)) == 2
    assert [p["created_at"][:10] for p in runs.points("default", source)] == [f"{tomorrow}", f"{later}"]


def test_a_lost_catalog_is_rebuilt_and_its_chains_are_adopted(runs: Any, world: LocalProfile, sample: Path) -> None:
    """From the repositories alone, by workers in their regions: every point as it was, and a new owner."""
    source = "sql-lost/one"
    world.load(sample, source)
    runs.policy("lost", source, staging=None)
    runs.backup("lost")
    runs.archive("lost")
    before = {r: runs.points(r, source) for r in ("default", "archive")}
    assert [len(points) for points in before.values()] == [1, 1]
    _empty(world)
    rebuilt = runs.wait(world.api("POST", "catalog/rebuild", {"adopt": True})["id"])
    assert runs.states(rebuilt) == {"default": "succeeded", "archive": "succeeded"}
    assert {r: runs.points(r, source) for r in before} == before
    adopted = [line for line in runs.log(rebuilt["id"]) if "adopted by" in line["message"] and line["source"] == source]
    assert len(adopted) == 2
    runs.policy("lost", source, staging=None)
    told = [line["message"] for line in runs.log(runs.backup("lost")["id"]) if line["level"] == "warning"]
    assert [text for text in told if "belongs to" in text or "synchronised" in text] == []
    assert runs.left() == []
