"""Waiting on the host's clock, which may run a thousand times as fast as the machine's, or be moved by a test."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Final

from holdfast.clock_file import clock_from
from holdfast.model.clock import Clock

_LOOK: Final = 0.02
"""Real seconds between looks at a clock that a file governs: it can jump at any moment."""
_LONGEST: Final = 5.0
"""Real seconds that a wait lasts at most; the waiter then looks again (the machine's clock can be set, too)."""


class Pace:
    """The host's clock, and waits that honour it."""

    def __init__(self, clock: Clock, *, moves: bool) -> None:
        self.clock = clock
        self._moves = moves

    @classmethod
    def of(cls, clock_file: Path | None) -> Pace:
        """The machine's clock, or the one of the file."""
        return cls(clock_from(clock_file), moves=clock_file is not None)

    def now(self) -> datetime:
        """The present moment on the host's clock, aware, in UTC."""
        return self.clock.now()

    def seconds_until(self, due: datetime | None, *, otherwise: float = _LONGEST) -> float:
        """Real seconds to wait before it is worth looking at the clock again for `due`."""
        if due is None:
            return otherwise
        if self._moves:
            return min(_LOOK, otherwise)
        return min(otherwise, max(0.0, (due - self.now()).total_seconds()))

    async def until(self, due: datetime) -> None:
        """Returns when the clock shows `due` or later."""
        while self.now() < due:  # noqa: ASYNC110 (a clock tells nobody when it moves)
            await asyncio.sleep(max(0.001, self.seconds_until(due)))
