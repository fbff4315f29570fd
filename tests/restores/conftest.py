"""Restores in this process: real saga, activities, catalog, repositories and worker code; Azure's databases are a dict, and
SqlPackage is a script that fills a file."""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from holdfast.catalog import new_id
from holdfast.cloud import tags as marks
from holdfast.cloud.copy_state import CopyState
from holdfast.cloud.restore_targets import Found, Kept
from holdfast.model.clock import iso
from holdfast.model.errors import NoSuchSource
from holdfast.model.plan import StagingServer
from holdfast.model.restore.plan import RestorePlan, is_temporary
from holdfast.model.session import Session
from holdfast.model.source import Source, SourceKind
from holdfast.settings import WorkerSettings
from tests.days.driver import Died
from tests.days.world import World

GROUP = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Sql/servers"
START = datetime(2026, 1, 1, 3, tzinfo=UTC)

#: Fills a file for a database that has none; one that has is not empty. `fail` in its folder: how often it goes wrong.
_SQLPACKAGE = """\
#!{python} -S
import os, shutil, sys
options = dict(a[1:].split(":", 1) for a in sys.argv[1:] if not a.startswith("/p:"))
here = os.path.dirname(os.path.abspath(__file__))
place = options["TargetConnectionString"]
name = place.split("Initial Catalog=")[1].split(";")[0].strip('"')
guid = open(here + "/guids/" + name).read()
print("Importing to database '%s' on server 's'." % name)
with open(here + "/runs", "a") as log:
    log.write(guid + "\\n")
if os.path.exists(here + "/filled/" + guid):
    print("*** Error importing database:Data cannot be imported into target because it contains one or more user objects.")
    sys.exit(1)
open(here + "/filled/" + guid, "w").close()
left = int(open(here + "/fail").read() or 0) if os.path.exists(here + "/fail") else 0
if left:
    open(here + "/fail", "w").write(str(left - 1))
    print("*** Error importing database:Could not import package.")
    print("A transport-level error has occurred when receiving results from the server.")
    sys.exit(1)
shutil.copyfile(options["SourceFile"], here + "/filled/" + guid)
print("Successfully imported database.")
"""


@dataclass
class Sql:
    """The databases of one server, as both the servers' and the targets' client show them."""

    folder: Path
    there: dict[str, Found] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    server: str = "sql-a"

    def add(self, name: str, **tags: str) -> Found:
        """A database with an id of its own, empty."""
        self.there[name] = Found(f"{GROUP}/{self.server}/databases/{name}", "Online", f"guid{next(self.numbers)}", tags)
        (self.folder / "guids").mkdir(parents=True, exist_ok=True)
        (self.folder / "guids" / name).write_text(self.there[name].guid)
        return self.there[name]

    def filled(self, name: str) -> bytes:
        """What was imported into the database of that name."""
        return (self.folder / "filled" / self.there[name].guid).read_bytes()

    @property
    def runs(self) -> list[str]:
        """Ids of the databases that SqlPackage was set on, in order."""
        file = self.folder / "runs"
        return file.read_text().split() if file.exists() else []

    def find_source(self, name: str) -> Source:
        server, _, database = name.partition("/")
        found = self.there.get(database)
        if found is None or server != self.server:
            raise NoSuchSource(name)
        return Source(
            kind=SourceKind.SQL_DATABASE,
            resource_id=found.resource_id,
            server=server,
            database=database,
            region="westeurope",
            host="sql-a.example",
            database_guid=found.guid,
            objective="S3",
            tags=found.tags,
        )

    def list_sources(self) -> Iterator[Source]:
        return (self.find_source(f"{self.server}/{name}") for name in self.there)

    def partners(self, _sources: object) -> dict[str, set[str]]:
        return {}

    def staging_server(self, resource_id: str) -> StagingServer:
        return StagingServer(
            kind=SourceKind.SQL_DATABASE,
            resource_id=resource_id,
            name=self.server,
            region="westeurope",
            host="sql-a.example",
        )

    def copy_state(self, resource_id: str, _operation: str = "") -> CopyState:
        return CopyState("ready" if self.find(resource_id) else "absent")

    def servers_named(self, name: str) -> list[str]:
        return [f"{GROUP}/{self.server}"] if name == self.server else []

    def find(self, resource_id: str) -> Found | None:
        return self.there.get(resource_id.rpartition("/")[2])

    def settings_of(self, _source: Source) -> dict[str, str]:
        return {}

    def hindrances(self, _source: Source) -> list[str]:
        return []

    def lacking(self, _server: StagingServer) -> list[str]:
        return []

    def create(self, plan: RestorePlan, tags: dict[str, str], people_s: dict[str, str]) -> str:
        found = self.there.get(plan.temporary)
        if found is None:
            self.add(plan.temporary, **people_s, **tags)
            return "operation"
        assert marks.carries(found.tags, tags)
        return ""

    def drop(self, resource_id: str, must: dict[str, str]) -> bool:
        found = self.find(resource_id)
        if found is None:
            return False
        name = resource_id.rpartition("/")[2]
        assert marks.carries(found.tags, must)
        assert is_temporary(name, found.tags[marks.SESSION])
        del self.there[name]
        return True

    def rename(self, resource_id: str, name: str) -> None:
        assert name not in self.there, "Azure overwrites none"
        found = self.there.pop(resource_id.rpartition("/")[2])
        self.there[name] = replace(found, resource_id=f"{GROUP}/{self.server}/databases/{name}")
        (self.folder / "guids" / name).write_text(found.guid)

    def tag(self, resource_id: str, tags: dict[str, str]) -> None:
        name = resource_id.rpartition("/")[2]
        self.there[name] = replace(self.there[name], tags=dict(tags))

    def made(self) -> Iterator[Kept]:
        for name, one in list(self.there.items()):
            if kind := one.tags.get(marks.KIND):
                yield Kept(one.resource_id, f"{self.server}/{name}", kind, one.tags[marks.SESSION], None, one.tags)


