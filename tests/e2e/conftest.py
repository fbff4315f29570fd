"""One world for all tests that run the whole app: Azurite, the Azure emulator, the durable host, worker machines.

And what the tests of sudden deaths share: a database that changes, kills, and the question what is left afterwards.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from holdfast.model.errors import NotFound
from holdfast.model.session import Session, State
from holdfast.repository import Repository
from local import plan
from local.azurite_setup import installed
from local.profile import LocalProfile
from local.samples.databases import write_sample
from tests.chromium.window import axe, browser  # noqa: F401 (fixtures)

#: The janitor comes more often than once a minute, so that a test need not wait long for what a crash left behind.
_SETTINGS = {"HOLDFAST_JANITOR_SCHEDULE": "*/15 * * * * *"}
_REPORT = Path(__file__).resolve().parents[2] / ".cache" / "prove" / "kills.txt"
_ENDED = (State.SUCCEEDED, State.PARTIAL, State.FAILED, State.CANCELLED)
#: Other work shares this machine.
_PATIENCE = 600.0


@pytest.fixture(scope="session")
def world() -> Iterator[LocalProfile]:
    """A running local profile, stopped and removed at the end."""
    if not installed():
        pytest.skip("Azurite is not installed; `make setup` fetches it")
    # Not below pytest's own folder: its names are long, and sockets and command lines are not.
    folder = Path(tempfile.mkdtemp(prefix="hf-e2e-"))
    found = LocalProfile(folder, settings=_SETTINGS)
    try:
        found.up()
        yield found
    finally:
        found.down()
        shutil.rmtree(folder, ignore_errors=True)


@dataclass
class Kills:
    """Backups of one database that changes, deaths in the middle of them, and what is asked afterwards."""

    world: LocalProfile
    folder: Path
    backups: Repository
    archive: Repository
    rows: list[tuple[str, ...]] = field(default_factory=list)
    day: int = 0

    policy: str = "kills"
    source: str = "sql-kill/hr"

    def set_policy(self, name: str, **fields: object) -> None:
        """A policy over the database, staged, on demand unless `fields` has a schedule."""
        base = {k: v for k, v in plan.default_policy().items() if k != "schedules"}
        self.world.api(
            "PUT", f"policies/{name}", {**base, "name": name, "select": {"databases": [self.source]}, **fields}
        )

    def another_day(self) -> None:
        """The database after another day, so that there is something to store."""
        file = self.folder / "day.bacpac"
        write_sample(file, "hr", day=self.day, scale=0.3)
        self.world.load(file, self.source)
        self.day += 1

    def start(self) -> str:
        """A staged backup after another day; the session's id."""
        self.another_day()
        return str(self.world.api("POST", "backups", {"policy": self.policy, "staging": True})["id"])

    def session(self, name: str) -> Session:
        """From the catalog itself: the host may be dead."""
        return self.world.catalog.sessions.get(name)

    def step_runs(self, session: str, step: str) -> bool:
        """Whether that step runs at this moment."""
        found = self.session(session)
        assert found.state not in _ENDED, f"the session ended before its {step} was seen: {found}"
        return any(source.step(step).state is State.RUNNING for source in found.sources)

    def wait_for_step(self, session: str, step: str) -> None:
        """Until that step runs."""
        self.until(f"step {step}", lambda: self.step_runs(session, step), lambda: self.session(session))

    def pending_faults(self) -> list[object]:
        """Faults that have not struck yet."""
        return [*self.world.admin("GET", "faults"), *(f for f in self.world.storage_faults() if not f["struck"])]

    def wait_for_fault(self, session: str) -> None:
        """Until every fault that was asked for has struck: somebody is in the middle of that very request."""

        def struck() -> bool:
            left = self.pending_faults()
            assert not left or self.session(session).state not in _ENDED, f"the session made no such request: {left}"
            return not left

        self.until("fault to strike", struck, self.pending_faults)

    def end(self, session: str) -> Session:
        """The session once it has ended."""
        self.until("end", lambda: self.session(session).state in _ENDED, lambda: self.session(session))
        return self.session(session)

    def errors(self, session: str) -> list[str]:
        """What the session's log tells as an error, without the detail."""
        lines = self.world.catalog.log.read(session)
        return list(dict.fromkeys(": ".join(n.message.split(": ")[:2]) for n in lines if n.level == "error"))

    def points_of(self, session: str, repository: Repository) -> tuple[list[str], list[str]]:
        """Ids of the session's points, in the catalog and in the repository itself."""
        listed = self.world.catalog.points.list(repository=repository.name).points
        return [p.id for p in listed if p.session == session], [
            p.id for p in repository.points() if p.session == session
        ]

    def has_one_point(self, session: str, repository: Repository) -> None:
        """The session made one point, which the catalog and the repository both know, and which can be read."""
        in_catalog, in_repository = self.points_of(session, repository)
        assert len(in_catalog) == 1
        assert in_repository == in_catalog
        if repository is self.backups:
            assert in_catalog == [self.session(session).sources[0].restore_point]
            repository.verify_point(in_catalog[0])

    def left(self) -> list[str]:
        """What still costs money or keeps others out."""
        found = [
            f"{r['type']} {r['name']} ({r['power_state']})"
            for r in self.world.resources()
            if r["leftover"] or r["power_state"] == "running" or r["type"].startswith("Microsoft.Sql/")
        ]
        taken = [f"slots of {w.name}: {w.slots}" for w in self.world.catalog.workers.list() if w.slots]
        jobs = [f"open job {job.id}" for job in self.world.catalog.jobs.open_jobs()]
        return [*found, *taken, *jobs]

    def nothing_is_left(self) -> None:
        """The session itself or the janitor after it takes everything away."""
        self.until("tidy world", lambda: not self.left(), self.left)

    def kill_worker(self, *, program: bool = False) -> None:
        """kill -9 of the worker's machine, or of the worker program alone; waits for one that is about to come up."""
        kill = self.world.kill_worker_program if program else self.world.kill_worker

        def killed() -> bool:
            try:
                return bool(kill())
            except NotFound:
                return False

        self.until("worker to kill", killed, self.world.resources)

    def slow_rows(self, rate: float | None) -> None:
        """Lets the SqlPackage stand-ins on the machines' disks read no more rows a second than that."""
        for file in (self.world.state / "azure" / "machines").glob("*/root/opt/holdfast/releases/*/emulator.json"):
            document = json.loads(file.read_text())
            document["faults"] = {"rows_per_second": rate} if rate else {}
            draft = file.with_suffix(".draft")
            draft.write_text(json.dumps(document))
            draft.replace(file)

    def wait_for_rows(self, session: str) -> None:
        """Until SqlPackage's stand-in is in the middle of a table for that session."""
        wanted = f"*/root/mnt/holdfast/exports/{session}-*/diagnostics.log"
        machines = self.world.state / "azure" / "machines"

        def reads() -> bool:
            return any("Processing Table" in file.read_text() for file in machines.glob(wanted))

        self.until("table that is read", reads, lambda: self.session(session))

    def until(self, what: str, true: Callable[[], bool], told: Callable[[], object]) -> None:
        """Waits, patiently."""
        deadline = time.monotonic() + _PATIENCE
        while not true():
            assert time.monotonic() < deadline, f"no {what} within {_PATIENCE:g} s: {told()}"
            time.sleep(0.05)

    def record(self, *row: str) -> None:
        """A line of the table: step, killed, hit after, outcome, seconds."""
        self.rows.append(row)
        print(" | ".join(row), flush=True)  # noqa: T201


@pytest.fixture(scope="session")
def _kills(world: LocalProfile, tmp_path_factory: pytest.TempPathFactory, whole: bool) -> Iterator[Kills]:
    found = Kills(world, tmp_path_factory.mktemp("kills"), world.repository(), world.repository("archive"))
    found.set_policy(found.policy)
    yield found
    lines = [("step", "killed", "hit", "outcome", "seconds"), *found.rows]
    widths = [max(len(line[n]) for line in lines) for n in range(5)]
    text = "\n".join("  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)) for line in lines)
    print(f"\n{text}")  # noqa: T201
    if whole:
        _REPORT.parent.mkdir(parents=True, exist_ok=True)
        _REPORT.write_text(text + "\n")


@pytest.fixture
def kills(_kills: Kills) -> Iterator[Kills]:
    """The shared database and its deaths; whatever a test broke is whole again afterwards."""
    yield _kills
    _kills.world.clear_faults()
    _kills.slow_rows(None)
    _kills.world.start_host()
