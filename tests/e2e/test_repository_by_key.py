"""A worker opens its repository with a Key Vault key instead of a password: the whole app, on the local profile."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.app_settings import app_environment
from local.azurite_setup import installed
from local.profile import LocalProfile
from local.samples.databases import write_sample

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]
_PATIENCE = 400.0


@pytest.fixture
def own_world() -> Iterator[LocalProfile]:
    """A world of this test's own: its app is told another way into the repository."""
    if not installed():
        pytest.skip("Azurite is not installed; `make setup` fetches it")
    folder = Path(tempfile.mkdtemp(prefix="hf-key-"))
    found = LocalProfile(folder)
    try:
        found.up()
        yield found
    finally:
        found.down()
        shutil.rmtree(folder, ignore_errors=True)


def _as_operator(world: LocalProfile, *words: str) -> Any:
    environment = {"PATH": os.environ["PATH"], "HOME": str(world.state), **world.operator_environment()}
    program = [sys.executable, "-c", "from holdfast.cli.main import run; run()", *words, "-o", "json"]
    done = subprocess.run(program, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _open_by_key(world: LocalProfile, key: str) -> None:
    """Starts the app anew with `vault_key` in place of `password_secret`."""
    world.kill_host()
    profile = world.profile
    repositories = json.loads(app_environment(profile)["HOLDFAST_REPOSITORIES"])
    del repositories["default"]["password_secret"]
    repositories["default"]["vault_key"] = key
    profile.settings["HOLDFAST_REPOSITORIES"] = json.dumps(repositories)
    profile.save()
    world.start_host()


def test_a_backup_is_stored_and_read_by_the_key_alone(own_world: LocalProfile, tmp_path: Path) -> None:
    """The slot is added by the password; then neither the app nor a worker ever reads the secret."""
    world = own_world
    status, password = world.status(), tmp_path / "password"
    password.write_text(world.password("default"))
    at = ("--repository", status["repositories"]["default"])
    added = ("--name", "vault", "--new-vault-key", status["vault_key"], "--password-file", str(password))
    _as_operator(world, "repository", "key", "add", *added, *at)
    _open_by_key(world, status["vault_key"])
    sample = tmp_path / "hr.bacpac"
    write_sample(sample, "hr", day=0, scale=0.1)
    world.load(sample, "sql-key/hr")
    seen = len(world.requests())
    session = world.api("POST", "backups", {"databases": ["sql-key/hr"], "staging": False})["id"]
    deadline = time.monotonic() + _PATIENCE
    while (found := world.api("GET", f"sessions/{session}"))["state"] in ("pending", "running"):
        assert time.monotonic() < deadline, found
        time.sleep(0.5)
    assert found["state"] == "succeeded", found
    asked = [(request["method"], request["path"], request["status"]) for request in world.requests()[seen:]]
    assert [path for _, path, _ in asked if path.startswith("/secrets/repository-default")] == []
    assert any(path.endswith("/unwrapkey") and status == 200 for _, path, status in asked)
    (point,) = _as_operator(world, "point", "list", *at, "--vault-key", status["vault_key"])
    assert point["id"] == found["sources"][0]["restore_point"]
    verified = ("point", "verify", point["id"], *at, "--vault-key", status["vault_key"])
    assert _as_operator(world, *verified)["ok"] is True
