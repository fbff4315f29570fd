"""Switches with which tests make the stand-in fail as a real export may. All off by themselves.

From the environment (`HOLDFAST_SQLPACKAGE_<NAME>`) or from `faults` in emulator.json, the environment first.
"""

from __future__ import annotations

import errno
import io
import os
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

_PREFIX = "HOLDFAST_SQLPACKAGE_"


@dataclass(frozen=True)
class Faults:
    """What is to go wrong, and what is left to chance."""

    die_after_bytes: int | None = None
    """Killed (SIGKILL) once the package has that many bytes."""
    disk_full_after_bytes: int | None = None
    """The disk is full once the package has that many bytes."""
    rows_per_second: float | None = None
    """Tables are read, or filled, no faster than this."""
    seed: int | None = None
    """Fixes ids, order and borders; None: new ones at each export."""
    import_error: int | None = None
    """An import ends with that error of SQL Server: 2714, 15151 or 33159."""
    die_in_import: int | None = None
    """An import is killed (SIGKILL) once so many tables are filled, and leaves the database half full."""
    lose_connection: int | None = None
    """An import loses its connection once so many tables are filled, and leaves the database half full."""

    @classmethod
    def read(cls, configured: Mapping[str, Any]) -> Self:
        """From environment and emulator.json."""

        def number(name: str) -> float | None:
            text = os.environ.get(_PREFIX + name.upper(), configured.get(name))
            return None if text in (None, "") else float(str(text))

        def whole(name: str) -> int | None:
            found = number(name)
            return None if found is None else int(found)

        return cls(
            whole("die_after_bytes"),
            whole("disk_full_after_bytes"),
            number("rows_per_second"),
            whole("seed"),
            whole("import_error"),
            whole("die_in_import"),
            whole("lose_connection"),
        )


class FaultyFile(io.FileIO):
    """The package's file, on a disk that fills up or a machine that dies."""

    def __init__(self, path: Path, faults: Faults) -> None:
        super().__init__(path, "w+")
        self._faults = faults

    def write(self, data: Any, /) -> int:
        """As any file's, until the fault."""
        at = self.tell() + len(memoryview(data))
        if self._faults.disk_full_after_bytes is not None and at > self._faults.disk_full_after_bytes:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.name))
        if self._faults.die_after_bytes is not None and at > self._faults.die_after_bytes:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().write(data)


class Pace:
    """Holds back so that rows come no faster than wanted."""

    def __init__(self, rows_per_second: float | None) -> None:
        self._rate = rows_per_second
        self._began = time.monotonic()
        self._rows = 0

    def passed(self, rows: int) -> None:
        """So many rows more were read."""
        self._rows += rows
        if self._rate:
            ahead = self._rows / self._rate - (time.monotonic() - self._began)
            if ahead > 0:
                time.sleep(ahead)
