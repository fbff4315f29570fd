"""Whether the very file comes back, for every real BACPAC: the same SHA-256, or a clear no with identical entries."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from bench.days import GivenBackWrong, restored
from bench.line_up import holdfast
from bench.measuring import ProgramFailed
from bench.place import emptied
from bench.real import real_bacpacs
from bench.series import Series


def identical(scale: float, work: Path) -> dict[str, Any]:
    """By file: `identical`, or `entries` where it says that its deflate cannot be re-created. Raises GivenBackWrong."""
    packages = {"the series": Series(5 * scale).day(0), **real_bacpacs()}
    return {"files": {name: _one(package, work) for name, package in packages.items()}}


def _one(package: Path, work: Path) -> str:
    with holdfast(work) as ours:
        ours.store(0, package)
        folder = emptied(work / "identical")
        try:
            ours.restore_identical(0, folder)
        except ProgramFailed as failure:
            if "NotIdentical" not in str(failure):
                raise
            restored(ours, 0, package, work)
            return "entries"
    if _sha256(next(folder.iterdir())) != _sha256(package):
        raise GivenBackWrong(f"{package.name}: said to be the very file, and is not")
    return "identical"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
