"""The worker bundle is complete, holds this checkout's code, and is the same for the same inputs."""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from holdfast.worker import boot_script
from local import bundle


@pytest.fixture(scope="module")
def built() -> bundle.Archive:
    return bundle.worker_bundle()


def test_the_boot_script_unpacks_it_and_a_bare_python_runs_the_worker(built: bundle.Archive, tmp_path: Path) -> None:
    """What the VM does: its own unpacking (no links, no odd names), PYTHONPATH, no installed packages."""
    file, release = tmp_path / "bundle", tmp_path / "release"
    file.write_bytes(built.content)
    boot_script.unpack(file, release)
    python = Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"
    program = (
        "import sys, holdfast, holdfast.worker.loop, holdfast.repository, azure.identity; print(holdfast.__file__)"
    )
    environment = {"PYTHONPATH": str(release)}
    argv = [str(python), "-c", program]
    done = subprocess.run(argv, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(release / "holdfast" / "__init__.py")


def test_the_same_checkout_gives_the_same_bytes(built: bundle.Archive) -> None:
    """Otherwise every `up` would make workers fetch their software again."""
    assert bundle.worker_bundle() == built


def test_changed_code_is_in_the_next_bundle(
    built: bundle.Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cache holds the dependencies only."""
    (tmp_path / "holdfast").mkdir()
    (tmp_path / "holdfast" / "__init__.py").write_text("changed = True\n")
    (tmp_path / "pyproject.toml").write_bytes((bundle.ROOT / "pyproject.toml").read_bytes())
    monkeypatch.setattr(bundle, "ROOT", tmp_path)
    changed = bundle.worker_bundle()
    assert changed.sha256 != built.sha256
    with tarfile.open(fileobj=io.BytesIO(changed.content)) as archive:
        names = archive.getnames()
        found = archive.extractfile("holdfast/__init__.py")
        assert found is not None
        assert found.read() == b"changed = True\n"
    assert "azure/identity/__init__.py" in names
    assert not [name for name in names if "__pycache__" in name or name.startswith("bin/")]


def test_other_requirements_are_not_taken_from_the_cache() -> None:
    assert bundle._fingerprint(["a==1"]) != bundle._fingerprint(["a==2"])
