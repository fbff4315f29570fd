"""One clock for host, catalog, workers and rules, so that tests can run 400 days in minutes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Tells the time. Aware, UTC."""

    def now(self) -> datetime:
        """The present moment, aware, in UTC."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """The present moment, aware, in UTC."""
        return datetime.now(UTC)


class ScaledClock:
    """A clock that stood at `virtual_zero` when the machine's clock stood at `real_zero` and runs `rate` times as fast."""

    def __init__(self, real_zero: datetime, virtual_zero: datetime, rate: float = 1.0) -> None:
        self.real_zero, self.virtual_zero, self.rate = real_zero, virtual_zero, rate

    def now(self) -> datetime:
        """The present moment of this clock, aware, in UTC."""
        passed = (datetime.now(UTC) - self.real_zero).total_seconds()
        return self.virtual_zero + timedelta(seconds=passed * self.rate)


def iso(moment: datetime) -> str:
    """ISO 8601 in UTC with a Z, microseconds only where there are any: the one way that we write a time."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def parse_iso(text: str) -> datetime:
    """The reverse of `iso`; takes any offset. Raises ValueError for a time without an offset."""
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    return moment.astimezone(UTC)
