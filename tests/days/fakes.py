"""What stands in for Azure, machines, SQL and the queue: see `world`."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from holdfast.cloud.machines import MachineState
from holdfast.model.errors import Forbidden, HoldfastError, NoSuchSource
from holdfast.model.job import Heartbeat, Job, JobResult, RepositoryRef, WorkerCheckIn
from holdfast.model.source import Source, SourceKind
from holdfast.repository import Repository
from holdfast.storage import ObjectStore
from holdfast.worker.assignment import Assignment, EndedBadly, Equipment
from holdfast.worker.kinds import tidy_of, work_of
from holdfast.worker.repositories import Repositories
from tests.days.driver import Died

if TYPE_CHECKING:
    from tests.days.world import World


class HandClock:
    """Stands still until somebody moves it."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def now(self) -> datetime:
        return self.moment

    def advance(self, by: timedelta) -> None:
        self.moment += by


class WriterStore:
    """A store as the writer's identity has it."""

    def __init__(self, inner: ObjectStore) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        if name in ("delete", "lock", "hold", "bring_back"):
            return self._refuse
        return getattr(self._inner, name)

    def _refuse(self, name: str, *_: object) -> None:
        raise Forbidden(f"{name}: the writer may not do that")


class CountedStore:
    """Calls `before` ahead of every change, which may raise: the worker dies there."""

    def __init__(self, inner: ObjectStore, before: Callable[[], None]) -> None:
        self._inner, self._before = inner, before

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if name not in ("put", "delete", "lock", "hold", "acquire"):
            return found

        def counted(*given: Any, **named: Any) -> Any:
            self._before()
            return found(*given, **named)

        return counted


class OpenRepositories(Repositories):
    """The two repositories, opened once."""

    def __init__(self, opened: dict[str, Repository]) -> None:
        self._found = opened

    def open(self, ref: RepositoryRef) -> Repository:
        found = copy.copy(self._found[ref.name])
        found.installation = ref.installation
        return found


@dataclass
class Deaths:
    """When somebody dies: before the so-and-so-manieth change of an object (a worker), write of a row (the app, within an
    activity), or record of what an activity answered (the host)."""

    wanted: dict[str, int] = field(default_factory=dict)
    happened: list[str] = field(default_factory=list)

    def at(self, place: str) -> None:
        """Counts down to the death at that place."""
        left = self.wanted.get(place)
        if left is None:
            return
        self.wanted[place] = left - 1
        if left <= 0:
            del self.wanted[place]
            self.happened.append(place)
            raise Died


class Machines:
    """Every machine that is asked for runs at once."""

    def __init__(self) -> None:
        self.states: dict[str, str] = {}

    def resource_id(self, name: str, _place: object) -> str:
        return name

    def create(self, name: str, *_: object) -> str:
        self.states[name] = "running"
        return name

    def start(self, name: str) -> None:
        self.states[name] = "running"

    def deallocate(self, name: str) -> None:
        self.states[name] = "deallocated"

    def delete(self, name: str) -> None:
        self.states.pop(name, None)

    def state(self, name: str) -> MachineState:
        return MachineState(self.states.get(name, "absent"))  # type: ignore[arg-type]


class Servers:
    """The databases that there are."""

    def __init__(self) -> None:
        self.names = ["sql-a/one", "sql-a/two"]

    def list_sources(self) -> Iterator[Source]:
        return (self.find_source(name) for name in self.names)

    def partners(self, _sources: object) -> dict[str, set[str]]:
        return {}

    def find_source(self, name: str) -> Source:
        if name not in self.names:
            raise NoSuchSource(name)
        server, database = name.split("/")
        return Source(
            kind=SourceKind.SQL_DATABASE,
            resource_id=f"/subscriptions/s/resourceGroups/g/providers/Microsoft.Sql/servers/{server}/databases/{database}",
            server=server,
            database=database,
            region="westeurope",
            host=f"{server}.example",
        )


