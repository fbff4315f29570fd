"""kill -9 of the host, of the worker's machine and of the worker program, in every step of a backup.

Whatever dies, and wherever: after a restart the session ends, its point exists once in the catalog and once in the
repository, and no copy, running machine or taken slot is left. A step that is too short to be hit is held up by a fault.
All of it runs with HOLDFAST_PROVE set (`make prove PIECES=kills`), two fixed cases without.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import astuple, dataclass, field
from pathlib import Path

import pytest

from holdfast.model.errors import NotFound
from holdfast.model.session import Session, State
from holdfast.repository import Repository
from local import plan
from local.profile import LocalProfile
from local.samples.databases import write_sample

pytestmark = [pytest.mark.e2e, pytest.mark.prove, pytest.mark.timeout(1500)]

_SOURCE = "sql-kill/hr"
_POLICY = "kills"
_ENDED = (State.SUCCEEDED, State.PARTIAL, State.FAILED, State.CANCELLED)
_PATIENCE = 600.0
_REPORT = Path(__file__).resolve().parents[2] / ".cache" / "prove" / "kills.txt"

_HOST, _MACHINE, _PROGRAM = "host", "worker machine", "worker program"
_BEFORE_THE_WORKER = ("validate", "stage")
_STEPS = (*_BEFORE_THE_WORKER, "worker", "synchronise", "preflight", "export", "store", "commit", "cleanup")
#: The point is written, and its writer dies before it can say so.
_STORED = "store, point written"
_FIXED = [("export", _HOST), ("store", _MACHINE)]
_WHOLE = [(step, victim) for step in (*_STEPS, _STORED) for victim in (_HOST, _MACHINE, _PROGRAM)]
_CASES = (
    [(step, victim) for step, victim in _WHOLE if victim == _HOST or step not in _BEFORE_THE_WORKER]
    if os.environ.get("HOLDFAST_PROVE")
    else _FIXED
)


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    step: str
    killed: str
    hit: str
    outcome: str
    seconds: str


@dataclass
class Kills:
    """A database that changes for every case, and what is asked about it."""

    world: LocalProfile
    folder: Path
    repository: Repository
    rows: list[Row] = field(default_factory=list)
    day: int = 0

    def changed(self) -> None:
        """Another day's database, so that every point has something to store."""
        file = self.folder / "day.bacpac"
        write_sample(file, "hr", day=self.day, scale=0.3)
        self.world.load(file, _SOURCE)
        self.day += 1

    def start(self) -> str:
        """A staged backup of the database as it is now; the session's id."""
        body = {"policy": _POLICY, "databases": [_SOURCE], "staging": True}
        return str(self.world.api("POST", "backups", body)["id"])

    def session(self, name: str) -> Session:
        """From the catalog itself: the host may be dead."""
        return self.world.catalog.sessions.get(name)

    def step_runs(self, session: str, step: str) -> bool:
        """Whether that step runs at this moment."""
        found = self.session(session)
        assert found.state not in _ENDED, f"the session ended before its {step} was seen: {found}"
        return any(source.step(step).state is State.RUNNING for source in found.sources)

    def end(self, session: str) -> Session:
        """The session once it has ended."""
        until("the session's end", lambda: self.session(session).state in _ENDED, lambda: self.session(session))
        return self.session(session)

    def points_of(self, session: str, repository: Repository | None = None) -> tuple[list[str], list[str]]:
        """Ids of the session's points, in the catalog and in the repository itself."""
        asked = repository or self.repository
        listed = self.world.catalog.points.list(repository=asked.name).points
        held = asked.points()
        return [p.id for p in listed if p.session == session], [p.id for p in held if p.session == session]

    def left(self) -> list[str]:
        """What still costs money or keeps others out."""
        copies = ("Microsoft.Sql/servers/databases", "Microsoft.Sql/managedInstances/databases")
        found = [
            f"{r['type']} {r['name']} ({r['power_state']})"
            for r in self.world.resources()
            if r["leftover"] or r["power_state"] == "running" or r["type"] in copies
        ]
        taken = [f"slots of {w.name}: {w.slots}" for w in self.world.catalog.workers.list() if w.slots]
        jobs = [f"open job {job.id}" for job in self.world.catalog.jobs.open_jobs()]
        return [*found, *taken, *jobs]

    def nothing_is_left(self) -> None:
        """The session itself or the janitor after it takes everything away."""
        until("a tidy world", lambda: not self.left(), self.left)

    def kill(self, victim: str) -> None:
        """kill -9, waiting for a worker that is only about to come up; the host is started again at once."""
        if victim == _HOST:
            self.world.kill_host()
            return
        kill = self.world.kill_worker if victim == _MACHINE else self.world.kill_worker_program

        def killed() -> bool:
            try:
                return bool(kill())
            except NotFound:
                return False

        until(f"a {victim} to kill", killed, self.world.resources)


