"""Activities as functions, on a real catalog (Azurite); machines and jobs are kept in memory."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from azure.data.tables import TableServiceClient
from azure.storage.blob import BlobServiceClient

from holdfast.catalog import Catalog
from holdfast.cloud.machines import MachineState
from holdfast.model.errors import HoldfastError
from holdfast.model.installation import Installation
from holdfast.model.job import Heartbeat, JobResult, WorkerCheckIn
from holdfast.model.session import Session, State
from holdfast.settings import RegionProfile, Settings, WorkerProfile
from local.azurite import Azurite, StorageAccount, start
from local.azurite_setup import AzuriteMissing

REGION, PROFILE, SESSION = "westeurope", "standard", "s1"
_ACCOUNTS = 50


class HandClock:
    """Stands still until somebody moves it."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment

    def advance(self, **by: float) -> None:
        self.moment += timedelta(**by)


class Machines:
    """The machines that Azure has, and what they are."""

    def __init__(self) -> None:
        self.states: dict[str, str] = {}
        self.deleted: list[str] = []
        #: Raised by `delete`.
        self.refusal: HoldfastError | None = None

    def create(self, name: str, *_: object) -> str:
        self.states[name] = "creating"
        return name

    def start(self, name: str) -> None:
        self.states[name] = "starting"

    def state(self, name: str) -> MachineState:
        return MachineState(self.states.get(name, "absent"))  # type: ignore[arg-type]

    def delete(self, name: str) -> bool:
        if self.refusal is not None:
            raise self.refusal
        self.deleted.append(name)
        self.states[name] = "deleting"
        return True


class Dispatch:
    """The job documents."""

    def __init__(self, clock: HandClock) -> None:
        self.clock = clock
        self.check_ins: dict[str, WorkerCheckIn] = {}
        self.beats: dict[str, Heartbeat] = {}
        self.results: dict[str, JobResult] = {}
        self.dropped: list[str] = []

    def check(self, worker: str) -> None:
        """The worker says that it is there."""
        now = self.clock.now()
        self.check_ins[worker] = WorkerCheckIn(worker=worker, boot_id="b", version="1", started_at=now, at=now)

    def check_in(self, worker: str) -> WorkerCheckIn | None:
        return self.check_ins.get(worker)

    def heartbeat(self, session: str, job: str) -> Heartbeat | None:
        return self.beats.get(job)

    def result(self, session: str, job: str) -> JobResult | None:
        return self.results.get(job)

    def end(self, session: str, result: JobResult) -> JobResult:
        return self.results.setdefault(result.job, result)

    def open_queue(self, worker: str) -> None:
        """Nothing to make."""

    def drop_worker(self, worker: str) -> None:
        self.dropped.append(worker)


class App:
    """The services of one installation with a pool of one region. A machine's id is its name."""

    def __init__(self, catalog: Catalog, clock: HandClock) -> None:
        self.catalog, self.clock = catalog, clock
        self.machines, self.dispatch = Machines(), Dispatch(clock)
        self.settings = Settings()
        self.installation = Installation(id="us", name="ours")
        place = RegionProfile(size="Standard_D4ds_v5", resource_group="rg", subnet="/subnet")
        self.profile = WorkerProfile(
            regions={REGION: place}, writer_identity="/identity", writer_client_id="c", parallel=2, max_workers=1
        )

    def place(self, profile: str, region: str) -> RegionProfile:
        return self.profile.regions[region]

    def worker_profile(self, name: str) -> WorkerProfile:
        return self.profile

    def machine_id(self, worker: Any) -> str:
        return str(worker.name)

    def log(self) -> list[str]:
        """What the session's log says."""
        return [line.message for line in self.catalog.log.read(SESSION)]


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Azurite, Iterator[StorageAccount]]]:
    """One Azurite and its accounts; each test takes the next."""
    accounts = [StorageAccount.make(f"activities{n}") for n in range(_ACCOUNTS)]
    try:
        running = start(accounts, folder=None, log=Path(tmp_path_factory.mktemp("azurite") / "azurite.log"))
    except AzuriteMissing as missing:
        pytest.skip(f"{missing}; run `make setup`")
    yield running, itertools.chain(accounts)
    running.stop()


@pytest.fixture
def app(azurite: tuple[Azurite, Iterator[StorageAccount]], monkeypatch: pytest.MonkeyPatch) -> Iterator[App]:
    """A session of two sources; the activities find this app as theirs."""
    running, accounts = azurite
    connection, clock = running.connection_string(next(accounts)), HandClock()
    with (
        TableServiceClient.from_connection_string(connection) as tables,
        BlobServiceClient.from_connection_string(connection) as blobs,
    ):
        made = App(Catalog(tables, blobs.get_container_client("catalog"), clock), clock)
        made.catalog.sessions.create(
            Session(id=SESSION, policy="p", kind="backup", state=State.RUNNING, started_at=clock.now())
        )
        made.catalog.sessions.add_sources(SESSION, [("sql-a/one", "k1"), ("sql-a/two", "k2")])
        monkeypatch.setattr("activities.answering.services", lambda: made)
        monkeypatch.setattr("activities.lease_worker.custom_data", lambda *_, **__: "#cloud-config")
        yield made


@pytest.fixture
def given() -> Callable[..., dict[str, Any]]:
    """What a saga hands to an activity."""

    def make(key: str = "k1", attempt: int = 1, **more: Any) -> dict[str, Any]:
        plan = {"worker_profile": PROFILE, "worker_region": REGION}
        return {"session": SESSION, "key": key, "kind": "backup", "attempt": attempt, "plan": plan, **more}

    return make


@pytest.fixture
def activity() -> Callable[[ModuleType, str], Callable[[dict[str, Any]], dict[str, Any]]]:
    """The function behind the Functions decorators."""
    return lambda module, name: getattr(module, name)._function.get_user_function()  # type: ignore[no-any-return]
