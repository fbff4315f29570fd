"""What is deployed: the app and nothing else, which starts without what is heavy and without being installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
_APP = {
    "activities",
    "function_app.py",
    "holdfast",
    "host.json",
    "LICENSE",
    "orchestrators",
    "requirements.txt",
    "triggers",
}
#: What a cold start does not wait for: whoever needs one imports it where it is used.
_LATER = (
    "azure.data.tables",
    "azure.identity",
    "azure.keyvault",
    "azure.mgmt.compute",
    "azure.mgmt.sql",
    "azure.monitor",
    "azure.storage.blob",
    "azure.storage.queue",
    "cryptography",
    "jinja2",
    "numba",
    "numpy",
    "opentelemetry.exporter",
    "opentelemetry.sdk",
    "pyarrow",
)


def _git(*words: str) -> set[str]:
    done = subprocess.run(["git", "-C", ROOT, "ls-files", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("no git repository here")
    return set(done.stdout.splitlines())


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that .funcignore leaves, as they are in the working tree. Its patterns are git's."""
    folder = tmp_path_factory.mktemp("package")
    for name in _git() - _git("--cached", "--ignored", "--exclude-from=.funcignore"):
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes((ROOT / name).read_bytes())
    return folder


def test_the_package_holds_the_app_and_nothing_else(package: Path) -> None:
    assert {path.name for path in package.iterdir()} == _APP
    assert sum(path.stat().st_size for path in package.rglob("*") if path.is_file()) < 10_000_000


_PROGRAM = """
import importlib.metadata, sys
found = importlib.metadata.distribution
def distribution(name):
    if name == "holdfast":
        raise importlib.metadata.PackageNotFoundError(name)
    return found(name)
importlib.metadata.distribution = distribution
sys.path.insert(0, sys.argv[1])
import function_app
assert function_app.__file__.startswith(sys.argv[1]), function_app.__file__
import holdfast
assert holdfast.__file__.startswith(sys.argv[1]), holdfast.__file__
print(*sorted(sys.modules))
from holdfast.telemetry.exporting import set_up
set_up("console", "app", "", lambda: None)()
"""


def test_the_package_starts_by_itself_and_without_what_is_heavy(package: Path) -> None:
    # -I: nothing of this folder's own is found by the way; the package has never been installed.
    done = subprocess.run(
        [sys.executable, "-I", "-B", "-c", _PROGRAM, package],
        capture_output=True,
        text=True,
        check=False,
        cwd=package,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    loaded = done.stdout.splitlines()[0].split()
    assert [name for name in loaded if name.startswith(_LATER)] == []
