"""What applying an edited policy to points that exist would change. Pure.

Ends are stamped when a point is made, and an edit of the policy changes none of them: who gets hold of a policy cannot
thereby empty a repository, and a typing error deletes nothing. To change stamped ends is a deed of its own, shown before it
is done; it lengthens, and shortens only where that is asked for by name.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from holdfast.model.keeping import archived_flags, keeps_of, until
from holdfast.model.point import Tier
from holdfast.model.policy import Policy
from holdfast.model.retention import Candidate


@dataclass(frozen=True)
class Reapplied:
    """One point before and after. `notes` says for people what changes, and what does not although the policy differs."""

    id: str
    day: date
    before: dict[str, date]
    after: dict[str, date]
    notes: tuple[str, ...]

    @property
    def changed(self) -> bool:
        """Whether anything is to be written."""
        return self.before != self.after


def reapplied(
    policy: Policy, points: Iterable[Candidate], *, tier: Tier = "backup", shorten: bool = False
) -> list[Reapplied]:
    """One entry a point, oldest first. Flags are neither given nor taken; ends are reckoned anew from the point's own day.

    A flag whose schedule the policy no longer has keeps its end. So does one that the policy now sends to the other tier.
    Locks are not touched: a point whose end was shortened still stays until its lock ends.
    """
    away = archived_flags(policy.schedules)
    keeps = {flag: keep for flag, keep in keeps_of(policy.schedules).items() if (flag in away) is (tier == "archive")}
    result: list[Reapplied] = []
    for point in sorted(points, key=lambda p: p.age):
        after, notes = dict(point.untils), []
        for flag in (flag for flag in "DWMY" if flag in point.untils or flag in point.flags):
            before = point.untils.get(flag)
            if flag not in keeps:
                notes.append(f"{flag} stays: the policy has no such schedule for this tier")
                continue
            end = until(keeps[flag], point.day)
            if before is None or end > before or (end < before and shorten):
                after[flag] = end
                notes.append(f"{flag} {before or 'without an end'} -> {end}")
            elif end < before:
                notes.append(f"{flag} stays {before}: the policy says {end}, and shortening was not asked for")
        result.append(Reapplied(point.id, point.day, dict(point.untils), after, tuple(notes)))
    return result
