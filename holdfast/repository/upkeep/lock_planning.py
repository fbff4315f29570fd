"""How long each object must be locked, and which locks must be lengthened now. Pure: no storage, no clock.

An object must be locked until the latest end of the points that need it. Every new point moves that on a little, and old
packs are needed by every new point: lengthening to the very date would touch every object of a chain every day. So a lock
runs to the end of a generation: to the first border of a grid of ten days after the date that is needed. It is
lengthened only once that date has passed it, and so at most once for each generation that the needed dates go through.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

GENERATION = timedelta(days=10)


@dataclass(frozen=True)
class Lengthening:
    """A lock that must be set: on which object, from when (None: there is none) to when."""

    name: str
    present: datetime | None
    until: datetime


def needed_until(points: Iterable[tuple[datetime, Iterable[str]]]) -> dict[str, datetime]:
    """For every object the latest end of the points that need it. A point is its end and the names of its objects."""
    needed: dict[str, datetime] = {}
    for end, names in points:
        for name in names:
            before = needed.get(name)
            if before is None or before < end:
                needed[name] = end
    return needed


def end_of_generation(needed: datetime, origin: datetime) -> datetime:
    """The first border after `needed`, at most ten days later; borders lie every ten days before and after `origin`."""
    return origin + ((needed - origin) // GENERATION + 1) * GENERATION


def lengthenings(
    needed: Mapping[str, datetime], present: Mapping[str, datetime | None], origin: datetime
) -> list[Lengthening]:
    """The locks to set, sorted by name. `present` tells the lock of every object that is there; others are passed over."""
    found: list[Lengthening] = []
    for name, end in sorted(needed.items()):
        if name not in present:
            continue
        lock = present[name]
        if lock is None or lock < end:
            found.append(Lengthening(name, lock, end_of_generation(end, origin)))
    return found