class Restores(World):
    """An installation with one backed-up database."""

    def __init__(self, folder: Path, start: datetime = START) -> None:
        super().__init__(folder, start)
        self.sql = Sql(folder / "sql")
        (self.sql.folder / "filled").mkdir(parents=True)
        command = self.sql.folder / "sqlpackage"
        command.write_text(_SQLPACKAGE.format(python=sys.executable))
        command.chmod(0o755)
        self.answers(rows=1)
        self.sql.add("one", owner="anna")
        self.services.__dict__.update(servers=self.sql, targets=self.sql)
        self.put_policy(schedules={"daily": {"at": ["03:00"], "keep_days": 7}}, select={"databases": ["one"]})

    def answers(self, *, rows: int) -> None:
        """What the restored database tells of itself."""
        told = {"V01": [{"s": "dbo", "t": "T", "n": rows}] if rows else [], "V02": [], "P22": []}
        probe = self.sql.folder / "probe"
        probe.write_text(f"#!/bin/sh\ncat >/dev/null\necho '{json.dumps(told)}'\n")
        probe.chmod(0o755)

    def worker_settings(self, name: str) -> WorkerSettings:
        given = super().worker_settings(name)
        folder = self.sql.folder
        return given.model_copy(update={"sqlpackage": str(folder / "sqlpackage"), "sql_probe": str(folder / "probe")})

    def backed_up(self) -> str:
        """The id of a new point."""
        session = self.run_session(staging=False, databases=["one"])
        (source,) = session.sources
        assert source.restore_point, source
        self.clock.advance(timedelta(hours=1))
        return str(source.restore_point)

    def restore(self, point: str, **asked: Any) -> Session:
        """A restore session, to its end; the host comes back whenever it was killed."""
        now = self.clock.now()
        name = new_id(now, "restore", occasion=iso(now))
        self.catalog.sessions.create(Session(id=name, kind="restore", started_at=now))
        given = {
            "session": name,
            "policy": None,
            "kind": "restore",
            "asked_at": iso(now),
            "key": "k",
            "asked": {"point": point, **asked},
        }
        while True:
            try:
                self.host.run("restore_database", given, name)
            except Died:
                self.clock.advance(timedelta(minutes=2))
                continue
            return self.catalog.sessions.get(name)


@pytest.fixture
def restores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Restores]:
    """Makes installations; the activities find the latest."""
    numbers = itertools.count()

    def make() -> Restores:
        world = Restores(tmp_path / str(next(numbers)))
        monkeypatch.setattr("activities.answering.services", lambda: world.services)
        monkeypatch.setattr("activities.lease_worker.custom_data", lambda *_, **__: "#cloud-config")
        return world

    return make
