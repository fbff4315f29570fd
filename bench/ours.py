"""Holdfast into a folder, and into Azurite."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

from bench.container import API_VERSION, Container
from bench.contender import PASSWORD, Contender, Takes
from bench.holdfast_program import id_of_day
from bench.measuring import ROOT, Cost

# The command itself, from the source that is measured and not from wherever it is installed.
_CLI = (sys.executable, "-c", "from holdfast.cli.main import run; run()")


class Holdfast(Contender):
    """Holdfast into a local folder; `entries_only`: without what a bit-identical file needs, which peers do not keep."""

    takes: ClassVar[Takes] = "bacpac"

    def __init__(self, name: str, folder: Path, *, highest: bool = False, entries_only: bool = False) -> None:
        super().__init__(name, folder)
        self.password = folder / "password"
        self.password.write_text(PASSWORD)
        self._options = [*(["--highest"] if highest else []), *(["--entries-only"] if entries_only else [])]

    @property
    def url(self) -> str:
        """Where the repository is."""
        return self.repository.as_uri()

    def environment(self) -> dict[str, str]:
        return {}

    def init(self) -> None:
        self._program("init")

    def start(self) -> Cost:
        return self._program("open")

    def store(self, day: int, what: Path) -> Cost:
        return self._program("store", str(what), "--day", str(day), *self._options)

    def restore(self, day: int, to: Path) -> Cost:
        return self._program("restore", str(to / "database.bacpac"), "--day", str(day))

    def restore_identical(self, day: int, to: Path) -> Cost:
        """Gives the very file back. Raises ProgramFailed where its deflate cannot be re-created."""
        return self._program("restore", str(to / "database.bacpac"), "--day", str(day), "--identical")

    def stages(self, day: int, what: Path) -> str:
        """Stores a day under the sampler and returns what it wrote."""
        self._program("stages", str(what), "--day", str(day), "--entries-only")
        return (self.scratch / "output.log").read_text()

    def can_delete(self) -> bool:
        """Whether this version deletes points and prunes."""
        return all(_known(*words) for words in (("point", "delete"), ("repository", "prune")))

    def delete(self, days: Iterable[int]) -> Cost:
        """Removes these points."""
        return self._command("point", "delete", *map(id_of_day, days))

    def prune(self) -> Cost:
        """Frees what no point needs, at once: nobody restores meanwhile. The first run may only mark."""
        runs = [self._command("repository", "prune", "--grace", "0") for _ in range(2)]
        return runs[0].plus(runs[1])

    def _program(self, verb: str, *argv: str) -> Cost:
        own = [sys.executable, "-m", "bench.holdfast_program", verb, self.url, str(self.password)]
        return self.run([*own, *argv])

    def _command(self, *words: str) -> Cost:
        place = ["--repository", self.url, "--password-file", str(self.password)]
        return self.run([*_CLI, *words, *place])


class HoldfastInAzurite(Holdfast):
    """Holdfast into a container of Azurite, over loopback http."""

    def __init__(self, name: str, folder: Path, *, entries_only: bool = False) -> None:
        super().__init__(name, folder, entries_only=entries_only)
        self._container = Container(folder)

    @property
    def url(self) -> str:
        return self._container.url

    def environment(self) -> dict[str, str]:
        return {
            "AZURE_STORAGE_ACCOUNT": self._container.account.name,
            "AZURE_STORAGE_KEY": self._container.account.key,
            "HOLDFAST_STORAGE_API_VERSION": API_VERSION,
        }

    def stored_bytes(self) -> int:
        return self._container.stored_bytes()

    def remove(self) -> None:
        self._container.stop()
        super().remove()


def _known(*words: str) -> bool:
    done = subprocess.run([*_CLI, *words, "--help"], cwd=ROOT, capture_output=True, check=False)
    return done.returncode == 0
