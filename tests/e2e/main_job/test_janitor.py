"""The janitor removes what a crash left behind, and touches nothing else."""

from __future__ import annotations

import contextlib
import sqlite3
import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from holdfast.model.plan import copy_name
from holdfast.model.source import source_key
from local import plan
from local.app_settings import storage_url
from local.azure.state_folder import StateFolder
from local.owner import OwnerCredential
from local.profile import LocalProfile
from local.samples.databases import write_sample

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]

_PAST = "2026-01-01T00:00:00Z"


def _until(what: str, done: Callable[[], Any], seconds: float = 600) -> Any:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := done():
            return found
        time.sleep(1)
    raise AssertionError(f"waited in vain until {what}")


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    """A small database."""
    write_sample(tmp_path / "hr.bacpac", "hr", scale=0.1)
    return tmp_path / "hr.bacpac"


@pytest.fixture
def placed(world: LocalProfile) -> Iterator[Callable[[str, dict[str, str]], str]]:
    """Puts databases onto the staging server, with tags; removes what is still there at the end. Gives ids."""
    made: list[str] = []

    def place(name: str, tags: dict[str, str]) -> str:
        database = f"{plan.STAGING_SERVER_ID}/databases/{name}"
        world.admin("PUT", "resources", {"id": database, "location": "westeurope", "tags": tags, "properties": {}})
        made.append(database)
        return database

    yield place
    for database in made:
        _ask(world, "DELETE", database)


def _ask(world: LocalProfile, method: str, resource: str) -> int:
    """Asks Azure Resource Manager as the owner of everything; the status."""
    folder = StateFolder(world.state / "azure")
    token = OwnerCredential(folder).get_token("https://management.azure.com/.default").token
    headers = {"Authorization": f"Bearer {token}"}
    address = f"https://127.0.0.1:{world.profile.azure_https}{resource}?api-version=2023-08-01"
    with httpx.Client(
        verify=ssl.create_default_context(cafile=folder.ca), headers=headers, timeout=60, trust_env=False
    ) as client:
        return client.request(method, address).status_code


def _names(world: LocalProfile) -> dict[str, dict[str, Any]]:
    return {r["name"]: r for r in world.resources()}


def _forget_run(world: LocalProfile, session: str) -> int:
    """The durable store loses the session's orchestrations, as a task hub that was deleted; how many there were."""
    with contextlib.closing(sqlite3.connect(world.state / "host" / "host.sqlite", timeout=30)) as database, database:
        mine = (session, f"{session}:%")
        count = database.execute("DELETE FROM instances WHERE id = ? OR id LIKE ?", mine).rowcount
        for table in ("history", "inbox", "timers", "work"):
            database.execute(f"DELETE FROM {table} WHERE instance = ? OR instance LIKE ?", mine)  # noqa: S608
    return int(count)


def test_what_a_lost_session_left_behind_goes_and_the_rest_stays(
    runs: Any, world: LocalProfile, sample: Path, placed: Callable[[str, dict[str, str]], str], tmp_path: Path
) -> None:
    """Copy, machine, lease and session of a run whose orchestration is gone; foreign databases are not touched."""
    source = "sql-janitor/one"
    world.load(sample, source)
    runs.policy("janitor", source)
    session = world.api("POST", "backups", {"policy": "janitor"})["id"]
    mine = copy_name(source_key(source), session)

    def copied_and_leased() -> bool:
        found = _names(world)
        running = [r for r in found.values() if r["power_state"] == "running"]
        steps = {
            s["name"]: s["state"] for x in runs.world.api("GET", f"sessions/{session}")["sources"] for s in x["steps"]
        }
        return mine in found and bool(running) and steps.get("worker") == "succeeded"

    _until("the copy is there and the worker at work", copied_and_leased)
    world.kill_host()
    try:
        assert _forget_run(world, session) >= 3
    finally:
        world.start_host()
    assert mine in _names(world), "the crash left a copy"

    # Beside it: what only looks like ours, what is of another installation, and what really was ours.
    key = source_key(source)
    tags = {"holdfast-kind": "copy", "holdfast-session": "20260101T000000000Z-gone-000000", "holdfast-source": key}
    ours = {"holdfast": "holdfast", **tags, "holdfast-expires": _PAST}
    stale = copy_name(key, tags["holdfast-session"])
    orphan = placed(stale, ours)
    untagged = placed(f"hf-{key}-0badc0de", {})
    foreign = placed(f"hf-{key}-0badcafe", {**ours, "holdfast": "another-installation"})
    renamed = placed("hf-orders-of-2025", ours)

    ended = runs.wait(session)
    assert ended["state"] == "failed"
    assert ended["error"]["code"] == "orchestration-lost"
    assert ended["error"]["help"]
    assert any("janitor" in line["message"] for line in runs.log(session))
    _until("the copies are gone", lambda: {mine, stale}.isdisjoint(_names(world)))
    _until(
        "the machine is deallocated",
        lambda: not [r for r in world.resources() if r["power_state"] not in (None, "deallocated")],
    )
    # A machine that the catalog does not know was left behind too: it goes with its disk and its card.
    machine = next(r["name"] for r in world.resources() if r["power_state"] == "deallocated")
    world.catalog.workers.remove(machine)
    _until("the unknown machine is gone", lambda: not [n for n in _names(world) if n.startswith(machine)])

    assert _ask(world, "GET", orphan) == 404
    assert [_ask(world, "GET", database) for database in (untagged, foreign, renamed)] == [200, 200, 200]
    touched = [r for r in world.requests() if r["method"] == "DELETE"]
    assert not [r for r in touched if r["path"] in (untagged, foreign, renamed)], "not even tried"
    # And the next run is as if nothing had been.
    assert runs.states(runs.backup("janitor")) == {source: "succeeded"}


def test_a_download_of_nobody_goes_and_one_that_is_waited_for_stays(
    runs: Any, world: LocalProfile, sample: Path, tmp_path: Path
) -> None:
    from azure.storage.blob import BlobServiceClient

    source = "sql-janitor/two"
    world.load(sample, source)
    runs.policy("downloads", source, staging=None)
    assert runs.states(runs.backup("downloads")) == {source: "succeeded"}
    runs.download(runs.points("default", source), tmp_path)
    folder = StateFolder(world.state / "azure")
    options: dict[str, Any] = {"credential": OwnerCredential(folder), "connection_verify": str(folder.ca)}
    with BlobServiceClient(storage_url(world.profile, "blob", plan.STATE), **options) as blobs:
        exports = blobs.get_container_client(plan.EXPORTS)
        kept = set(exports.list_blob_names())
        assert [name for name in kept if "sql-janitor-two" in name]
        lost = "20260101T000000000Z-download-000000/lost.bacpac"
        exports.upload_blob(lost, b"x")
        _until("the janitor came by", lambda: lost not in set(exports.list_blob_names()), seconds=180)
        assert kept <= set(exports.list_blob_names())
