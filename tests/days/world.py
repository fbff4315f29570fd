"""An installation in this process: real orchestrators, activities, catalog, worker code and repositories; one hand clock.

What is not real: SQL and its exports (a package made for the day), machines, and the queue between app and worker. Stores
are in memory, with an archive tier that cannot be read and locks that nobody can shorten; the writer's can neither delete
nor lock.
"""

from __future__ import annotations

import hashlib
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from holdfast.bacpac.writer import write_package
from holdfast.catalog import Catalog, new_id
from holdfast.model.clock import iso
from holdfast.model.policy import Policy, policy_from
from holdfast.model.schedule import slots_on
from holdfast.model.session import Session
from holdfast.repository import PasswordCost, Repository
from holdfast.settings import Settings, WorkerSettings
from holdfast.storage.memory import MemoryStore
from holdfast.wiring import Services
from holdfast.worker.repositories import Repositories
from holdfast.worker.workspace import Workspaces
from tests.days.driver import Died, Host
from tests.days.fakes import (
    AllReady,
    CountedStore,
    Deaths,
    Exports,
    HandClock,
    Machines,
    Office,
    OpenRepositories,
    Servers,
    WriterStore,
)
from tests.days.tables import MemoryBlobs, MemoryTables
from triggers.starting import ORCHESTRATOR

REGIONS = {"default": "westeurope", "archive": "northeurope"}
POLICY = "nightly"


