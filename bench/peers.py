"""What is compared: each takes a day's BACPAC, and gives it back. Peers get the inflated entries, which suits them best."""

from __future__ import annotations

import os
import shutil
import subprocess
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from holdfast.model.clock import SystemClock
from holdfast.repository import PasswordCost, PointHeader, Repository
from holdfast.storage import open_store

_PASSWORD = "of a bench"  # noqa: S105 (of throw-away repositories)
_FIRST_DAY = datetime(2026, 1, 1, tzinfo=UTC)


class Contender(Protocol):
    """One program over the days of a series, in a folder of its own."""

    name: str

    def back_up(self, bacpac: Path, day: int) -> None:
        """Stores the day."""
        ...

    def restore(self, day: int, to: Path) -> None:
        """Gives the day back, into a folder that is there."""
        ...

    def stored_bytes(self) -> int:
        """What the repository takes."""
        ...


def folder_bytes(folder: Path) -> int:
    """Bytes of all files below the folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


class Holdfast:
    """Our own repository in a folder."""

    name = "holdfast"

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "holdfast"
        self.folder.mkdir()
        # Made once and kept open, as a worker does. The key's cost is not what is compared.
        cost = PasswordCost(iterations=1, lanes=1, memory_kib=8 * 1024)
        self.repository = Repository.init(
            open_store(f"file://{self.folder}"), _PASSWORD, clock=SystemClock(), name="bench", cost=cost
        )

    def back_up(self, bacpac: Path, day: int) -> None:
        header = PointHeader(
            id=self._point(day),
            source="bench/series",
            chain="0" * 20,
            created_at=_FIRST_DAY + timedelta(days=day),
            consistency="transactional",
            session=f"day-{day}",
        )
        self.repository.store_point(bacpac, header, owner="bench")

    def restore(self, day: int, to: Path) -> None:
        self.repository.write_bacpac(self._point(day), to / "back.bacpac")

    def stored_bytes(self) -> int:
        return folder_bytes(self.folder)

    def _point(self, day: int) -> str:
        return f"{_FIRST_DAY + timedelta(days=day):%Y%m%dT%H%M%SZ}-{day:08x}"


class _Peer:
    """A program over the inflated entries. Inflating them counts as its time: somebody has to."""

    def __init__(self, folder: Path, name: str, environment: dict[str, str]) -> None:
        self.name = name
        self.folder = folder / name
        self.inflated = folder / f"{name}-inflated"
        self.environment = {**os.environ, **environment, "HOME": str(folder)}

    def _run(self, *argv: str, cwd: Path) -> None:
        subprocess.run(argv, check=True, capture_output=True, env=self.environment, cwd=cwd)

    def _inflate(self, bacpac: Path) -> None:
        shutil.rmtree(self.inflated, ignore_errors=True)
        with zipfile.ZipFile(bacpac) as package:
            package.extractall(self.inflated)

    def stored_bytes(self) -> int:
        return folder_bytes(self.folder)


class Restic(_Peer):
    """restic, with its own compression."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, "restic", {"RESTIC_PASSWORD": _PASSWORD, "RESTIC_REPOSITORY": str(folder / "restic")})
        self._run("restic", "init", cwd=folder)

    def back_up(self, bacpac: Path, day: int) -> None:
        self._inflate(bacpac)
        self._run("restic", "backup", "--tag", f"day-{day}", ".", cwd=self.inflated)

    def restore(self, day: int, to: Path) -> None:
        self._run("restic", "restore", "latest", "--tag", f"day-{day}", "--target", str(to), cwd=to)


class Borg(_Peer):
    """borg with zstd."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, "borg", {"BORG_PASSPHRASE": _PASSWORD, "BORG_REPO": str(folder / "borg")})
        self._run("borg", "init", "--encryption", "repokey-blake2", cwd=folder)

    def back_up(self, bacpac: Path, day: int) -> None:
        self._inflate(bacpac)
        self._run("borg", "create", "--compression", "zstd,3", f"::day-{day}", ".", cwd=self.inflated)

    def restore(self, day: int, to: Path) -> None:
        self._run("borg", "extract", f"::day-{day}", cwd=to)


def contenders(folder: Path) -> list[Contender]:
    """Holdfast, and every peer that is installed."""
    found: list[Contender] = [Holdfast(folder)]
    if shutil.which("restic"):
        found.append(Restic(folder))
    if shutil.which("borg"):
        found.append(Borg(folder))
    return found
