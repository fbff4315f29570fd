"""The one writer of a clock file: moves the time of every process that reads it (`holdfast.clock_file`)."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from holdfast.clock_file import FileClock
from holdfast.model.clock import iso


class MovableClock:
    """A clock in a file. Starts at the machine's time and rate; an existing file is taken as it is."""

    def __init__(self, file: Path) -> None:
        self.file = file
        if not file.exists():
            self.set(datetime.now(UTC))

    def now(self) -> datetime:
        """The present moment of this clock."""
        return FileClock(self.file).now()

    def set(self, moment: datetime, rate: float = 1.0) -> None:
        """From now on it is `moment`, and time runs `rate` times as fast as the machine's."""
        saved = {"real_zero": iso(datetime.now(UTC)), "virtual_zero": iso(moment), "rate": rate}
        draft = self.file.with_name(f".{self.file.name}.{os.getpid()}")
        draft.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(json.dumps(saved))
        draft.replace(self.file)

    def advance(self, by: timedelta) -> datetime:
        """Moves the clock on, keeping its rate. Returns the new time."""
        rate = float(json.loads(self.file.read_text())["rate"])
        moment = self.now() + by
        self.set(moment, rate)
        return moment
