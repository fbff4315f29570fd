"""Small charts as plain figures; templates draw them as SVG. What a chart shows is also said in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Literal

from pydantic import BaseModel

from holdfast.model.counted import counted
from holdfast.model.point import RestorePoint
from holdfast.model.session import Session, State

Mark = Literal["before", "none", "increment", "full"]


class StripDay(BaseModel):
    """One day of a calendar strip."""

    day: date
    mark: Mark
    proven: bool = False
    said: str


class Strip(BaseModel):
    """The days of a database, oldest first. `said`: the same in one sentence."""

    days: list[StripDay]
    said: str


def strip(points: Iterable[RestorePoint], today: date, length: int, proven: Iterable[str] = ()) -> Strip:
    """Which of the last days have a restore point; a day before the first point is no gap."""
    sure = set(proven)
    by_day: dict[date, list[RestorePoint]] = {}
    for point in points:
        by_day.setdefault(point.created_at.date(), []).append(point)
    first = min(by_day, default=None)
    days = []
    for back in range(length - 1, -1, -1):
        day = today - timedelta(days=back)
        made = by_day.get(day, [])
        mark: Mark = "full" if any(p.kind == "full" for p in made) else "increment"
        if not made:
            mark = "before" if first is None or day < first else "none"
        proof = any(p.id in sure for p in made)
        said = f"{day}: {counted(len(made), 'restore point')}" if made else f"{day}: no restore point"
        days.append(StripDay(day=day, mark=mark, proven=proof, said=f"{said}, proven" if proof else said))
    with_point = sum(day.mark in ("increment", "full") for day in days)
    gaps = [str(day.day) for day in days if day.mark == "none"]
    said = f"{with_point} of the last {counted(length, 'day')} have a restore point"
    if gaps:
        more = f" and {len(gaps) - 3} more" if len(gaps) > 3 else ""
        said += f"; none on {', '.join(gaps[-3:])}{more}"
    return Strip(days=days, said=said)


class Bar(BaseModel):
    """Sessions of one day, by how they ended. Heights are parts of the tallest bar, which is 60."""

    day: date
    succeeded: int = 0
    partial: int = 0
    failed: int = 0
    heights: tuple[float, float, float] = (0, 0, 0)

    @property
    def said(self) -> str:
        """For a title."""
        return f"{self.day}: {self.succeeded} succeeded, {self.partial} partial, {self.failed} failed"


def session_bars(sessions: Sequence[Session], today: date, length: int) -> list[Bar]:
    """Ended backup sessions of the last days; a cancelled one is nobody's failure and is not counted."""
    kinds = (State.SUCCEEDED, State.PARTIAL, State.FAILED)
    bars = []
    for back in range(length - 1, -1, -1):
        day = today - timedelta(days=back)
        ends = [s.state for s in sessions if s.kind == "backup" and s.ended_at and s.ended_at.date() == day]
        counts = {str(kind): ends.count(kind) for kind in kinds}
        bars.append(Bar(day=day, **counts))
    tallest = max((bar.succeeded + bar.partial + bar.failed for bar in bars), default=0) or 1
    for bar in bars:
        bar.heights = tuple(round(60 * n / tallest, 1) for n in (bar.succeeded, bar.partial, bar.failed))  # type: ignore[assignment]
    return bars
