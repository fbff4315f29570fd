"""How long points live: the sessions of a policy, played through the rules of retention."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

from holdfast.model.costs.money import YEAR_DAYS
from holdfast.model.flags import Claim, ClaimKey, stamp
from holdfast.model.policy import Policy
from holdfast.model.schedule import slot_day, starts_after

_CHAIN = "played"


@dataclass(frozen=True)
class Life:
    """A point from the start of its session to its end, in days since the first day of the play; both may be fractions."""

    made: float
    ends: float
    flags: tuple[tuple[str, float], ...]
    """Each flag, and when it ends to keep the point."""
    archive_ends: float | None
    """When its copy in the archive repository ends; None where there is none."""


def play(policy: Policy, first: date, days: int) -> list[Life]:
    """The points that `days` days of a policy make if every session succeeds, oldest first."""
    origin = max(first, policy.start_date or first)
    claims = _Claims()
    lives: list[Life] = []
    for number, start in enumerate(_starts(policy, origin, days)):
        day = slot_day(policy, start)
        stamped = stamp(policy, _CHAIN, str(number), day, claims.known)
        claims.take(stamped.claims)
        away = stamped.archive_untils
        lives.append(
            Life(
                made=_days(policy, origin, start),
                ends=_after(stamped.untils, origin),
                flags=tuple((flag, _after({flag: last}, origin)) for flag, last in stamped.untils.items()),
                archive_ends=_after(away, origin) if away else None,
            )
        )
    return _newest_stay(lives, policy.retention.min_keep)


class _Claims:
    """The claims that a new stamp can depend on: the first of all, and the newest of each flag."""

    def __init__(self) -> None:
        self.known: dict[ClaimKey, Claim] = {}
        self._first: ClaimKey | None = None
        self._newest: dict[str, ClaimKey] = {}

    def take(self, made: Mapping[ClaimKey, Claim]) -> None:
        """Adds those of a stamp, and forgets the ones before them."""
        for key, claim in made.items():
            before = self._newest.get(key.flag)
            if before is not None and before != self._first:
                del self.known[before]
            self._first = self._first or key
            self._newest[key.flag] = key
            self.known[key] = claim


def _starts(policy: Policy, origin: date, days: int) -> Iterator[datetime]:
    begin = datetime.combine(origin, time(), policy.zone)
    for start in starts_after(policy, begin - timedelta(microseconds=1), limit_days=days + 1):
        if slot_day(policy, start) >= origin + timedelta(days=days):
            return
        yield start


def _days(policy: Policy, origin: date, moment: datetime) -> float:
    return (moment - datetime.combine(origin, time(), policy.zone).astimezone(UTC)) / timedelta(days=1)


def _after(untils: Mapping[str, date], origin: date) -> float:
    """The day after the last one that any flag names; a point without flags of its own has none."""
    return max(((last - origin).days + 1 for last in untils.values()), default=0)


def _newest_stay(lives: list[Life], keep: int) -> list[Life]:
    """The newest points stay, whatever their flags say, until there are so many newer ones."""
    return [replace(life, ends=max(life.ends, _made(lives, place + keep))) for place, life in enumerate(lives)]


def _made(lives: list[Life], place: int) -> float:
    """When the point of that place is made; beyond the end of the play, what came a year before comes again."""
    if place < len(lives):
        return lives[place].made
    year = sum(life.made >= lives[-1].made - YEAR_DAYS + 1 for life in lives)
    years = -(-(place - len(lives) + 1) // year)
    return lives[place - years * year].made + years * YEAR_DAYS
