"""Writes what a release is made of to a folder: wheel, worker bundle, the parts of both, changelog, SHA-256 sums.

The wheel is made from the commit, so nothing that lies about gets in; the bundle from the working tree, which has to have no
changes. All times are the commit's, and the wheel is built twice: a release whose two wheels differ is none.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import tomllib
from datetime import UTC, datetime
from pathlib import Path

from local.bundle import ROOT, worker_bundle
from local.changelog import changelog
from local.parts import Part, needed, packed, sbom


def release(to: Path) -> list[Path]:
    """The files written. Raises CalledProcessError where git or pip fails, SystemExit where the work is not reproducible."""
    if _git("status", "--porcelain"):
        raise SystemExit("commit first: a release is made from a commit")
    version = str(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"])
    when = datetime.fromtimestamp(int(_git("log", "-1", "--format=%ct")), UTC)
    told = changelog(version, when.date())  # first: a release that nothing is said about is none
    first, second = wheel(), wheel()
    bundle = worker_bundle().content
    made = {
        same(first, second): first[1],
        "holdfast-worker.tar.gz": bundle,
        "CHANGELOG.md": told.encode(),
        # The command line holds what the app needs as well.
        "holdfast.cdx.json": sbom(Part("holdfast", version, "Apache-2.0"), needed("cli"), when),
        "holdfast-worker.cdx.json": sbom(Part("holdfast-worker", version, "Apache-2.0"), packed(bundle), when),
    }
    sums = "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in sorted(made.items()))
    to.mkdir(parents=True, exist_ok=True)
    for name, content in {**made, "SHA256SUMS": sums.encode()}.items():
        (to / name).write_bytes(content)
    return [to / name for name in (*made, "SHA256SUMS")]


def wheel() -> tuple[str, bytes]:
    """Name and content of the wheel of the commit that is checked out."""
    with tempfile.TemporaryDirectory() as folder:
        tree, out = Path(folder) / "tree", Path(folder) / "out"
        tree.mkdir()
        packed = subprocess.run(["git", "-C", str(ROOT), "archive", "HEAD"], check=True, capture_output=True).stdout
        subprocess.run(["tar", "-x", "-C", str(tree)], input=packed, check=True)
        pip = [sys.executable, "-m", "pip", "wheel", "-q", "--disable-pip-version-check", "--no-deps"]
        environment = {**os.environ, "SOURCE_DATE_EPOCH": _git("log", "-1", "--format=%ct")}
        subprocess.run([*pip, "--wheel-dir", str(out), str(tree)], check=True, stdout=sys.stderr, env=environment)
        (file,) = out.glob("*.whl")
        return file.name, file.read_bytes()


def same(first: tuple[str, bytes], second: tuple[str, bytes]) -> str:
    """The name of two wheels that are one; SystemExit where they differ."""
    if first != second:
        raise SystemExit(f"{first[0]} came out different the second time: nothing was written")
    return first[0]


def _git(*words: str) -> str:
    return subprocess.run(["git", "-C", str(ROOT), *words], check=True, capture_output=True, text=True).stdout.strip()


if __name__ == "__main__":
    for written in release(Path(sys.argv[1] if len(sys.argv) > 1 else "dist")):
        sys.stdout.write(f"{written}\n")
