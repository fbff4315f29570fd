"""What every contender can do, and what is the same for all of them."""

from __future__ import annotations

import shutil
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Literal

from bench.measuring import ROOT, Cost, run
from bench.place import emptied, folder_bytes

Takes = Literal["bacpac", "inflated", "raw"]
"""What it is given each day: the BACPAC itself as a file of its own kind, its inflated entries, or a folder with it."""

PASSWORD = "of a bench"  # noqa: S105 (of throw-away repositories)


class Contender(ABC):
    """One program with one setting and one repository, in a folder of its own.

    Every operation is a process of its own, and before each of them the program's caches are emptied.
    """

    takes: ClassVar[Takes]

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.folder = folder
        self.repository = folder / "repository"
        self.caches = folder / "caches"
        self.scratch = folder / "scratch"
        emptied(folder)
        emptied(self.scratch)

    @abstractmethod
    def init(self) -> None:
        """Makes an empty repository."""

    @abstractmethod
    def start(self) -> Cost:
        """The least that the program can do with the repository: what starting it and opening the repository cost."""

    @abstractmethod
    def store(self, day: int, what: Path) -> Cost:
        """Stores a day: a file or a folder, as `takes` says."""

    @abstractmethod
    def restore(self, day: int, to: Path) -> Cost:
        """Gives the day back, into an empty folder."""

    @abstractmethod
    def environment(self) -> dict[str, str]:
        """What the program needs beside this process's own."""

    def stored_bytes(self) -> int:
        """What the repository takes."""
        return folder_bytes(self.repository)

    def remove(self) -> None:
        """Away with it."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, argv: Sequence[str], folder: Path | None = None) -> Cost:
        """Runs the program with its caches emptied."""
        home = emptied(self.caches)
        everywhere = {"HOME": str(home), "XDG_CACHE_HOME": str(home / "xdg"), "PYTHONPATH": str(ROOT)}
        return run(
            argv,
            folder=folder or self.folder,
            environment={**everywhere, **self.environment()},
            scratch=self.scratch,
        )