class World:
    """One installation with one policy. `services` is what the activities find."""

    def __init__(self, folder: Path, start: datetime) -> None:
        self.folder, self.start = folder, start
        self.clock, self.machines, self.servers = HandClock(start), Machines(), Servers()
        self.office, self.workspaces = Office(self), Workspaces(folder / "mnt")
        self.workspaces.open()
        self.deaths, self.exports = Deaths(), Exports()
        self.stores = {name: MemoryStore(f"memory:{name}", self.clock) for name in REGIONS}
        self.opened: dict[str, dict[str, Repository]] = {"writer": {}, "maintainer": {}}
        cost = PasswordCost(iterations=1, lanes=1, memory_kib=64)
        for name, store in self.stores.items():
            Repository.init(store, "password", clock=self.clock, name=name, archive=name == "archive", cost=cost)
            counted: Any = CountedStore(store, lambda: self.deaths.at("object"))
            for role, seen in (("writer", WriterStore(counted)), ("maintainer", counted)):
                self.opened[role][name] = Repository.open(seen, "password", clock=self.clock, name=name)
        self.host = Host(self.clock.now, self.clock.advance)
        self.host.before_record = lambda: self.deaths.at("record")
        self.empty_catalog()

    def empty_catalog(self) -> None:
        """The configuration database is gone; the app makes a new one."""
        tables: Any = MemoryTables(lambda: self.deaths.at("row"))
        blobs: Any = MemoryBlobs()
        self.catalog = Catalog(tables, blobs, self.clock)
        self.services = self._services()

    def _services(self) -> Services:
        profile = {
            "regions": {
                region: {"size": "Standard_D4ds_v5", "resource_group": "g", "subnet": "/s"}
                for region in REGIONS.values()
            },
            "writer_identity": "/writer",
            "writer_client_id": "w",
            "maintainer_identity": "/maintainer",
            "maintainer_client_id": "m",
        }
        settings = Settings.model_validate(
            {
                "repositories": {
                    name: {
                        "url": f"memory:{name}",
                        "region": region,
                        "password_secret": "https://vault/secrets/x",
                        "archive": name == "archive",
                    }
                    for name, region in REGIONS.items()
                },
                "worker_profiles": {"standard": profile},
            }
        )
        made = Services(settings)
        fakes = {
            "clock": self.clock,
            "catalog": self.catalog,
            "servers": self.servers,
            "machines": self.machines,
            "dispatch": self.office,
            "containers": AllReady(),
            "exports": self.exports,
        }
        made.__dict__.update(fakes)
        return made

    def repositories_of(self, role: str) -> Repositories:
        return OpenRepositories(self.opened[role])

    def worker_settings(self, name: str) -> WorkerSettings:
        return WorkerSettings(name=name, blob_endpoint="x", queue_endpoint="x", workspace=self.folder / "mnt")

    def write_package(self, source: str, to: Path) -> None:
        """The database on this day: most of it as ever, a little of it new."""
        day = f"{source} {self.clock.now():%Y-%m-%d}".encode()
        steady = (source.encode() + b" never changes ") * 400
        with to.open("wb") as out:
            write_package(out, [*_FRAME, ("Data/dbo.T/TableData-000-00000.BCP", [steady, day * 20])], "fast")

    def put_policy(self, **fields: Any) -> Policy:
        policy = policy_from({"name": POLICY, "repository": "default", "archive": "archive", "retries": 1, **fields})
        self.catalog.policies.put(policy)
        return policy

    def run_session(self, kind: str = "backup", *, slot: datetime | None = None, **given: Any) -> Session:
        """A session of the policy at this moment, to its end; goes on where one of the same slot died."""
        now = slot or self.clock.now()
        name = new_id(now, POLICY, occasion=f"{kind} {iso(now)}")
        session = Session(id=name, policy=POLICY, kind=kind, started_at=now, slot=iso(slot) if slot else None)  # type: ignore[arg-type]
        asked = {
            "session": name,
            "policy": POLICY,
            "kind": kind,
            "slot": session.slot,
            "asked_at": iso(now),
            **given,
        }
        while True:
            try:
                self.catalog.sessions.create(session)
                self.host.run(ORCHESTRATOR[kind], asked, name)
            except Died:
                self.clock.advance(timedelta(minutes=2))
                continue
            return self.catalog.sessions.get(name)

    def run_day(self, policy: Policy) -> list[Session]:
        """Every slot of the present day; then it is midnight."""
        day = self.clock.now().astimezone(policy.zone).date()
        ended = []
        for slot in slots_on(policy, day):
            self.clock.moment = max(slot, self.clock.moment)
            ended.append(self.run_session(slot=slot))
        self.clock.moment = datetime.combine(day + timedelta(days=1), self.start.time(), UTC)
        return ended

    def left_behind(self) -> list[str]:
        """What a session must not leave."""
        found = [f"slot of {worker.name}: {worker.slots}" for worker in self.catalog.workers.list() if worker.slots]
        found += [f"open job {job.id}" for job in self.catalog.jobs.open_jobs()]
        found += [f"machine {name}: {state}" for name, state in self.machines.states.items() if state == "running"]
        found += [f"workspace {path.name}" for path in self.workspaces.folders.iterdir()]
        return found

    def close(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


_NAMESPACE = 'xmlns="http://schemas.microsoft.com/sqlserver/dac/Serialization/2012/02"'
_MODEL = (
    f'<?xml version="1.0" encoding="utf-8"?><DataSchemaModel FileFormatVersion="1.2" SchemaVersion="2.9" '
    f'DspName="Microsoft.Data.Tools.Schema.Sql.SqlAzureV12DatabaseSchemaProvider" {_NAMESPACE}><Model>'
    '<Element Type="SqlDatabaseOptions"/></Model></DataSchemaModel>'
).encode()
_ORIGIN = (
    f'<?xml version="1.0" encoding="utf-8"?><DacOrigin {_NAMESPACE}><PackageProperties><Version>3.0.0.0</Version>'
    "<ContainsExportedData>true</ContainsExportedData></PackageProperties>"
    f'<Checksums><Checksum Uri="/model.xml">{hashlib.sha256(_MODEL).hexdigest().upper()}</Checksum></Checksums></DacOrigin>'
).encode()
_TYPES = (
    b'<?xml version="1.0" encoding="utf-8"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    b'<Default Extension="xml" ContentType="text/xml"/></Types>'
)
_FRAME = [("model.xml", [_MODEL]), ("[Content_Types].xml", [_TYPES]), ("Origin.xml", [_ORIGIN])]
