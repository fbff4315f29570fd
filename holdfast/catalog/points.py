"""Restore points as the catalog knows them. The repository is the truth; this is a copy that can be filled again.

Two rows a point, written in one transaction: one in the order of time, one in the order of its chain, so that both the
list of everything and a chain of its own are read without a scan. What is long (entries, tables) lies in the details
container and is read only when somebody asks for one point.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from holdfast.catalog.tables import Row, Table, Value, Verb, joined, persist
from holdfast.model.clock import Clock, iso, parse_iso
from holdfast.model.errors import InvalidInput, NotFound
from holdfast.model.point import RestorePoint, moment_of
from holdfast.model.protection import NewestPoint
from holdfast.model.selection import database_matches

_POINTS = "points"
_BY_TIME, _BY_CHAIN = "t", "c"
_LONG = ("entries", "tables", "transformations")


@dataclass(frozen=True)
class Differences:
    """What a reconciliation changed in the catalog: ids of points that it gained, lost, and had wrong."""

    added: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.missing or self.changed)

    def __str__(self) -> str:
        parts = [
            f"{len(ids)} {word}: {', '.join(ids)}"
            for word, ids in (("added", self.added), ("missing", self.missing), ("changed", self.changed))
            if ids
        ]
        return "; ".join(parts) or "none"


@dataclass(frozen=True)
class PointPage:
    """Points oldest first, without entries and tables; `after` continues the list, None at its end."""

    points: list[RestorePoint] = field(default_factory=list)
    after: str | None = None


class Points:
    """Points by repository, chain and id. An archive copy is a point of its own in the archive repository."""

    def __init__(self, table: Table, clock: Clock) -> None:
        self._table, self._clock = table, clock

    def put(self, point: RestorePoint) -> None:
        """Records a point whole, or replaces what is known of it. `point.repository` names where it lies.

        Raises InvalidInput without a repository. Repeated, nothing changes.
        """
        if not point.repository:
            raise InvalidInput(f"point {point.id} names no repository")
        persist(lambda: self._put_once(point), f"point {point.id}")

    def get(self, point_id: str, *, repository: str | None = None) -> RestorePoint:
        """A point with entries and tables; where several repositories hold it, the backup one. Raises NotFound."""

        def once() -> RestorePoint:
            found = [row for row in self._rows_of(point_id) if repository in (None, row.text("repository"))]
            if not found:
                raise NotFound(f"there is no point {point_id}" + (f" in {repository}" if repository else ""))
            return self._whole(min(found, key=lambda row: self._point(row).tier == "archive"))

        return persist(once, f"point {point_id}")

    def list(
        self,
        *,
        database_glob: str | None = None,
        chain: str | None = None,
        repository: str | None = None,
        after: str = "",
        limit: int | None = None,
    ) -> PointPage:
        """Points oldest first, without entries and tables. `after` is what the page before ended with.

        The glob is over `database`, or over `server/database` where it has a slash.
        """
        where: dict[str, str | bool] = {} if repository is None else {"repository": repository}
        prefix = (_BY_TIME,) if chain is None else (_BY_CHAIN, chain)

        def fitting() -> Iterator[tuple[str, RestorePoint]]:
            for row in self._table.rows(_POINTS, after=after, where=where, prefix=prefix):
                if database_glob is None or database_matches(database_glob, row.text("source")):
                    yield row.key, self._point(row)

        def once() -> PointPage:
            found = list(islice(fitting(), None if limit is None else limit + 1))
            more = limit is not None and len(found) > limit
            kept = found[:limit]
            return PointPage([point for _, point in kept], kept[-1][0] if more and kept else None)

        return persist(once, "the points")

    def newest(self, *, leave_out: Collection[str] = ()) -> dict[str, NewestPoint]:
        """The newest point of every chain, not counting those in repositories to `leave_out`."""

        def once() -> dict[str, NewestPoint]:
            found: dict[str, NewestPoint] = {}
            # Keys sort by time, so the last one of a chain is its newest.
            for row in self._table.rows(_POINTS, prefix=(_BY_TIME,), columns=("id", "chain", "source", "repository")):
                if row.text("repository") not in leave_out:
                    name, chain = row.text("id"), row.text("chain")
                    found[chain] = NewestPoint(
                        id=name, chain=chain, source=row.text("source"), created_at=moment_of(name)
                    )
            return found

        return persist(once, "the points")

    def newest_since(self, chain: str, *, repository: str, since: datetime) -> datetime | None:
        """When the newest point was made that the repository has of the chain since that moment; None where it has none."""
        # Ids begin with the time, so the read begins there; a chain is never read whole.
        after = joined(_BY_CHAIN, chain, f"{since.astimezone(UTC):%Y%m%dT%H%M%S}")

        def once() -> datetime | None:
            rows = self._table.rows(_POINTS, prefix=(_BY_CHAIN, chain), after=after, where={"repository": repository})
            found = [point.created_at for point in map(self._point, rows) if point.created_at >= since]
            return max(found, default=None)

        return persist(once, f"the points of {chain}")

    def by_chain(self, chain: str | None = None) -> Iterator[RestorePoint]:
        """Points of every chain, or of one, chain by chain, each chain oldest first: a page in memory and no more."""
        prefix = (_BY_CHAIN,) if chain is None else (_BY_CHAIN, chain)
        for row in self._table.rows(_POINTS, prefix=prefix):
            yield self._point(row)

    def remove(self, point_id: str, *, repository: str) -> bool:
        """Forgets a point; whether it was known."""

        def once() -> bool:
            rows = [row for row in self._rows_of(point_id) if row.text("repository") == repository]
            for row in rows:
                self._remove_once(row)
            return bool(rows)

        return persist(once, f"point {point_id}")

    def reconcile(
        self, repository: str, chain: str, points: Iterable[RestorePoint], *, as_of: datetime | None = None
    ) -> Differences:
        """Makes the catalog agree with what the repository holds of a chain; says what differed.

        `points` is the whole chain with all details. Points that the catalog learnt after `as_of`, the moment at which
        the repository was read, are left alone: another session may have committed them since. What only the catalog
        knows (why a point is kept) stays. Repeated, there are no differences.
        """
        truth = {p.id: p.model_copy(update={"repository": repository}) for p in points}
        known = {
            row.text("id"): row
            for row in self._table.rows(
                _POINTS,
                where={"repository": repository},
                prefix=(
                    _BY_CHAIN,
                    chain,
                ),
            )
        }
        added = sorted(truth.keys() - known.keys())
        changed = sorted(i for i in truth.keys() & known.keys() if known[i].text("digest") != _digest(truth[i]))
        missing = sorted(
            i for i in known.keys() - truth.keys() if as_of is None or parse_iso(known[i].text("recorded_at")) <= as_of
        )
        for point_id in added:
            self.put(truth[point_id])
        for point_id in changed:
            kept = self._point(known[point_id]).kept_because
            self.put(truth[point_id].model_copy(update={"kept_because": kept}))
        for point_id in missing:
            self.remove(point_id, repository=repository)
        return Differences(tuple(added), tuple(missing), tuple(changed))

    def _put_once(self, point: RestorePoint) -> None:
        timed = self._table.read(_POINTS, _time_key(point))
        chained = self._table.read(_POINTS, _chain_key(point))
        summary, details = _split(point)
        digest = _digest(point)
        if timed and chained and timed.text("digest") == digest and timed.text("summary") == summary:
            return
        if timed is not None and timed.text("chain") != point.chain:
            raise InvalidInput(f"point {point.id} belongs to chain {timed.text('chain')}, not to {point.chain}")
        values: dict[str, Value] = {
            "id": point.id,
            "repository": point.repository,
            "chain": point.chain,
            "source": point.source,
            "summary": summary,
            "digest": digest,
            "recorded_at": timed.text("recorded_at") if timed else iso(self._clock.now()),
        }
        # Both rows in one transaction: a reader of either list sees the point or does not.
        changes: list[tuple[Verb, Row]] = []
        for stored, key, own in ((timed, _time_key(point), {"details": details}), (chained, _chain_key(point), {})):
            if stored is None:
                changes.append(("create", Row(_POINTS, key, {**values, **own})))
            else:
                changes.append(("replace", stored.with_values(**values, **own)))
        self._table.write(*changes)

    def _remove_once(self, timed: Row) -> None:
        chained = self._table.read(
            _POINTS, joined(_BY_CHAIN, timed.text("chain"), timed.text("id"), timed.text("repository"))
        )
        both: tuple[Row, ...] = (timed,) if chained is None else (timed, chained)
        self._table.write(*(("delete", row) for row in both))

    def _rows_of(self, point_id: str) -> Sequence[Row]:
        return list(
            self._table.rows(
                _POINTS,
                prefix=(
                    _BY_TIME,
                    point_id,
                ),
            )
        )

    def _point(self, row: Row) -> RestorePoint:
        return RestorePoint.model_validate_json(self._table.value(row, "summary"))

    def _whole(self, row: Row) -> RestorePoint:
        details = self._table.value(row, "details")
        summary: dict[str, Any] = json.loads(self._table.value(row, "summary"))
        return RestorePoint.model_validate({**summary, **(json.loads(details) if details else {})})


def _time_key(point: RestorePoint) -> str:
    return joined(_BY_TIME, point.id, point.repository)


def _chain_key(point: RestorePoint) -> str:
    return joined(_BY_CHAIN, point.chain, point.id, point.repository)


def _split(point: RestorePoint) -> tuple[str, str]:
    """What a list shows, and what only one point shows."""
    whole = point.model_dump(mode="json", by_alias=True)
    details = {name: whole.pop(name) for name in _LONG}
    return json.dumps(whole), json.dumps(details) if any(details.values()) else ""


def _digest(point: RestorePoint) -> str:
    """Of all that the repository says of a point."""
    said = point.model_dump(mode="json", by_alias=True, exclude={"kept_because"})
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
