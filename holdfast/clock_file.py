"""Reads the clock that a settings file names: tests and simulations move it while everything runs."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

from holdfast.model.clock import Clock, ScaledClock, SystemClock, parse_iso


class FileClock:
    """A scaled clock whose zero and rate stand in a JSON file: `{"real_zero", "virtual_zero", "rate"}`.

    The file is read again when it changes, so that one writer moves the time of every process.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self._stamp: tuple[int, int] | None = None
        self._clock: Clock = SystemClock()

    def now(self) -> datetime:
        """The present moment, aware, in UTC."""
        found = self.file.stat()
        stamp = (found.st_mtime_ns, found.st_ino)
        if stamp != self._stamp:
            saved = json.loads(self.file.read_text())
            self._clock = ScaledClock(
                parse_iso(saved["real_zero"]), parse_iso(saved["virtual_zero"]), float(saved["rate"])
            )
            self._stamp = stamp
        return self._clock.now()


def clock_from(file: Path | None) -> Clock:
    """The machine's clock, or the one of the file."""
    return FileClock(file) if file else SystemClock()
