"""restic and borg, each with its settings."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import ClassVar

from bench.container import Container
from bench.contender import PASSWORD, Contender, Takes
from bench.measuring import Cost

INSTALL = "apt-get install restic borgbackup rclone"
PROGRAMS = ("restic", "borg", "rclone")
"""What is compared with, and what restic needs to reach Azurite."""


def installed() -> dict[str, bool]:
    """Which of the programs this machine has."""
    return {name: shutil.which(name) is not None for name in PROGRAMS}


class Restic(Contender):
    """restic at one of its compressions (`auto`, `max`)."""

    takes: ClassVar[Takes] = "inflated"

    def __init__(self, name: str, folder: Path, compression: str) -> None:
        super().__init__(name, folder)
        self._compression = compression

    def environment(self) -> dict[str, str]:
        return {"RESTIC_PASSWORD": PASSWORD, "RESTIC_REPOSITORY": str(self.repository)}

    def init(self) -> None:
        self._restic("init")

    def start(self) -> Cost:
        return self._restic("snapshots")

    def store(self, day: int, what: Path) -> Cost:
        return self._restic("backup", "--compression", self._compression, "--tag", f"day-{day}", ".", folder=what)

    def restore(self, day: int, to: Path) -> Cost:
        return self._restic("restore", "latest", "--tag", f"day-{day}", "--target", str(to))

    def _restic(self, *argv: str, folder: Path | None = None) -> Cost:
        return self.run(["restic", "--quiet", "--cache-dir", str(self.caches / "restic"), *argv], folder)


class ResticRaw(Restic):
    """restic on the BACPAC as it is."""

    takes: ClassVar[Takes] = "raw"


class ResticInAzurite(Restic):
    """restic into a container of Azurite, through rclone: its own Azure backend knows Microsoft's addresses alone."""

    def __init__(self, name: str, folder: Path, compression: str) -> None:
        super().__init__(name, folder, compression)
        self._container = Container(folder)

    def environment(self) -> dict[str, str]:
        return {
            "RESTIC_PASSWORD": PASSWORD,
            "RESTIC_REPOSITORY": f"rclone:azurite:{self._container.name}",
            "RCLONE_CONFIG": str(self.folder / "rclone.conf"),
            "RCLONE_CONFIG_AZURITE_TYPE": "azureblob",
            # Its other ways to name an endpoint put the account into the host's name, which loopback has not.
            "RCLONE_CONFIG_AZURITE_SAS_URL": self._container.shared_access_url(),
        }

    def stored_bytes(self) -> int:
        return self._container.stored_bytes()

    def remove(self) -> None:
        self._container.stop()
        super().remove()


class Borg(Contender):
    """borg with zstd at level 3, with its own or with given chunks."""

    takes: ClassVar[Takes] = "inflated"

    def __init__(self, name: str, folder: Path, chunker: str | None = None) -> None:
        super().__init__(name, folder)
        self._chunker = ["--chunker-params", chunker] if chunker else []

    def environment(self) -> dict[str, str]:
        # A repository that was copied lies elsewhere than its cache remembers, and is ours none the less.
        return {
            "BORG_PASSPHRASE": PASSWORD,
            "BORG_REPO": str(self.repository),
            "BORG_BASE_DIR": str(self.caches),
            "BORG_RELOCATED_REPO_ACCESS_IS_OK": "yes",
        }

    def init(self) -> None:
        # Its manual: `repokey` where the processor hashes SHA-256 itself, else `repokey-blake2`.
        self.run(["borg", "init", "--encryption", "repokey" if _hashes_sha256() else "repokey-blake2"])

    def start(self) -> Cost:
        return self.run(["borg", "list"])

    def store(self, day: int, what: Path) -> Cost:
        return self.run(["borg", "create", "--compression", "zstd,3", *self._chunker, f"::day-{day}", "."], what)

    def restore(self, day: int, to: Path) -> Cost:
        return self.run(["borg", "extract", f"::day-{day}"], to)


class BorgRaw(Borg):
    """borg on the BACPAC as it is."""

    takes: ClassVar[Takes] = "raw"


def _hashes_sha256() -> bool:
    return re.search(r"\bsha_ni\b|\bsha2\b", Path("/proc/cpuinfo").read_text()) is not None
