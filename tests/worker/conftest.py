"""A mailbox in memory, a stand-in for SqlPackage, and a worker that runs in this process."""

from __future__ import annotations

import hashlib
import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from holdfast.model.clock import SystemClock
from holdfast.model.job import Heartbeat, Job, JobEvent, JobKind, JobResult, RepositoryRef, WorkerCheckIn, WorkerMessage
from holdfast.repository import PasswordCost, Repository
from holdfast.settings import WorkerSettings
from holdfast.storage import open_store
from holdfast.worker.assignment import Equipment
from holdfast.worker.loop import WorkerLoop
from holdfast.worker.mailbox import Delivery
from holdfast.worker.repositories import Repositories
from holdfast.worker.workspace import Workspaces


class MemoryMailbox:
    """The job protocol in memory, with the queue's rules: hidden messages, receipts that a renewal voids."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.messages: dict[str, dict[str, Any]] = {}
        self.documents: dict[str, bytes] = {}
        self.results: dict[str, JobResult] = {}
        self.events: list[JobEvent] = []
        self.heartbeats: dict[str, list[Heartbeat]] = {}
        self.check_ins: list[WorkerCheckIn] = []
        self.cancelled: set[str] = set()
        self.kept_texts: dict[str, bytes] = {}
        self.renewals = 0
        #: Called with the method's name before anything is done; may raise, or wait.
        self.fault: Callable[[str], None] = lambda _method: None
        self._number = 0

    def send(self, text: str) -> str:
        with self.lock:
            self._number += 1
            name = f"m{self._number}"
            self.messages[name] = {"text": text, "visible": 0.0, "receipt": "", "count": 0}
            return name

    def submit(self, job: Job) -> str:
        """As the app does it: the document, then the message."""
        self.documents[job.id] = job.model_dump_json().encode()
        return self.send(WorkerMessage(session=job.session, job=job.id).model_dump_json())

    def receive(self, hidden_for: timedelta) -> Delivery | None:
        self.fault("receive")
        with self.lock:
            for name, message in self.messages.items():
                if message["visible"] <= time.monotonic():
                    message["visible"] = time.monotonic() + hidden_for.total_seconds()
                    message["count"] += 1
                    message["receipt"] = f"{name}-{message['count']}-{time.monotonic_ns()}"
                    return Delivery(name, message["text"], message["receipt"], message["count"])
            return None

    def renew(self, delivery: Delivery, hidden_for: timedelta) -> bool:
        self.fault("renew")
        with self.lock:
            message = self.messages.get(delivery.id)
            if message is None or message["receipt"] != delivery.receipt:
                return False
            message["visible"] = time.monotonic() + hidden_for.total_seconds()
            message["receipt"] = delivery.receipt = f"{delivery.id}-{time.monotonic_ns()}"
            self.renewals += 1
            return True

    def remove(self, delivery: Delivery) -> None:
        self.fault("remove")
        with self.lock:
            message = self.messages.get(delivery.id)
            if message is not None and message["receipt"] == delivery.receipt:
                del self.messages[delivery.id]

    def read_job(self, session: str, job: str) -> bytes | None:
        self.fault("read_job")
        return self.documents.get(job)

    def result(self, session: str, job: str) -> JobResult | None:
        self.fault("result")
        return self.results.get(job)

    def publish(self, session: str, result: JobResult) -> JobResult:
        self.fault("publish")
        with self.lock:
            return self.results.setdefault(result.job, result)

    def announce(self, event: JobEvent) -> None:
        self.fault("announce")
        self.events.append(event)

    def heartbeat(self, session: str, job: str, heartbeat: Heartbeat) -> None:
        self.fault("heartbeat")
        self.heartbeats.setdefault(job, []).append(heartbeat)

    def cancel_asked(self, session: str, job: str) -> bool:
        self.fault("cancel_asked")
        return job in self.cancelled

    def check_in(self, check_in: WorkerCheckIn) -> None:
        self.fault("check_in")
        self.check_ins.append(check_in)

    def keep(self, session: str, name: str, text: bytes) -> None:
        self.fault("keep")
        self.kept_texts[f"{session}/{name}"] = text

    def kept(self, session: str, name: str) -> bytes | None:
        self.fault("kept")
        return self.kept_texts.get(f"{session}/{name}")


class NoCredential:
    """No test here reaches Azure."""

    def get_token(self, *_: object, **__: object) -> Any:
        raise AssertionError("a test asked for a token")


class FolderRepositories(Repositories):
    """Repositories in folders; the passwords are the tests' own instead of Key Vault's."""

    def __init__(self, passwords: dict[str, str]) -> None:
        self.passwords = passwords

    def open(self, ref: RepositoryRef) -> Repository:
        return Repository.open(
            open_store(ref.url, clock=SystemClock()),
            self.passwords[ref.password_secret],
            clock=SystemClock(),
            name=ref.name,
        )


class Office:
    """A worker with its mailbox: jobs in, results out."""

    def __init__(self, tmp_path: Path) -> None:
        self.mailbox = MemoryMailbox()
        self.root = tmp_path / "mnt"
        self.settings = WorkerSettings(
            name="hf-1",
            client_id="client-id",
            blob_endpoint="https://blob",
            queue_endpoint="https://queue",
            workspace=self.root,
            sqlpackage=str(tmp_path / "no-sqlpackage"),
            heartbeat=timedelta(seconds=0.05),
            poll=timedelta(seconds=0.02),
        )
        self.passwords: dict[str, str] = {}
        self.credential: Any = NoCredential()
        self.loops: list[tuple[WorkerLoop, threading.Thread]] = []
        self._number = 0

    def use(self, **changes: Any) -> None:
        """Changes settings of workers that are started later."""
        self.settings = self.settings.model_copy(update=changes)

    @property
    def equipment(self) -> Equipment:
        return Equipment(
            settings=self.settings,
            clock=SystemClock(),
            credential=self.credential,
            repositories=FolderRepositories(self.passwords),
            workspaces=Workspaces(self.root),
        )

    def start(self, hidden_for: timedelta | None = None) -> WorkerLoop:
        loop = WorkerLoop(self.mailbox, self.equipment, hidden_for=hidden_for)
        thread = threading.Thread(target=loop.run)
        thread.start()
        self.loops.append((loop, thread))
        return loop

    def stop(self) -> None:
        """Stops every worker, as SIGTERM does, and waits."""
        for loop, thread in self.loops:
            loop.stop()
            thread.join(timeout=60)
            assert not thread.is_alive()
        self.loops.clear()

    def job(self, kind: JobKind, spec: dict[str, Any], **changes: Any) -> Job:
        self._number += 1
        given: dict[str, Any] = {
            "id": f"{kind}-{self._number}",
            "kind": kind,
            "session": "s1",
            "source": "server/db",
            "step": kind,
            "instance_id": "instance-7",
            "worker": "hf-1",
            "submitted_at": datetime.now(UTC),
            "spec": spec,
        }
        return Job.model_validate({**given, **changes})

    def repository(self, name: str, *, archive: bool = False) -> RepositoryRef:
        """A new repository in a folder."""
        folder = self.root.parent / "repositories" / name
        folder.mkdir(parents=True)
        ref = RepositoryRef(
            name=name,
            url=folder.as_uri(),
            region="westeurope",
            password_secret=f"https://vault/secrets/{name}",
            archive=archive,
        )
        self.passwords[ref.password_secret] = f"password of {name}"
        Repository.init(
            open_store(ref.url, clock=SystemClock()),
            self.passwords[ref.password_secret],
            clock=SystemClock(),
            name=name,
            archive=archive,
            cost=PasswordCost(iterations=1, lanes=1, memory_kib=64),
        )
        return ref

    def export_job(self, workspace: str = "w1", **changes: Any) -> Job:
        spec = {"connection": {"host": "s.database.windows.net", "database": "sales"}, "workspace": workspace}
        return self.job("export", spec, **changes)

    @staticmethod
    def wait_for(condition: Callable[[], Any], seconds: float = 20.0) -> Any:
        """Waits until the condition holds and gives back what it said."""
        deadline = time.monotonic() + seconds
        while not (found := condition()):
            assert time.monotonic() < deadline, "it did not happen in time"
            time.sleep(0.01)
        return found

    def result_of(self, job: Job, seconds: float = 20.0) -> JobResult:
        """The result, once it is announced and the message is off the queue."""
        self.wait_for(lambda: any(event.job == job.id for event in self.mailbox.events), seconds)
        self.wait_for(lambda: not self.mailbox.messages, seconds)
        return self.mailbox.results[job.id]

    def run(self, job: Job, seconds: float = 20.0) -> JobResult:
        """Submits a job to a running worker and waits for its end."""
        if not self.loops:
            self.start()
        self.mailbox.submit(job)
        return self.result_of(job, seconds)

    def folder(self, workspace: str = "w1") -> Path:
        return self.root / "exports" / workspace


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = Office(tmp_path)
    yield made
    made.mailbox.fault = lambda _method: None
    made.stop()


#: A stand-in for SqlPackage: takes its arguments, then does what a script of steps says.
STAND_IN = """\
#!{python}
import json, os, shutil, signal, subprocess, sys, time
options = dict(a[1:].split(":", 1) for a in sys.argv[1:] if not a.startswith("/p:"))
properties = dict(a[3:].split("=", 1) for a in sys.argv[1:] if a.startswith("/p:"))
here = os.path.dirname(os.path.abspath(__file__))
with open(here + "/runs.jsonl", "a") as log:
    log.write(json.dumps({{"argv": sys.argv[1:], "pid": os.getpid(), "env": dict(os.environ)}}) + "\\n")