def until(what: str, true: Callable[[], bool], told: Callable[[], object]) -> None:
    """Waits, patiently: other work shares this machine."""
    deadline = time.monotonic() + _PATIENCE
    while not true():
        assert time.monotonic() < deadline, f"no {what} within {_PATIENCE:g} s: {told()}"
        time.sleep(0.05)


def slow_rows(world: LocalProfile, rate: float | None) -> None:
    """Lets the stand-ins that are on the machines' disks read no more rows a second than that."""
    for file in (world.state / "azure" / "machines").glob("*/root/opt/holdfast/releases/*/emulator.json"):
        document = json.loads(file.read_text())
        document["faults"] = {"rows_per_second": rate} if rate else {}
        draft = file.with_suffix(".draft")
        draft.write_text(json.dumps(document))
        draft.replace(file)


def hold_up(world: LocalProfile, step: str) -> None:
    """Makes a step long enough to be hit, by the slowness of a service that this step alone asks, or asks first."""
    azure, storage = world.azure_fault, world.storage_fault
    if step == "validate":
        azure(mode="delay", method="GET", path="servers/sql-staging$", seconds=5)
    elif step == "stage":
        azure(mode="delay", method="PUT", path="servers/sql-staging/databases/", seconds=5)
    elif step == "worker":
        storage(match="PUT blob /hfstate/jobs/workers/", delay=5)
    elif step == "synchronise":
        azure(mode="delay", method="GET", path="/secrets/repository-default", seconds=5)
    elif step == "preflight":
        azure(mode="delay", method="GET", path="/_sql/.*/bacpac$", seconds=5)
    elif step == "store":
        storage(match="PUT blob /hfbackup/backups/chains/[^/]+/data/", delay=5)
    elif step == _STORED:
        storage(match="PUT blob /hfstate/jobs/.*-store-.*result.json", delay=5)
    elif step == "commit":
        storage(match="PUT blob /hfstate/catalog/points/", delay=5)
    elif step == "cleanup":
        azure(mode="delay", method="DELETE", path="servers/sql-staging/databases/", seconds=5)


@pytest.fixture(scope="module")
def kills(world: LocalProfile, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kills]:
    base = {k: v for k, v in plan.default_policy().items() if k != "schedules"}
    world.api("PUT", f"policies/{_POLICY}", {**base, "name": _POLICY, "select": {"databases": [_SOURCE]}})
    found = Kills(world, tmp_path_factory.mktemp("kills"), world.repository())
    yield found
    if found.rows:
        lines = [("step", "killed", "hit", "outcome", "seconds"), *(astuple(row) for row in found.rows)]
        widths = [max(len(line[n]) for line in lines) for n in range(5)]
        text = "\n".join("  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)) for line in lines)
        print(f"\n{text}")  # noqa: T201
        _REPORT.parent.mkdir(parents=True, exist_ok=True)
        _REPORT.write_text(text + "\n")


@pytest.fixture(autouse=True)
def no_fault_stays(kills: Kills) -> Iterator[None]:
    yield
    kills.world.clear_faults()
    slow_rows(kills.world, None)
    kills.world.start_host()


@pytest.mark.parametrize(("step", "victim"), _CASES)
def test_a_death_in_any_step_costs_no_point_and_leaves_nothing(kills: Kills, step: str, victim: str) -> None:
    """And the next backup of the same database works as if nothing had happened, where this one failed."""
    kills.changed()
    name = step.partition(",")[0]
    hold_up(kills.world, step)
    began = time.monotonic()
    session = kills.start()
    if step == "export":
        until("preflight", lambda: kills.step_runs(session, "preflight"), lambda: kills.session(session))
        slow_rows(kills.world, 300)
    until(f"step {name}", lambda: kills.step_runs(session, name), lambda: kills.session(session))
    if step == _STORED:
        until("point", lambda: bool(kills.points_of(session)[1]), lambda: kills.session(session))
    kills.kill(victim)
    hit = time.monotonic() - began
    assert kills.step_runs(session, name), f"the {victim} died too late to hit {step}"
    slow_rows(kills.world, None)
    kills.world.start_host()
    ended = kills.end(session)
    tried = sorted(
        {line.message.partition(":")[0] for line in kills.world.catalog.log.read(session) if line.level == "error"}
    )
    outcome = str(ended.state) + (f" after {'; '.join(tried)}" if tried else "")
    if ended.state is not State.SUCCEEDED:
        assert not any(kills.points_of(session)), "a failed session must not have a point"
        kills.nothing_is_left()
        session = kills.start()
        assert kills.end(session).state is State.SUCCEEDED
        outcome += "; the next succeeded"
    seconds = time.monotonic() - began
    in_catalog, in_repository = kills.points_of(session)
    assert len(in_catalog) == 1
    assert in_repository == in_catalog == [kills.session(session).sources[0].restore_point]
    kills.nothing_is_left()
    kills.rows.append(Row(step, victim, f"{hit:.0f} s", outcome, f"{seconds:.0f}"))
    print(" | ".join(astuple(kills.rows[-1])))  # noqa: T201