@dataclass
class Office:
    """Jobs are done where they are handed out, by the code of the worker, with the rights of the machine's role."""

    world: World
    results: dict[str, JobResult] = field(default_factory=dict)
    done: list[tuple[str, str]] = field(default_factory=list)
    notes: dict[str, bytes] = field(default_factory=dict)
    #: Sources whose export fails today, and those whose archive job does.
    failing: set[str] = field(default_factory=set)
    not_archiving: set[str] = field(default_factory=set)

    def submit(self, job: Job) -> None:
        if job.id in self.results:
            return
        role = self.world.catalog.workers.get(job.worker).role
        self.done.append((job.kind, role))
        equipment = Equipment(
            settings=self.world.worker_settings(job.worker),
            clock=self.world.clock,
            credential=None,  # type: ignore[arg-type] (no job here reaches Azure)
            repositories=self.world.repositories_of(role),
            workspaces=self.world.workspaces,
        )
        assignment, state, error, output = Assignment(job, equipment, self), "succeeded", None, {}
        while True:
            try:
                output = self._work(assignment, job)
            except Died:
                # The worker is killed, and the message comes back to another. Whoever held a chain holds it a while.
                self.world.clock.advance(timedelta(minutes=2))
                continue
            except EndedBadly as failure:
                state, error, output = "failed", failure.error.info(), failure.output
            except HoldfastError as failure:
                state, error = "failed", failure.info()
            break
        if job.kind not in ("preflight", "export"):
            tidy_of(job.kind)(assignment, state)  # type: ignore[arg-type]
        self.results[job.id] = JobResult.model_validate(
            {
                "job": job.id,
                "kind": job.kind,
                "state": state,
                "ended_at": self.world.clock.now(),
                "error": error,
                "output": output,
            }
        )

    def _work(self, assignment: Assignment, job: Job) -> dict[str, Any]:
        if job.kind == "preflight":
            return {"findings": []}
        if job.kind == "archive" and job.source in self.not_archiving:
            raise Forbidden("the archive failed, as the test wanted")
        if job.kind != "export":
            return work_of(job.kind)(assignment)
        if job.source in self.failing:
            raise Forbidden("the export failed, as the test wanted")
        name = str(job.spec["workspace"])
        self.world.workspaces.fresh(name, session=job.session, source=job.source)
        self.world.write_package(job.source or "", self.world.workspaces.bacpac(name))
        return {"rows": 1, "bytes": 1}

    def keep(self, _session: str, name: str, text: bytes) -> None:
        self.notes[name] = text

    def kept(self, _session: str, name: str) -> bytes | None:
        return self.notes.get(name)

    def result(self, _session: str, job: str) -> JobResult | None:
        return self.results.get(job)

    def end(self, _session: str, result: JobResult) -> JobResult:
        return self.results.setdefault(result.job, result)

    def check_in(self, worker: str) -> WorkerCheckIn:
        now = self.world.clock.now()
        return WorkerCheckIn(worker=worker, boot_id="b", version="1", started_at=now, at=now)

    def heartbeat(self, _session: str, _job: str) -> Heartbeat | None:
        return None

    def open_queue(self, _worker: str) -> None:
        """Nothing to make."""

    def drop_worker(self, _worker: str) -> None:
        """Nothing to remove."""

    def cancel(self, _session: str, _job: str) -> None:
        """Nothing runs beside."""


class Exports:
    """The exports container."""

    url = "memory:exports"

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}

    def put(self, _assignment: object, _spec: object, name: str, read: dict[str, Any]) -> None:
        """As a survey job writes it."""
        self.blobs[name] = json.dumps(read).encode()

    def read(self, blob: str) -> bytes:
        return self.blobs[blob]


class AllReady:
    """Containers that can lock."""

    def immutable(self, _url: str) -> bool:
        return True

    def require_immutability(self, _name: str, _repository: object) -> None:
        """They are ready."""
