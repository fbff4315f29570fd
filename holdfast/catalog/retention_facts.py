"""Facts of retention in memory: for a whole installation read in a few pages, or for one chain."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo

from holdfast.model.point import RestorePoint
from holdfast.model.retention import Candidate

Place = tuple[str, str]
"""Repository and chain."""


@dataclass(frozen=True)
class ChainState:
    """What the last run left in a chain of a repository. `prune_after`: from then on there is something to free; None:
    there is not. `locked`: expired points and when their locks end. `lock_mark`: what was there when locks were looked
    after; while it is still that, no lock is due."""

    prune_after: datetime | None = None
    locked: Mapping[str, datetime] = field(default_factory=dict)
    lock_mark: str = ""


@dataclass(frozen=True)
class Facts:
    """What the catalog knows beside the points. `held` by repository and point, `archived` by chain, the rest by place."""

    held: set[tuple[str, str]] = field(default_factory=set)
    lengthened: dict[Place, dict[str, dict[str, date]]] = field(default_factory=dict)
    verified: dict[Place, set[str]] = field(default_factory=dict)
    archived: dict[str, set[str]] = field(default_factory=dict)
    states: dict[Place, ChainState] = field(default_factory=dict)

    def candidates(self, points: Iterable[RestorePoint], zone: ZoneInfo) -> list[Candidate]:
        """The points of one chain in one repository, with everything that decides about them. `zone` is for points that
        no policy made."""
        known = list(points)
        if not known:
            return []
        chain, repository = known[0].chain, known[0].repository
        told = [point.terms for point in known if point.terms is not None]
        later = self.lengthened.get((repository, chain), {})
        verified = self.verified.get((repository, chain), set()) | {terms.verified for terms in told if terms.verified}
        archived = self.archived.get(chain, set()) | {point for terms in told for point in terms.archived}
        locked = self.states.get((repository, chain), ChainState()).locked
        found: list[Candidate] = []
        for point in known:
            terms = point.terms
            away = terms.archive if terms is not None else {}
            found.append(
                Candidate(
                    id=point.id,
                    day=terms.day if terms is not None else point.created_at.astimezone(zone).date(),
                    created_at=point.created_at,
                    untils=_later(terms.until if terms is not None else {}, later.get(point.id, {})),
                    flags=tuple(point.flags),
                    used_for_archive=tuple(away),
                    archive_pending=bool(away) and point.id not in archived,
                    hold_until=terms.hold_until if terms is not None else None,
                    held=(repository, point.id) in self.held,
                    verified=point.id in verified,
                    locked_until=locked.get(point.id),
                )
            )
        return found


def _later(own: Mapping[str, date], others: Mapping[str, date]) -> dict[str, date]:
    return {**own, **{flag: max(own.get(flag, end), end) for flag, end in others.items()}}