target = options.get("TargetFile")
if "SqlPackageExit" in os.environ:
    sys.exit(int(os.environ["SqlPackageExit"]))
own = here + "/steps-" + options["Action"] + ".json"
for step in json.load(open(own if os.path.exists(own) else here + "/steps.json")):
    (verb, value), = step.items()
    if verb == "say":
        print(value, flush=True)
    elif verb == "complain":
        print(value, file=sys.stderr, flush=True)
    elif verb == "copy":
        shutil.copyfile(value, target)
    elif verb == "write":
        open(target, "ab").write(b"x" * value)
    elif verb == "sleep":
        time.sleep(value)
    elif verb == "wait_for":
        while not os.path.exists(value):
            time.sleep(0.01)
    elif verb == "ignore_sigterm":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    elif verb == "child":
        child = subprocess.Popen(["sleep", "60"])
        open(here + "/child.pid", "w").write(str(child.pid))
    elif verb == "kill":
        os.kill(os.getpid(), value)
    elif verb == "exit":
        sys.exit(value)
"""


class StandIn:
    """SqlPackage as the tests want it to behave."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        self.command = folder / "sqlpackage"
        self.command.write_text(STAND_IN.format(python=sys.executable))
        self.command.chmod(0o755)

    def does(self, *steps: dict[str, Any], action: str = "") -> None:
        """What it does from now on, or only for that action."""
        draft = self.folder / "steps.draft"
        draft.write_text(json.dumps(steps))
        draft.rename(self.folder / (f"steps-{action}.json" if action else "steps.json"))

    @property
    def runs(self) -> list[dict[str, Any]]:
        log = self.folder / "runs.jsonl"
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


