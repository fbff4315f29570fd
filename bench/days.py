"""A day as each contender takes it, and a look at what comes back."""

from __future__ import annotations

import hashlib
import os
import sys
import zipfile
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import IO

from bench.contender import Contender
from bench.measuring import ROOT, Cost, middle, run
from bench.place import emptied
from holdfast.bacpac.package import Bacpac

_PIECE = 1 << 20


class GivenBackWrong(Exception):
    """A contender gave back something else than it was given. Nothing of such a run is worth a figure."""


class Day:
    """One day's package, inflated where somebody needs that; what the inflating cost, start-up taken off."""

    def __init__(self, bacpac: Path, work: Path) -> None:
        self.bacpac = bacpac
        # Always the same paths: peers look for the last version of a file by its path.
        self._inflated, self._raw, self._scratch = work / "inflated", work / "raw", work / "scratch"
        emptied(self._scratch)

    def inflated(self) -> tuple[Path, Cost]:
        """A folder of its entries, written now."""
        cost = _inflate(self._scratch, str(self.bacpac), str(emptied(self._inflated)))
        return self._inflated, cost.without(_idle(self._scratch))

    def raw(self) -> Path:
        """A folder with the file and nothing else."""
        folder = emptied(self._raw)
        os.link(self.bacpac, folder / "database.bacpac")
        return folder

    def stored_by(self, contender: Contender, number: int) -> tuple[Cost, Cost]:
        """Lets the contender store it. Returns what its own program cost, and what inflating before it cost."""
        if contender.takes == "bacpac":
            return contender.store(number, self.bacpac), Cost()
        if contender.takes == "raw":
            return contender.store(number, self.raw()), Cost()
        folder, inflating = self.inflated()
        return contender.store(number, folder), inflating


def _inflate(scratch: Path, *argv: str) -> Cost:
    program = [sys.executable, "-m", "bench.inflating", *argv]
    return run(program, folder=ROOT, environment={"PYTHONPATH": str(ROOT)}, scratch=scratch)


@cache
def _idle(scratch: Path) -> Cost:
    """What starting the inflating program costs when there is nothing to inflate."""
    return middle(_inflate(scratch) for _ in range(5))


def restored(contender: Contender, number: int, bacpac: Path, work: Path) -> tuple[Cost, int]:
    """Restores the day and compares every entry by its SHA-256; returns what the restore cost and how many entries.

    Raises GivenBackWrong.
    """
    folder = emptied(work / "given-back")
    cost = contender.restore(number, folder)
    given, wanted = entries_below(folder), entries_in(bacpac)
    emptied(folder)
    if given != wanted:
        differing = [name for name in wanted if given.get(name) != wanted[name]] or sorted(given.keys() - wanted.keys())
        raise GivenBackWrong(f"{contender.name}, day {number}: {', '.join(differing[:5])}")
    return cost, len(wanted)


@cache
def entries_in(bacpac: Path) -> dict[str, str]:
    """SHA-256 of each entry, by name."""
    with Bacpac.open(bacpac) as package:
        return {entry.name: _sha256(package.pieces(entry.name)) for entry in package.entries}


def entries_below(folder: Path) -> dict[str, str]:
    """Of a restored folder: of the entries of the one BACPAC in it, else of its files."""
    packages = list(folder.rglob("*.bacpac"))
    found: dict[str, str] = {}
    if len(packages) == 1:
        # Python's own reader: what comes back is not judged by the code that wrote it.
        with zipfile.ZipFile(packages[0]) as package:
            for name in package.namelist():
                with package.open(name) as entry:
                    found[name] = _sha256(_pieces(entry))
        return found
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                found[path.relative_to(folder).as_posix()] = _sha256(_pieces(file))
    return found


def _pieces(file: IO[bytes]) -> Iterable[bytes]:
    while piece := file.read(_PIECE):
        yield piece


def _sha256(pieces: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()
