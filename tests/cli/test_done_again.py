"""An import or a copy that is killed at any point goes on where it stopped: nothing twice, nothing lost, nothing half."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from holdfast.cli import app as app_module
from holdfast.model.clock import SystemClock, iso
from holdfast.repository import PasswordCost, Repository
from holdfast.storage import open_store

from .conftest import Run

SCRIPT = Path(__file__).with_name("killed_command.py")
MOMENTS = [(n, when) for n in range(3) for when in ("before", "after")]
CHEAP = PasswordCost(memory_kib=64, iterations=1, lanes=1)


@pytest.fixture
def hand_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock file; whoever waits moves it, so that the lock of what was killed ends without anybody's waiting."""
    file = tmp_path / "clock.json"
    begun = datetime(2026, 2, 1, tzinfo=UTC)
    moved = timedelta(0)

    def write() -> None:
        text = json.dumps({"real_zero": iso(datetime.now(UTC)), "virtual_zero": iso(begun + moved), "rate": 1.0})
        new = file.with_suffix(".new")
        new.write_text(text)
        new.replace(file)

    def pause(seconds: float) -> None:
        nonlocal moved
        moved += timedelta(seconds=20 * seconds)
        write()

    write()
    monkeypatch.setenv("HOLDFAST_CLOCK_FILE", str(file))
    monkeypatch.setattr(app_module, "pause", pause)


@pytest.fixture
def exports(tmp_path: Path, bacpacs: dict[str, Path]) -> Path:
    """Three exports of two databases."""
    folder = tmp_path / "exports"
    folder.mkdir()
    for name, sample in (("hr-2026-01-01", "hr-0"), ("hr-2026-01-02", "hr-1"), ("old-2026-01-01", "legacy")):
        shutil.copy(bacpacs[sample], folder / f"{name}.bacpac")
    return folder


def _killed(n: int, when: str, *arguments: str | Path) -> None:
    command = [sys.executable, SCRIPT, str(n), when, *map(str, arguments)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False, env=os.environ)
    assert ran.returncode == -signal.SIGKILL, ran.stderr


@pytest.mark.usefixtures("hand_clock")
@pytest.mark.parametrize(("n", "when"), MOMENTS)
def test_an_import_killed_at_any_file_goes_on(
    n: int, when: str, run: Run, repository: str, password_file: Path, exports: Path
) -> None:
    at = ("--repository", repository, "--password-file", password_file, "-o", "json")
    command = ("point", "import", exports, "--pattern", "{db}-{d:%Y-%m-%d}.bacpac", "--source", "srv/{db}", *at)
    _killed(n, when, *command)
    there = n + (when == "after")
    assert len(run("point", "list", *at).json) == there
    ran = run(*command)
    assert ran.code == 0, ran.err
    assert [row["state"] for row in ran.json["files"]] == ["there"] * there + ["stored"] * (3 - there)
    points = run("point", "list", *at).json
    assert {point["id"] for point in points} == {row["point"] for row in ran.json["files"]}
    assert len(points) == 3
    checked = run("repository", "check", *at, "--read-data").json
    assert (checked["ok"], checked["points"]) == (True, 3)


@pytest.mark.usefixtures("hand_clock")
@pytest.mark.parametrize(("n", "when"), MOMENTS)
def test_a_copy_killed_at_any_point_goes_on(
    n: int, when: str, run: Run, repository: str, password_file: Path, exports: Path, tmp_path: Path
) -> None:
    at = ("--repository", repository, "--password-file", password_file, "-o", "json")
    taken = ("point", "import", exports, "--pattern", "{db}-{d:%Y-%m-%d}.bacpac", "--source", "srv/{db}", *at)
    assert run(*taken).code == 0
    target = (tmp_path / "target").as_uri()
    to_password = tmp_path / "to-password"
    to_password.write_text("another password")
    Repository.init(open_store(target), "another password", clock=SystemClock(), cost=CHEAP)
    command = ("repository", "copy", *at, "--to", target, "--to-password-file", to_password)
    _killed(n, when, *command)
    there = n + (when == "after")
    ran = run(*command, "--verify")
    assert ran.code == 0, ran.err
    assert [row["state"] for row in ran.json["points"]] == ["there"] * there + ["copied"] * (3 - there)
    assert {row["verified"] for row in ran.json["points"]} == {"read back"}
    at_target = ("--repository", target, "--password-file", to_password, "-o", "json")
    assert _described(run("point", "list", *at_target).json) == _described(run("point", "list", *at).json)
    assert run("repository", "check", *at_target, "--read-data").json["ok"] is True


def _described(points: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Points without what belongs to the place."""
    return [{k: v for k, v in point.items() if k not in ("repository", "stored_bytes", "sequence")} for point in points]
