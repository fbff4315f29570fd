"""Which flags a new point gets, until when, and which periods have their point already. Pure.

The most frequent schedule makes the points, and each of them carries its flag. A rarer schedule makes none: it takes the
first point that succeeds at or after its *anchor*, the latest local day on which it was scheduled. That the period has its
point is a **claim**, kept apart from the points: a point that was deleted still counts, or the next run would claim the
period a second time and keep a second point for years.

A claim belongs to a chain *and* a policy, since a flag is a promise of one policy. If a database moves to a policy that
keeps yearly points for seven years, a yearly point of the policy before it, kept for one, does not fulfil that: the new
policy claims its periods anew. That may keep a point more, never one less. Within one policy nothing is claimed twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import NamedTuple

from holdfast.model.keeping import FLAG_OF, SCHEDULE_OF, archived_flags, keeps_of, until
from holdfast.model.policy import Policy
from holdfast.model.policy_schedules import WEEKDAYS, Schedules
from holdfast.model.schedule import clamped, most_frequent


class ClaimKey(NamedTuple):
    """A period: of which chain and policy, of which flag, beginning on which day."""

    chain: str
    policy: str
    flag: str
    anchor: date


class Claim(NamedTuple):
    """The point that a period got, and the local day of that point."""

    point: str
    day: date


Claims = Mapping[ClaimKey, Claim]


@dataclass(frozen=True)
class Stamp:
    """What is written on a new point, once and for all.

    `untils`: flag to the last day for which it keeps the point. `archive_untils`: the same for its copy in the archive
    repository; while that is not empty and the copy is not verified, the point is *archive-pending*. `claims`: to be
    recorded once the point exists, and not before: a session that fails must not take the period from the next. What a
    crash keeps from being recorded, `claims_found` finds on the point.
    """

    untils: dict[str, date] = field(default_factory=dict)
    archive_untils: dict[str, date] = field(default_factory=dict)
    claims: dict[ClaimKey, Claim] = field(default_factory=dict)

    @property
    def flags(self) -> tuple[str, ...]:
        """The flags of the point itself."""
        return tuple(self.untils)

    @property
    def archive_flags(self) -> tuple[str, ...]:
        """The flags of its archive copy."""
        return tuple(self.archive_untils)


def anchor(schedules: Schedules, flag: str, day: date) -> date | None:
    """The latest day, not after `day`, on which the schedule of that flag was due. None: there is no such schedule.

    It is the first day of the period that `day` belongs to. A day of the month that a month lacks is its last.
    """
    rule = getattr(schedules, SCHEDULE_OF[flag])
    if rule is None:
        return None
    if flag == "D":
        return day
    if flag == "W":
        return day - timedelta(days=(day.weekday() - WEEKDAYS.index(rule.day)) % 7)
    months = {rule.month} if flag == "Y" else set(rule.months or range(1, 13))
    for back in range(13):
        year, month = divmod(day.year * 12 + day.month - 1 - back, 12)
        if month + 1 in months and year > 0 and clamped(year, month + 1, rule.day) <= day:
            return clamped(year, month + 1, rule.day)
    return None


def stamp(policy: Policy, chain: str, point: str, day: date, claims: Claims) -> Stamp:
    """The stamp of a point that a schedule made. A point made on demand has none; see `keeping.hold_of`.

    `day` is the local day of the slot (`schedule.slot_day`), also where the session ran later. `claims`: those of the
    chain, whatever became of their points. Claims that this very point holds are its own, so a step that is repeated gives
    the same stamp. Raises nothing; a policy without schedules gives an empty stamp.

    No period is claimed that began before the policy did: on its `start_date`; without one, with its first point of this
    chain. (So the first point of a new policy is not kept for seven years because January has begun some time ago; whoever
    wants that gives an early `start_date`.)
    """
    first = most_frequent(policy.schedules)
    if first is None:
        return Stamp()
    ours = {key: claim for key, claim in claims.items() if (key.chain, key.policy) == (chain, policy.name)}
    began = policy.start_date or min((claim.day for claim in ours.values()), default=day)
    away = archived_flags(policy.schedules)
    result = Stamp()
    for flag, keep in keeps_of(policy.schedules).items():
        begins = anchor(policy.schedules, flag, day)
        if begins is None:
            continue
        makes = flag == FLAG_OF[first]
        if not makes and (begins < began or _claimed(ours, flag, begins, point)):
            continue
        # Of the daily points only the first claims something: it says when the policy began.
        if flag != "D" or all(claim.point == point for claim in ours.values()):
            result.claims[ClaimKey(chain, policy.name, flag, begins)] = Claim(point, day)
        (result.archive_untils if flag in away else result.untils)[flag] = until(keep, day)
    return result


def _claimed(ours: Claims, flag: str, begins: date, point: str) -> bool:
    """By the day of the point and not by the anchor alone, so that an edit of the weekday does not claim a week twice."""
    return any(key.flag == flag and claim.day >= begins and claim.point != point for key, claim in ours.items())


@dataclass(frozen=True)
class Carried:
    """What is known of a point that exists: its local day and its flags, those of its archive copy among them."""

    point: str
    day: date
    flags: frozenset[str]


def claims_found(policy: Policy, chain: str, points: Iterable[Carried]) -> dict[ClaimKey, Claim]:
    """The claims that points of this policy prove themselves: after a crash, or where the catalog was lost. Deleted points
    are missed: at worst their periods are claimed once more. Where two points carry one flag in one period, the earlier is
    named. Recorded claims come before these: `{**claims_found(...), **recorded}`."""
    known = sorted((one for one in points if one.flags), key=lambda p: (p.day, p.point))
    found: dict[ClaimKey, Claim] = {}
    for place, one in enumerate(known):
        for flag in one.flags & SCHEDULE_OF.keys():
            begins = anchor(policy.schedules, flag, one.day)
            if begins is not None and (flag != "D" or place == 0):
                found.setdefault(ClaimKey(chain, policy.name, flag, begins), Claim(one.point, one.day))
    return found
