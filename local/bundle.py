"""Builds the worker bundle, which a worker VM fetches when it boots: a site tree as tar.gz.

It is what `pip install --target` makes of the `worker` extra, and the `holdfast` package beside it. Installing
takes long and changes seldom, so its packed form is kept in `.cache/`, named by all that it depends on; the product's own
code is packed fresh each time. A tar.gz may consist of several gzip members, so the two are simply put one after the other.
The same inputs give the same bytes.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from isal import igzip_lib

ROOT = Path(__file__).resolve().parents[1]
CACHE = ROOT / ".cache" / "worker"
_LEVEL = 1
_BLOCK = 512
_LAYOUT = "1"  # changes when packing changes, so that an older cache is not used


@dataclass(frozen=True)
class Archive:
    """An archive for workers, and what they check it by."""

    content: bytes
    sha256: str

    @classmethod
    def of(cls, content: bytes) -> Archive:
        """With its SHA-256."""
        return cls(content, hashlib.sha256(content).hexdigest())


def worker_bundle(cache: Path = CACHE) -> Archive:
    """The worker bundle of this checkout. Raises CalledProcessError where pip cannot install the worker extra."""
    requirements = _requirements()
    file = cache / f"{_fingerprint(requirements)}.tar.gz"
    if not file.exists():
        _install(requirements, file)
    own = _packed(_tree(ROOT / "holdfast", "holdfast"), last=True)
    return Archive.of(file.read_bytes() + own)


def _requirements() -> list[str]:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    return sorted(extras["worker"])


def _fingerprint(requirements: list[str]) -> str:
    facts = [_LAYOUT, sysconfig.get_platform(), sys.implementation.cache_tag, *requirements]
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()[:24]


def _install(requirements: list[str], file: Path) -> None:
    # A folder of this process alone: two profiles may start beside each other in a fresh checkout.
    site = file.with_suffix(f".site-{os.getpid()}")
    shutil.rmtree(site, ignore_errors=True)
    pip = [sys.executable, "-m", "pip", "install", "-qq", "--disable-pip-version-check", "--no-compile"]
    subprocess.run([*pip, "--target", str(site), *requirements], check=True, stdout=sys.stderr)
    shutil.rmtree(site / "bin", ignore_errors=True)  # console scripts name this machine's Python
    draft = file.with_suffix(f".draft-{os.getpid()}")
    draft.write_bytes(_packed(_tree(site, ""), last=False))
    draft.replace(file)
    shutil.rmtree(site)


def _tree(folder: Path, name: str) -> Iterator[tuple[str, Path]]:
    """Every file of the tree with its name in the archive, in order."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            relative = path.relative_to(folder).as_posix()
            yield (f"{name}/{relative}" if name else relative), path


def _packed(files: Iterator[tuple[str, Path]], *, last: bool) -> bytes:
    """A gzip member with a piece of a tar stream; only the last piece ends the stream."""
    out = io.BytesIO()
    for name, path in files:
        member = tarfile.TarInfo(name)
        content = path.read_bytes()
        member.size = len(content)
        member.mode = 0o755 if path.stat().st_mode & 0o100 else 0o644
        out.write(member.tobuf(tarfile.PAX_FORMAT))
        out.write(content)
        out.write(b"\0" * (-len(content) % _BLOCK))
    if last:
        out.write(b"\0" * (2 * _BLOCK))
    packed: bytes = igzip_lib.compress(out.getvalue(), _LEVEL, flag=igzip_lib.COMP_GZIP)
    return packed


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m local.bundle", description="Writes the worker bundle to a file.")
    parser.add_argument("file", type=Path)
    bundle = worker_bundle()
    parser.parse_args().file.write_bytes(bundle.content)
    sys.stdout.write(f"{bundle.sha256}\n")
