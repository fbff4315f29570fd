"""What the tests of the local host share: an orchestration driven without a host, and a host as a real process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import azure.durable_functions as df
import pytest
from azure.durable_functions.models import DurableOrchestrationContext

from local.host.history import stamp
from local.host.replay import Shadow

HERE = Path(__file__).parent
ROOT = HERE.parents[2]


@dataclass
class Turn:
    """What one episode showed: the SDK's answer, the shadow after it, and the open tasks of both by number."""

    answer: dict[str, Any]
    shadow: Shadow
    sdk_open: set[int]
    host_open: set[int]
    completed_twice: list[str]
    asked: list[dict[str, Any]]
    """History events of what was newly asked for."""


@dataclass
class Orchestration:
    """An orchestrator under the SDK and the shadow, without a host: feed events, see what both make of them."""

    code: Callable[..., Any]
    history: list[dict[str, Any]] = field(default_factory=list)
    now: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    payload: str | None = None

    def turn(self, *events: dict[str, Any]) -> Turn:
        """One episode with those new events (the first one starts the execution)."""
        self.now += timedelta(seconds=2)
        new = [{"EventType": 12}, *([] if self.history else [{"EventType": 0, "Name": "o", "Version": ""}]), *events]
        new = [{"EventId": -1, "IsPlayed": False, "Timestamp": stamp(self.now), **event} for event in new]
        answer, context, twice = self._ask([*self.history, *new])
        shadow = Shadow("i", "x", answer["actions"][0])
        for event in self.history:
            shadow.feed(event)
        self.history += [event for event in new if shadow.feed(event)]
        asked = [
            {"EventType": one.type, "EventId": number, "IsPlayed": False, "Timestamp": stamp(self.now), **one.fields}
            for number, one in shadow.emitted.items()
        ]
        self.history += [*asked, {"EventType": 13, "EventId": -1, "IsPlayed": False, "Timestamp": stamp(self.now)}]
        numbers = {json.loads(e["Input"])["id"]: e["EventId"] for e in self.history if e["EventType"] == 14}
        return Turn(
            answer,
            shadow,
            {numbers.get(key, key) for key in _open_in_sdk(context)},
            {numbers.get(key, key) for key in shadow.open_tasks},
            twice,
            asked,
        )

    def _ask(self, history: list[dict[str, Any]]) -> tuple[dict[str, Any], Any, list[str]]:
        body = {
            "history": history,
            "input": self.payload,
            "instanceId": "i",
            "isReplaying": False,
            "parentInstanceId": None,
            "upperSchemaVersion": 1,
            "upperSchemaVersionNew": 2,
            "maximumShortTimerDuration": "6.00:00:00",
            "longRunningTimerIntervalDuration": "3.00:00:00",
        }
        context = DurableOrchestrationContext.from_json(json.dumps(body))
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                answer = json.loads(df.Orchestrator(self.code).handle(context))
            except Exception as error:
                mark = "\n\n$OutOfProcData$:"
                if mark not in str(error):
                    raise
                answer = json.loads(str(error).split(mark)[1])
        twice = [str(one.message).split(": ")[-1] for one in caught if "duplicate" in str(one.message)]
        return answer, context, twice


def _open_in_sdk(context: Any) -> set[int | str]:
    """Keys of tasks that the SDK waits for an answer to; not events, nor timers that were cancelled."""
    found: set[int | str] = set()
    for key, task in context.open_tasks.items():
        if not task or isinstance(task, list) or getattr(task, "is_cancelled", False):
            continue
        found.add(key)
    return found


@pytest.fixture
def orchestration() -> type[Orchestration]:
    return Orchestration


@dataclass
class HostProcess:
    """A real host of the sample app (or another one), started, killed and asked over HTTP."""

    folder: Path
    app: Path = HERE / "sample_app"
    settings: dict[str, str] = field(default_factory=dict)
    arguments: list[str] = field(default_factory=list)
    process: subprocess.Popen[str] | None = None
    url: str = ""

    @property
    def log(self) -> list[dict[str, Any]]:
        """What the host has logged since its first start."""
        lines = (self.folder / "host.log").read_text().splitlines()
        return [json.loads(line) for line in lines]

    @property
    def state(self) -> Path:
        return self.folder / "state.db"

    def start(self, **settings: str) -> None:
        """Starts the host and returns when it listens."""
        environment = {**os.environ, "SAMPLE_FOLDER": str(self.folder), "PYTHONPATH": str(ROOT)}
        with (self.folder / "host.log").open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "local.host", *self._arguments()],
                env={**environment, **self.settings, **settings},
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=self.folder,
            )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("listening on "), (self.folder / "host.log").read_text()
        self.url = line.split()[-1]

    def _arguments(self) -> list[str]:
        return ["--app", str(self.app), "--state", str(self.state), "--port", "0", *self.arguments]

    def kill(self) -> None:
        """kill -9."""
        assert self.process is not None
        self.process.kill()
        self._reap()

    def stop(self) -> int:
        """SIGTERM; returns the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self._reap()

    def _reap(self) -> int:
        assert self.process is not None
        assert self.process.stdout is not None
        code = self.process.wait(30)
        self.process.stdout.close()
        self.process = None
        return code

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> tuple[int, Any]:
        """One request: status, and the body as JSON where it is some."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method, headers=headers)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 (our own host)
                status, text = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                status, text = error.code, error.read()
        try:
            return status, json.loads(text)
        except ValueError:
            return status, text

    def begin(self, name: str, body: object = None, key: str = "") -> str:
        """Starts an instance by the app's own function."""
        status, answer = self.ask("POST", f"/api/start/{name}/{key}".rstrip("/"), body)
        assert status == 202, answer
        return answer["id"]

    def instance(self, key: str) -> dict[str, Any] | None:
        """The status JSON."""
        status, answer = self.ask("GET", f"/durabletask/instances/{key}?showInput=True")
        return answer if status in (200, 202) else None

    def until(self, key: str, *states: str, seconds: float = 30) -> dict[str, Any]:
        """Waits for a state (by default: any end) and returns the status JSON."""
        wanted = states or ("Completed", "Failed", "Terminated")
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = self.instance(key)
            if found is not None and found["runtimeStatus"] in wanted:
                return found
            time.sleep(0.03)
        raise AssertionError(f"{key} is {self.instance(key)}, not {wanted}")

    def lines(self, file: str) -> list[Any]:
        """What the sample app noted."""
        path = self.folder / file
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture
def new_host(tmp_path: Path) -> Iterator[Callable[..., HostProcess]]:
    """Makes hosts that are stopped at the end of the test."""
    made: list[HostProcess] = []

    def make(**fields: Any) -> HostProcess:
        made.append(HostProcess(tmp_path, **fields))
        return made[-1]

    yield make
    for host in made:
        if host.process is not None:
            host.kill()


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostProcess]:
    """One running host of the sample app for a whole file."""
    running = HostProcess(tmp_path_factory.mktemp("host"))
    running.start()
    yield running
    running.kill()
