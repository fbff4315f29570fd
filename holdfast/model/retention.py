"""Which points are kept, which have expired, and why. Pure: facts about points and a date in, verdicts out.

The dry run, the deletion, `kept_because` and the pages show the same verdicts. Nothing here deletes; what a verdict does
not keep may be deleted once `retention_guards` has nothing against it. The rules are told in docs/explanation/retention.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from holdfast.model.keeping import end_of_day
from holdfast.model.point import Tier


@dataclass(frozen=True)
class Candidate:
    """A point as far as retention is concerned.

    `day`: its local day (of its slot, or of its creation if on demand). `flags`: what it carries. `untils`: the last day
    of each flag, as it was stamped. `used_for_archive`: flags that its archive copy carries; they keep the copy and not
    the point. `archive_pending`: that copy is not committed and verified yet. `hold_until`: the last day of a point made
    on demand. `held`: a hold without an end. `verified`: read back or restored, and found whole. `locked_until`: until
    then the storage refuses its deletion.
    """

    id: str
    day: date
    created_at: datetime
    untils: Mapping[str, date] = field(default_factory=dict)
    flags: tuple[str, ...] = ()
    used_for_archive: tuple[str, ...] = ()
    archive_pending: bool = False
    hold_until: date | None = None
    held: bool = False
    verified: bool = False
    locked_until: datetime | None = None

    @property
    def last_day(self) -> date | None:
        """The last day on which flags or its end keep it; None: it has neither."""
        return max([*self.untils.values(), *([self.hold_until] if self.hold_until else [])], default=None)

    @property
    def age(self) -> tuple[datetime, str]:
        """Sorts points from the oldest to the newest."""
        return (self.created_at, self.id)


@dataclass(frozen=True)
class Verdict:
    """What becomes of a point, for people (`reasons`) and for machines.

    `flags`: as people write them, those of the archive copy with a star. `until`: the last day that flags or its end keep
    it. `expires_on`: the first day on which retention may delete it, None where no day is set; guards may keep it longer.
    """

    id: str
    day: date
    flags: tuple[str, ...]
    untils: dict[str, date]
    until: date | None
    expires_on: date | None
    keep: bool
    reasons: tuple[str, ...]


def verdicts(
    points: Iterable[Candidate], today: date, *, tier: Tier = "backup", min_keep: int = 1, now: datetime | None = None
) -> list[Verdict]:
    """One verdict a point, oldest first, for **one chain in one repository** and a local day. The order of the points
    does not matter.

    In a backup chain the newest `min_keep` points (at least one, whatever is asked for) and the newest verified point
    stay, however old they are. An archive chain has no such guard: its points are there for a term and go when it ends.
    `now` is what locks are compared with; without it, the first moment of that day.
    """
    known = sorted(points, key=lambda p: p.age)
    moment = now or datetime.combine(today, datetime.min.time(), tzinfo=UTC)
    guarded = {} if tier == "archive" else _guarded(known, max(1, min_keep))
    return [_verdict(point, today, moment, guarded.get(point.id, [])) for point in known]


def _guarded(known: list[Candidate], min_keep: int) -> dict[str, list[str]]:
    """Points that stay though they have expired, and why."""
    reasons: dict[str, list[str]] = {}
    for place, point in enumerate(reversed(known[-min_keep:]), 1):
        why = "the newest point of its chain" if place == 1 else f"one of the newest {min_keep} points of its chain"
        reasons.setdefault(point.id, []).append(why)
    verified = [point for point in known if point.verified]
    if verified:
        reasons.setdefault(verified[-1].id, []).append("the newest verified point of its chain")
    return reasons


def _verdict(point: Candidate, today: date, now: datetime, guards: list[str]) -> Verdict:
    # "Older than" is strict: on its last day a point is still kept.
    alive = [f"{flag} until {end}" for flag, end in point.untils.items() if today <= end]
    ended = [f"{flag} ended {end}" for flag, end in point.untils.items() if today > end]
    if point.hold_until is not None:
        lives = today <= point.hold_until
        text = f"made on demand, {'held until' if lives else 'hold ended'} {point.hold_until}"
        (alive if lives else ended).append(text)
    if point.archive_pending:
        alive.append("its archive copy is not verified yet")
    if point.held:
        alive.append("on hold until somebody releases it")
    if unstamped := [flag for flag in point.flags if flag not in point.untils]:
        alive.append(f"{', '.join(unstamped)} without an end: re-apply the policy to set one")
    elif point.last_day is None:
        alive.append("carries no flag and no end: only a person removes it")
    if not alive and point.locked_until is not None and now < point.locked_until:
        alive.append(f"expired, but locked until {point.locked_until:%Y-%m-%d %H:%M} UTC")
    last = point.last_day
    expires_on = None if last is None or last == date.max else last + timedelta(days=1)
    # A guard is told where it is what keeps the point, and is noise where a flag does.
    reasons = alive or [f"expired, but {why}" for why in guards] or [f"expired on {expires_on}"]
    return Verdict(
        id=point.id,
        day=point.day,
        flags=(*_flags(point), *(f"{flag}*" for flag in point.used_for_archive)),
        untils=dict(point.untils),
        until=point.last_day,
        expires_on=expires_on,
        keep=bool(alive or guards),
        reasons=(*reasons, *ended),
    )


def _flags(point: Candidate) -> tuple[str, ...]:
    return tuple(flag for flag in "DWMY" if flag in point.untils or flag in point.flags)


def lock_needed(point: Candidate, zone: ZoneInfo) -> datetime | None:
    """Until when an immutable policy wants the point locked: to the end of its last local day. None: it has no end.

    `repository/lock_planning.py` rounds that up to the end of a generation, so that an object that many points need is
    locked anew at most every ten days.
    """
    return None if point.last_day is None else end_of_day(point.last_day, zone)