@pytest.fixture
def sqlpackage(tmp_path: Path, office: Office) -> StandIn:
    made = StandIn(tmp_path / "sqlpackage-folder")
    office.use(sqlpackage=str(made.command))
    return made


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small BACPAC that can be opened."""
    from holdfast.bacpac.writer import write_package

    file = tmp_path_factory.mktemp("package") / "small.bacpac"
    head = '<?xml version="1.0" encoding="utf-8"?>'
    namespace = 'xmlns="http://schemas.microsoft.com/sqlserver/dac/Serialization/2012/02"'
    provider = "Microsoft.Data.Tools.Schema.Sql.SqlAzureV12DatabaseSchemaProvider"
    model = (
        f'{head}<DataSchemaModel FileFormatVersion="1.2" SchemaVersion="2.9" DspName="{provider}" {namespace}>'
        '<Model><Element Type="SqlDatabaseOptions"/></Model></DataSchemaModel>'
    ).encode()
    origin = (
        f"{head}<DacOrigin {namespace}>"
        "<PackageProperties><Version>3.0.0.0</Version><ContainsExportedData>true</ContainsExportedData></PackageProperties>"
        "<ExportStatistics><TableRowCountTotalTag>42</TableRowCountTotalTag></ExportStatistics>"
        f'<Checksums><Checksum Uri="/model.xml">{hashlib.sha256(model).hexdigest().upper()}</Checksum></Checksums>'
        "</DacOrigin>"
    ).encode()
    types = (
        f'{head}<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="xml" ContentType="text/xml"/></Types>'
    ).encode()
    with file.open("wb") as out:
        write_package(
            out, [("model.xml", [model]), ("Origin.xml", [origin]), ("[Content_Types].xml", [types])], "normal"
        )
    return file
