"""What retention knows beside the points: claims, holds, lengthened ends, verified copies, and what is left to do.

All of it but holds and lengthened ends is found again in the repositories. A claim outlives its point on purpose: a point
that a person deleted has had its period all the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo

from holdfast.catalog.tables import Row, Table, Value, joined
from holdfast.model.clock import Clock, iso, parse_iso
from holdfast.model.flags import Claim, ClaimKey
from holdfast.model.point import RestorePoint
from holdfast.model.retention import Candidate
from holdfast.model.terms import Claimed

_CLAIMS, _CHAINS, _ENDS, _HOLDS = "claims", "chains", "ends", "holds"
_VERIFIED, _ARCHIVED, _WAITING = "verified", "archived", "waiting"


@dataclass(frozen=True)
class ChainState:
    """What the last run left in a chain of a repository. `prune_after`: from then on there is something to free; None:
    there is not. `locked`: expired points and when their locks end. `lock_mark`: what was there when locks were looked
    after; while it is still that, no lock is due."""

    prune_after: datetime | None = None
    locked: Mapping[str, datetime] = field(default_factory=dict)
    lock_mark: str = ""


@dataclass(frozen=True)
class Hold:
    """Why a point may not go, whatever its age."""

    repository: str
    point: str
    reason: str
    since: datetime


@dataclass(frozen=True)
class Waiting:
    """A point whose archive copy was not read back yet."""

    chain: str
    point: str
    source: str


class Retention:
    """Facts by chain, repository and point. Everything is safe to repeat."""

    def __init__(self, table: Table, clock: Clock) -> None:
        self._table, self._clock = table, clock

    # --- claims --------------------------------------------------------------------------------------------------

    def claims(self, chain: str) -> dict[ClaimKey, Claim]:
        """The recorded claims of a chain, under every policy."""
        found: dict[ClaimKey, Claim] = {}
        for row in self._table.rows(_CLAIMS, prefix=(chain,)):
            key = ClaimKey(chain, row.text("policy"), row.text("flag"), date.fromisoformat(row.text("anchor")))
            found[key] = Claim(row.text("point"), date.fromisoformat(row.text("day")))
        return found

    def record_claims(self, chain: str, policy: str, claims: Iterable[Claimed]) -> None:
        """Records claims; one that is there already stays with the point that has it."""
        for one in claims:
            key = joined(chain, policy, one.flag, one.anchor.isoformat())
            values: dict[str, Value] = {
                "policy": policy,
                "flag": one.flag,
                "anchor": one.anchor.isoformat(),
                "point": one.point,
                "day": one.day.isoformat(),
            }
            self._make(_CLAIMS, key, values)

    # --- what a person decided -----------------------------------------------------------------------------------

    def hold(self, repository: str, point: str, reason: str) -> Hold:
        """Keeps retention from a point until it is released. Repeated, the first reason stays."""
        values: dict[str, Value] = {
            "repository": repository,
            "point": point,
            "reason": reason,
            "since": iso(self._clock.now()),
        }
        return _hold(self._make(_HOLDS, joined(repository, point), values))

    def release(self, repository: str, point: str) -> bool:
        """Ends a hold; whether there was one."""
        return self._table.erase(_HOLDS, joined(repository, point))

    def holds(self) -> list[Hold]:
        """All holds."""
        return [_hold(row) for row in self._table.rows(_HOLDS)]

    def lengthen(self, point: RestorePoint, ends: Mapping[str, date]) -> None:
        """Sets later ends of a point's flags than its manifest has. An earlier end than is known is passed over."""

        def edit(row: Row | None) -> Row | None:
            known = _dates(row.text("ends")) if row is not None else {}
            later = {flag: max(end, known.get(flag, end)) for flag, end in {**known, **ends}.items()}
            text = json.dumps({flag: end.isoformat() for flag, end in later.items()})
            key = joined(point.repository, point.chain, point.id)
            return Row(_ENDS, key, {"ends": text}) if row is None else row.with_values(ends=text)

        self._table.change(_ENDS, joined(point.repository, point.chain, point.id), edit)

    def lengthened(self, repository: str, chain: str) -> dict[str, dict[str, date]]:
        """Point to the ends that were lengthened."""
        rows = self._table.rows(_ENDS, prefix=(repository, chain))
        return {row.key.rpartition("|")[2]: _dates(row.text("ends")) for row in rows}

    # --- what was found out --------------------------------------------------------------------------------------

    def record_waiting(self, chain: str, point: str, source: str) -> None:
        """A point that waits for its archive copy: the next session of its database makes it where this one did not."""
        self._make(_WAITING, joined(chain, point), {"chain": chain, "point": point, "source": source})

    def waiting(self) -> list[Waiting]:
        """Points that wait for their archive copies, oldest first within a chain."""
        return [Waiting(row.text("chain"), row.text("point"), row.text("source")) for row in self._table.rows(_WAITING)]

    def record_archived(self, chain: str, point: str, copy: str) -> None:
        """A point's copy in the archive repository was read back: the point need not wait for it any longer."""
        self._make(_ARCHIVED, joined(chain, point), {"copy": copy, "at": iso(self._clock.now())})
        self._table.erase(_WAITING, joined(chain, point))

    def archived(self, chain: str) -> set[str]:
        """Points of a chain whose archive copies were read back."""
        return {row.key.rpartition("|")[2] for row in self._table.rows(_ARCHIVED, prefix=(chain,))}

    def record_verified(self, repository: str, chain: str, point: str) -> None:
        """A point was read whole and every digest was right."""
        self._make(_VERIFIED, joined(repository, chain, point), {"at": iso(self._clock.now())})

    def verified(self, repository: str, chain: str) -> set[str]:
        """Points of a chain that were read whole and found right."""
        return {row.key.rpartition("|")[2] for row in self._table.rows(_VERIFIED, prefix=(repository, chain))}

    def state(self, repository: str, chain: str) -> ChainState:
        """What the last run left in the chain; nothing where none is known."""
        row = self._table.read(_CHAINS, joined(repository, chain))
        if row is None:
            return ChainState()
        locked = json.loads(self._table.value(row, "locked") or "{}")
        after = row.text("prune_after")
        return ChainState(
            parse_iso(after) if after else None,
            {point: parse_iso(end) for point, end in locked.items()},
            row.text("lock_mark"),
        )

    def set_locked(self, repository: str, chain: str, mark: str) -> None:
        """Notes that the chain's locks were looked after when it was as `mark` says."""
        self._set(repository, chain, {"lock_mark": mark})

    def set_pruned(
        self, repository: str, chain: str, prune_after: datetime | None, locked: Mapping[str, datetime]
    ) -> None:
        """Notes what a run left to be freed, and which expired points locks still keep."""
        values: dict[str, Value] = {
            "prune_after": iso(prune_after) if prune_after else "",
            "locked": json.dumps({point: iso(end) for point, end in sorted(locked.items())}),
        }
        self._set(repository, chain, values)

    def _set(self, repository: str, chain: str, values: Mapping[str, Value]) -> None:
        def edit(row: Row | None) -> Row | None:
            key = joined(repository, chain)
            return Row(_CHAINS, key, values) if row is None else row.with_values(**values)

        self._table.change(_CHAINS, joined(repository, chain), edit)

    def forget(self, repository: str, chain: str, point: str) -> None:
        """Drops what is known of a point that is gone. Its claims stay."""
        self._table.erase(_HOLDS, joined(repository, point))
        self._table.erase(_ENDS, joined(repository, chain, point))
        self._table.erase(_VERIFIED, joined(repository, chain, point))
        self._table.erase(_ARCHIVED, joined(chain, point))
        self._table.erase(_WAITING, joined(chain, point))

    # --- as the rules want it ------------------------------------------------------------------------------------

    def candidates(self, points: Iterable[RestorePoint], zone: ZoneInfo) -> list[Candidate]:
        """The points of one chain in one repository, with everything that decides about them. `zone` is for points that
        no policy made."""
        known = list(points)
        if not known:
            return []
        chain, repository = known[0].chain, known[0].repository
        held = {hold.point for hold in self.holds() if hold.repository == repository}
        told = [point.terms for point in known if point.terms is not None]
        later = self.lengthened(repository, chain)
        verified = self.verified(repository, chain) | {terms.verified for terms in told if terms.verified}
        locked = self.state(repository, chain).locked
        archived = {point for terms in told for point in terms.archived}
        if any(terms.archive for terms in told):
            archived |= self.archived(chain)
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
                    held=point.id in held,
                    verified=point.id in verified,
                    locked_until=locked.get(point.id),
                )
            )
        return found

    def _make(self, partition: str, key: str, values: Mapping[str, Value]) -> Row:
        """The row of that key, made where there is none."""

        def edit(row: Row | None) -> Row | None:
            return Row(partition, key, values) if row is None else None

        found = self._table.change(partition, key, edit)
        return found if found is not None else Row(partition, key, values)


def _later(own: Mapping[str, date], others: Mapping[str, date]) -> dict[str, date]:
    return {**own, **{flag: max(own.get(flag, end), end) for flag, end in others.items()}}


def _hold(row: Row) -> Hold:
    return Hold(row.text("repository"), row.text("point"), row.text("reason"), parse_iso(row.text("since")))


def _dates(text: str) -> dict[str, date]:
    return {flag: date.fromisoformat(end) for flag, end in json.loads(text or "{}").items()}
