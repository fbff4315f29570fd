"""What retention knows beside the points: claims, holds, lengthened ends, verified copies, and what is left to do.

All of it but holds and lengthened ends is found again in the repositories. A claim outlives its point on purpose: a point
that a person deleted has had its period all the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from holdfast.catalog.retention_facts import ChainState, Facts, Place
from holdfast.catalog.tables import Row, Table, Value, joined
from holdfast.model.clock import Clock, iso, parse_iso
from holdfast.model.flags import Claim, ClaimKey
from holdfast.model.point import RestorePoint
from holdfast.model.terms import Claimed

_CLAIMS, _CHAINS, _ENDS, _HOLDS = "claims", "chains", "ends", "holds"
_VERIFIED, _ARCHIVED, _WAITING = "verified", "archived", "waiting"


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


@dataclass(frozen=True)
class Proven:
    """A point that was read whole, every digest right."""

    repository: str
    chain: str
    point: str
    at: datetime


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
            values: dict[str, Value] = {"repository": point.repository, "chain": point.chain, "point": point.id}
            return Row(_ENDS, key, {**values, "ends": text}) if row is None else row.with_values(ends=text)

        self._table.change(_ENDS, joined(point.repository, point.chain, point.id), edit)

    # --- what was found out --------------------------------------------------------------------------------------

    def record_waiting(self, chain: str, point: str, source: str) -> None:
        """A point that waits for its archive copy: the next session of its database makes it where this one did not."""
        self._make(_WAITING, joined(chain, point), {"chain": chain, "point": point, "source": source})

    def waiting(self) -> list[Waiting]:
        """Points that wait for their archive copies, oldest first within a chain."""
        return [Waiting(row.text("chain"), row.text("point"), row.text("source")) for row in self._table.rows(_WAITING)]

    def record_archived(self, chain: str, point: str, copy: str) -> None:
        """A point's copy in the archive repository was read back: the point need not wait for it any longer."""
        values: dict[str, Value] = {"chain": chain, "point": point, "copy": copy}
        self._make(_ARCHIVED, joined(chain, point), {**values, "at": iso(self._clock.now())})
        self._table.erase(_WAITING, joined(chain, point))

    def record_verified(self, repository: str, chain: str, point: str) -> None:
        """A point was read whole and every digest was right."""
        values: dict[str, Value] = {"repository": repository, "chain": chain, "point": point}
        self._make(_VERIFIED, joined(repository, chain, point), {**values, "at": iso(self._clock.now())})

    def proofs(self) -> list[Proven]:
        """Points that were found whole, in no order."""
        return [
            Proven(row.text("repository"), row.text("chain"), row.text("point"), parse_iso(row.text("at")))
            for row in self._table.rows(_VERIFIED)
        ]

    def state(self, repository: str, chain: str) -> ChainState:
        """What the last run left in the chain; nothing where none is known."""
        row = self._table.read(_CHAINS, joined(repository, chain))
        if row is None:
            return ChainState()
        return self._state(row)

    def _state(self, row: Row) -> ChainState:
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
            key, place = joined(repository, chain), {"repository": repository, "chain": chain}
            return Row(_CHAINS, key, {**place, **values}) if row is None else row.with_values(**values)

        self._table.change(_CHAINS, joined(repository, chain), edit)

    def forget(self, repository: str, chain: str, point: str) -> None:
        """Drops what is known of a point that is gone. Its claims stay."""
        self._table.erase(_HOLDS, joined(repository, point))
        self._table.erase(_ENDS, joined(repository, chain, point))
        self._table.erase(_VERIFIED, joined(repository, chain, point))
        self._table.erase(_ARCHIVED, joined(chain, point))
        self._table.erase(_WAITING, joined(chain, point))

    # --- all of it -----------------------------------------------------------------------------------------------

    def facts(self, place: Place | None = None) -> Facts:
        """Everything that decides about points, of the whole installation or of one repository and chain."""
        within = () if place is None else place
        chain = () if place is None else place[1:]
        found = Facts(held={(hold.repository, hold.point) for hold in self.holds()})
        for row in self._table.rows(_ENDS, prefix=within):
            found.lengthened.setdefault(_place(row), {})[row.text("point")] = _dates(row.text("ends"))
        for row in self._table.rows(_VERIFIED, prefix=within):
            found.verified.setdefault(_place(row), set()).add(row.text("point"))
        for row in self._table.rows(_ARCHIVED, prefix=chain):
            found.archived.setdefault(row.text("chain"), set()).add(row.text("point"))
        if place is not None:
            found.states[place] = self.state(*place)
            return found
        for row in self._table.rows(_CHAINS):
            found.states[_place(row)] = self._state(row)
        return found

    def _make(self, partition: str, key: str, values: Mapping[str, Value]) -> Row:
        """The row of that key, made where there is none."""

        def edit(row: Row | None) -> Row | None:
            return Row(partition, key, values) if row is None else None

        found = self._table.change(partition, key, edit)
        return found if found is not None else Row(partition, key, values)


def _place(row: Row) -> Place:
    return row.text("repository"), row.text("chain")


def _hold(row: Row) -> Hold:
    return Hold(row.text("repository"), row.text("point"), row.text("reason"), parse_iso(row.text("since")))


def _dates(text: str) -> dict[str, date]:
    return {flag: date.fromisoformat(end) for flag, end in json.loads(text or "{}").items()}
