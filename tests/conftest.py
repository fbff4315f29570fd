"""What all tests may use: the folder of real BACPACs and Microsoft's own reader of them, where this machine has them."""

from __future__ import annotations

import fcntl
import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
_SETUP_SECONDS = 600


@pytest.fixture(scope="session")
def real_bacpacs() -> dict[str, Path]:
    """Real BACPACs by file name (without the dacpac among them); skips where the folder is not there."""
    return {path.name: path for path in sorted(_real_folder().glob("*.bacpac"))}


@pytest.fixture(scope="session")
def real_dacpac() -> Path:
    """A real dacpac, which is no BACPAC."""
    return next(_real_folder().glob("*.dacpac"))


def _real_folder() -> Path:
    folder = Path(os.environ.get("HOLDFAST_BACPACS") or ROOT.parent / "shared" / "bacpacs")
    if not any(folder.glob("*.bacpac")):
        pytest.skip("no real BACPACs: HOLDFAST_BACPACS names no folder of them")
    return folder


class Judge:
    """DacFx itself, asked about packages: whether it opens them, and what it says about their models."""

    def __init__(self, command: Path) -> None:
        self._command = command

    def refusals(self, verb: str, *packages: Path) -> list[str]:
        """The packages that it refuses to `load` or `validate`, each with its reason."""
        return [line for line in self._lines(verb, *packages) if line.startswith("refused ")]

    def unpack(self, package: Path, to: Path) -> list[str]:
        """Lets it unpack a package; its refusals."""
        return [line for line in self._lines("unpack", package, to) if line.startswith("refused ")]

    def messages(self, *packages: Path) -> dict[Path, list[str]]:
        """What it says about each model, sorted: it has no order of its own. One start for all, since it starts slowly."""
        said: dict[Path, list[str]] = {}
        waiting: list[str] = []
        for line in self._lines("validate", *packages):
            if line.startswith("  "):
                waiting.append(line.strip())
                continue
            package = packages[len(said)]
            assert line.startswith(f"ok {package}: "), line
            said[package], waiting = sorted(waiting), []
        return said

    def _lines(self, verb: str, *arguments: Path) -> list[str]:
        ran = subprocess.run(
            [self._command, verb, *arguments], capture_output=True, text=True, timeout=100, check=False
        )
        assert ran.returncode in (0, 1), ran.stderr
        assert ran.stdout, ran.stderr
        return ran.stdout.splitlines()


@pytest.fixture(scope="session")
def judge() -> Judge:
    """The DacFx judge; skips where it is not there and cannot be set up."""
    named = os.environ.get("HOLDFAST_DACFX")
    places = [Path(named)] if named else [ROOT / ".cache" / "dacfx", ROOT.parent / "cache" / "dacfx"]
    for place in places:
        command = place if place.is_file() else place / "dacx"
        if command.is_file():
            return Judge(command)
    if named:
        pytest.skip("HOLDFAST_DACFX does not name the DacFx judge")
    return Judge(_set_up(ROOT / ".cache" / "dacfx"))


def _set_up(to: Path) -> Path:
    script = ROOT.parent / "shared" / "dacfx-oracle" / "setup.sh"
    if not script.exists():
        pytest.skip("no DacFx judge: HOLDFAST_DACFX is not set")
    to.parent.mkdir(exist_ok=True)
    with (to.parent / "dacfx.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several test processes may want it at once
        if not (to / "dacx").exists():
            ran = subprocess.run([script, to], capture_output=True, text=True, timeout=_SETUP_SECONDS, check=False)
            if ran.returncode != 0:
                pytest.skip(f"the DacFx judge could not be set up: {ran.stderr.strip()[-300:]}")
    return to / "dacx"
