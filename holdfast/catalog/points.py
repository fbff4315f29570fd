"""Restore points as the catalog knows them. The repository is the truth; this is a copy that can be filled again.

Two rows a point, written in one transaction: one in the order of time, one in the order of its chain, so that both the
list of everything and a chain of its own are read without a scan. What is long (entries, tables) lies in the details
container and is read only when somebody asks for one point.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice

from holdfast.catalog.differences import Differences
from holdfast.catalog.point_rows import (
    BY_CHAIN,
    BY_TIME,
    POINTS,
    chain_key,
    digest_of,
    short,
    split,
    state_of,
    time_key,
    whole,
)
from holdfast.catalog.tables import Row, Table, Value, Verb, joined, persist
from holdfast.model.clock import Clock, iso, parse_iso
from holdfast.model.errors import Conflict, InvalidInput, NotFound
from holdfast.model.point import PointState, RestorePoint, moment_of
from holdfast.model.protection import NewestPoint
from holdfast.model.selection import database_matches

_NEWEST = ("id", "chain", "source", "repository", "state")


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
        """A point with entries and tables; where several repositories hold it, the backup one, missing ones last.

        Raises NotFound.
        """

        def once() -> RestorePoint:
            found = [row for row in self._rows_of(point_id) if repository in (None, row.text("repository"))]
            if not found:
                raise NotFound(f"there is no point {point_id}" + (f" in {repository}" if repository else ""))
            return whole(
                self._table,
                min(found, key=lambda row: (state_of(row) != "present", short(self._table, row).tier == "archive")),
            )

        return persist(once, f"point {point_id}")

    def list(
        self,
        *,
        database_glob: str | None = None,
        chain: str | None = None,
        repository: str | None = None,
        after: str = "",
        limit: int | None = None,
        absent: bool = False,
    ) -> PointPage:
        """Points oldest first, without entries and tables. `after` is what the page before ended with.

        Those that the repository does not hold are left out unless `absent`: nothing can be made of them.
        The glob is over `database`, or over `server/database` where it has a slash.
        """
        where: dict[str, str | bool] = {} if repository is None else {"repository": repository}
        prefix = (BY_TIME,) if chain is None else (BY_CHAIN, chain)

        def fitting() -> Iterator[tuple[str, RestorePoint]]:
            for row in self._table.rows(POINTS, after=after, where=where, prefix=prefix):
                if state_of(row) != "present" and not absent:
                    continue
                if database_glob is None or database_matches(database_glob, row.text("source")):
                    yield row.key, short(self._table, row)

        def once() -> PointPage:
            found = list(islice(fitting(), None if limit is None else limit + 1))
            more = limit is not None and len(found) > limit
            kept = found[:limit]
            return PointPage([point for _, point in kept], kept[-1][0] if more and kept else None)

        return persist(once, "the points")

    def newest(self, *, leave_out: Collection[str] = ()) -> dict[str, NewestPoint]:
        """The newest point of every chain that is there, not counting those in repositories to `leave_out`."""

        def once() -> dict[str, NewestPoint]:
            found: dict[str, NewestPoint] = {}
            # Keys sort by time, so the last one of a chain is its newest.
            for row in self._table.rows(POINTS, prefix=(BY_TIME,), columns=_NEWEST):
                if row.text("repository") not in leave_out and state_of(row) == "present":
                    name, chain = row.text("id"), row.text("chain")
                    found[chain] = NewestPoint(
                        id=name, chain=chain, source=row.text("source"), created_at=moment_of(name)
                    )
            return found

        return persist(once, "the points")

    def newest_since(self, chain: str, *, repository: str, since: datetime) -> datetime | None:
        """When the newest point was made that the repository has of the chain since that moment; None where it has none."""
        # Ids begin with the time, so the read begins there; a chain is never read whole.
        after = joined(BY_CHAIN, chain, f"{since.astimezone(UTC):%Y%m%dT%H%M%S}")

        def once() -> datetime | None:
            rows = self._table.rows(POINTS, prefix=(BY_CHAIN, chain), after=after, where={"repository": repository})
            there = (short(self._table, row) for row in rows if state_of(row) == "present")
            found = [point.created_at for point in there if point.created_at >= since]
            return max(found, default=None)

        return persist(once, f"the points of {chain}")

    def since(self, chain: str, moment: datetime) -> Sequence[RestorePoint]:
        """Points of a chain that were made since then, in whatever repository, oldest first; those that are there."""
        after = joined(BY_CHAIN, chain, f"{moment.astimezone(UTC):%Y%m%dT%H%M%S}")

        def once() -> list[RestorePoint]:
            rows = self._table.rows(POINTS, prefix=(BY_CHAIN, chain), after=after)
            return [short(self._table, row) for row in rows if state_of(row) == "present"]

        return persist(once, f"the points of {chain}")

    def everything(self) -> Iterator[RestorePoint]:
        """Every point in the order of time, also absent ones, a page in memory and no more."""
        for row in self._table.rows(POINTS, prefix=(BY_TIME,)):
            yield short(self._table, row)

    def by_chain(self, chain: str | None = None) -> Iterator[RestorePoint]:
        """Points of every chain, or of one, chain by chain, each chain oldest first: a page in memory and no more.

        Those that the repository does not hold are left out: they keep no other point from being needed.
        """
        prefix = (BY_CHAIN,) if chain is None else (BY_CHAIN, chain)
        for row in self._table.rows(POINTS, prefix=prefix):
            if state_of(row) == "present":
                yield short(self._table, row)

    def deleted(self) -> Iterator[RestorePoint]:
        """Points that somebody deleted, as removal records of their repositories say."""
        for row in self._table.rows(POINTS, prefix=(BY_TIME,), where={"state": "deleted"}):
            yield short(self._table, row)

    def remove(self, point_id: str, *, repository: str) -> bool:
        """Forgets a point; whether it was known."""

        def once() -> bool:
            rows = [row for row in self._rows_of(point_id) if row.text("repository") == repository]
            for row in rows:
                self._remove_once(row)
            return bool(rows)

        return persist(once, f"point {point_id}")

    def reconcile(
        self,
        repository: str,
        chain: str,
        points: Iterable[RestorePoint],
        *,
        removed: Collection[str] = (),
        installation: str | None = None,
        as_of: datetime | None = None,
        dry_run: bool = False,
    ) -> Differences:
        """Makes the catalog agree with what the repository holds of a chain; says what differed.

        `points` is the whole chain with all details, `removed` the points that the chain's removal records name. Points
        that the catalog learnt after `as_of`, the moment at which the repository was read, are left alone: another session
        may have committed them since. What only the catalog knows (why a point is kept) stays; points that the repository
        lacks are marked, never dropped. `installation` tells which points are foreign. `dry_run`: only says. Repeated,
        there are no differences.
        """
        truth = {p.id: p.model_copy(update={"repository": repository}) for p in points}
        rows = self._table.rows(POINTS, where={"repository": repository}, prefix=(BY_CHAIN, chain))
        known = {row.text("id"): row for row in rows}
        lacking = known.keys() - truth.keys()
        absent = {i for i in lacking if state_of(known[i]) != "present"}
        gone = {i for i in lacking - absent if as_of is None or parse_iso(known[i].text("recorded_at")) <= as_of}
        returned = {i for i in truth.keys() & known.keys() if state_of(known[i]) != "present"}
        found = Differences(
            added=_sorted(truth.keys() - known.keys()),
            missing=_sorted(gone - set(removed)),
            changed=_sorted(
                i for i in truth.keys() & known.keys() - returned if known[i].text("digest") != digest_of(truth[i])
            ),
            deleted=_sorted(gone & set(removed)),
            returned=_sorted(returned),
            foreign=_sorted(
                i for i in truth.keys() - known.keys() if installation and truth[i].installation != installation
            ),
            absent=_sorted(absent),
        )
        if dry_run:
            return found
        for point_id in found.added:
            self.put(truth[point_id])
        for point_id in (*found.changed, *found.returned):
            kept = short(self._table, known[point_id]).kept_because
            self.put(truth[point_id].model_copy(update={"kept_because": kept}))
        for point_id in found.missing:
            self.mark(point_id, "missing", repository=repository)
        for point_id in found.deleted:
            self.mark(point_id, "deleted", repository=repository)
        return found

    def mark(self, point_id: str, state: PointState, *, repository: str) -> RestorePoint:
        """Records whether the repository holds a point. Raises NotFound. Repeated, nothing changes."""

        def once() -> RestorePoint:
            for row in self._rows_of(point_id):
                if row.text("repository") == repository:
                    point = whole(self._table, row)
                    since = None if state == "present" else self._clock.now()
                    if point.state != state:
                        point = point.model_copy(update={"state": state, "state_since": since})
                        self._put_once(point)
                    return point
            raise NotFound(f"there is no point {point_id} in {repository}")

        return persist(once, f"point {point_id}")

    def forget(self, point_id: str, *, repository: str) -> None:
        """Drops what is known of a point that the repository lacks. Raises NotFound, Conflict for one that it holds."""

        def once() -> None:
            rows = [row for row in self._rows_of(point_id) if row.text("repository") == repository]
            if not rows:
                raise NotFound(f"there is no point {point_id} in {repository}")
            for row in rows:
                if state_of(row) == "present":
                    raise Conflict(
                        f"repository {repository} holds point {point_id}",
                        help="Only what is missing or deleted can be forgotten; `holdfast point delete` deletes.",
                    )
                self._remove_once(row)

        persist(once, f"point {point_id}")

    def _put_once(self, point: RestorePoint) -> None:
        timed = self._table.read(POINTS, time_key(point))
        chained = self._table.read(POINTS, chain_key(point))
        summary, details = split(point)
        digest = digest_of(point)
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
            "state": point.state,
            "recorded_at": timed.text("recorded_at") if timed else iso(self._clock.now()),
        }
        # Both rows in one transaction: a reader of either list sees the point or does not.
        changes: list[tuple[Verb, Row]] = []
        for stored, key, own in ((timed, time_key(point), {"details": details}), (chained, chain_key(point), {})):
            if stored is None:
                changes.append(("create", Row(POINTS, key, {**values, **own})))
            else:
                changes.append(("replace", stored.with_values(**values, **own)))
        self._table.write(*changes)

    def _remove_once(self, timed: Row) -> None:
        chained = self._table.read(
            POINTS, joined(BY_CHAIN, timed.text("chain"), timed.text("id"), timed.text("repository"))
        )
        both: tuple[Row, ...] = (timed,) if chained is None else (timed, chained)
        self._table.write(*(("delete", row) for row in both))

    def _rows_of(self, point_id: str) -> Sequence[Row]:
        return list(
            self._table.rows(
                POINTS,
                prefix=(
                    BY_TIME,
                    point_id,
                ),
            )
        )


def _sorted(ids: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(ids))
