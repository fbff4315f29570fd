"""The command as people run it, and an app that answers from a table."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from holdfast.cli import app as app_module
from holdfast.cli import output, watching
from holdfast.cli.main import main
from holdfast.model.clock import SystemClock
from holdfast.repository import PasswordCost, Repository
from holdfast.storage import open_store
from local.samples.databases import write_sample

PASSWORD = "a password of the tests"


@dataclass
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed for scripts."""
        return json.loads(self.out)


Run = Callable[..., Ran]


@pytest.fixture(autouse=True)
def clean_surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No settings of the machine, no waiting, no option remembered from the test before."""
    for name in ("URL", "KEY", "STATE", "PASSWORD_FILE", "VAULT_KEY", "RECOVERY_KEY_FILE", "CLOCK_FILE"):
        monkeypatch.delenv(f"HOLDFAST_{name}", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(app_module, "pause", lambda _: None)
    monkeypatch.setattr(watching, "pause", lambda _: None)
    output._chosen.set(output.Output.TABLE)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs `holdfast` with these arguments."""

    def call(*arguments: str | Path) -> Ran:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return call


Answer = dict[str, Any] | httpx.Response | Exception | None


@dataclass
class FakeApp:
    """Answers by method and path; a list is answered one by one, the last one for ever. Remembers what it was asked."""

    answers: dict[str, Any] = field(default_factory=dict)
    asked: list[httpx.Request] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        path = request.url.path.removeprefix("/api/")
        found = self.answers.get(f"{request.method} {path}")
        if isinstance(found, list):
            found = found.pop(0) if len(found) > 1 else found[0]
        if callable(found):
            found = found(request)
        if isinstance(found, Exception):
            raise found
        if isinstance(found, httpx.Response):
            return found
        if found is None:
            return problem("not-found", 404, 4, detail=path)
        return httpx.Response(200, json=found)

    @property
    def called(self) -> list[str]:
        """Methods and paths, in order."""
        return [f"{r.method} {r.url.path.removeprefix('/api/')}" for r in self.asked]

    def sent(self, at: int = -1) -> Any:
        """The JSON of a request."""
        return json.loads(self.asked[at].content)


def problem(code: str, status: int, exit_code: int, detail: str = "") -> httpx.Response:
    """A problem document as the app writes it."""
    body = {
        "type": f"https://holdfast.dev/errors/{code}",
        "title": f"title of {code}",
        "status": status,
        "detail": detail,
        "code": code,
        "help": "what to do",
        "exit_code": exit_code,
    }
    return httpx.Response(status, json=body, headers={"content-type": "application/problem+json"})


@pytest.fixture
def fake_app(monkeypatch: pytest.MonkeyPatch) -> FakeApp:
    """An app at the address that the environment names."""
    fake = FakeApp()
    monkeypatch.setenv("HOLDFAST_URL", "https://app.test")
    monkeypatch.setenv("HOLDFAST_KEY", "the-function-key")

    def client(address: app_module.Address) -> httpx.Client:
        return httpx.Client(
            base_url=f"{address.url}/api/",
            headers={"x-functions-key": address.key},
            transport=httpx.MockTransport(fake),
        )

    monkeypatch.setattr(app_module, "new_client", client)
    return fake


def session(state: str = "running", **more: Any) -> dict[str, Any]:
    """A session as the app shows it."""
    return {
        "id": "s1",
        "policy": "nightly",
        "kind": "backup",
        "state": state,
        "started_at": "2026-01-31T02:00:00Z",
        "ended_at": None,
        "error": None,
        "sources": [],
        "download": None,
        **more,
    }


def source(state: str, step: str = "export", step_state: str = "running", **more: Any) -> dict[str, Any]:
    """A database in a session."""
    return {
        "source": "srv/shop",
        "state": state,
        "error": None,
        "restore_point": None,
        "steps": [
            {"name": "validate", "state": "succeeded", "started_at": None, "ended_at": None, "detail": ""},
            {"name": step, "state": step_state, "started_at": None, "ended_at": None, "detail": ""},
        ],
        **more,
    }


@pytest.fixture
def password_file(tmp_path: Path) -> Path:
    """A file with the password and the line's end that every editor adds."""
    file = tmp_path / "password"
    file.write_text(PASSWORD + "\n")
    return file


@pytest.fixture
def repository(tmp_path: Path) -> str:
    """An empty repository in a folder, whose password is cheap to try."""
    url = (tmp_path / "repository").as_uri()
    Repository.init(
        open_store(url), PASSWORD, clock=SystemClock(), cost=PasswordCost(memory_kib=64, iterations=1, lanes=1)
    )
    return url


@pytest.fixture(scope="session")
def bacpacs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Some samples."""
    folder = tmp_path_factory.mktemp("bacpacs")
    made = {"hr-0": ("hr", 0), "hr-1": ("hr", 1), "legacy": ("legacy", 0)}
    for file, (name, day) in made.items():
        write_sample(folder / f"{file}.bacpac", name, day, 0.1)
    return {file: folder / f"{file}.bacpac" for file in made}
