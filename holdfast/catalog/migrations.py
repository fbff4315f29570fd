"""Brings a catalog of an older version forward: once, under a lease, and again from anywhere after a death.

A migration is a function of one row that gives back the row as the new version wants it, or None where it is so already.
Every row is compared and swapped, so that two who migrate at once, or one that died and began again, come to the same. The
version is raised when all rows are done.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from holdfast.catalog.failures import CatalogTooNew
from holdfast.catalog.point_rows import with_state
from holdfast.catalog.tables import Row, Table, Value, persist
from holdfast.model.clock import Clock, iso, parse_iso
from holdfast.model.errors import Unavailable

#: Raised with every change that an older version would misread. 1: the first. 2: points have a state.
SCHEMA_VERSION = 2
#: Who died while migrating is waited for this long; renewed on the way.
LEASE = timedelta(minutes=2)
#: Rows between two renewals.
ROWS = 200

_SCHEMA, _VERSION, _MIGRATION = "schema", "version", "migration"


@dataclass(frozen=True)
class Migration:
    """One step from the version before `to`."""

    to: int
    about: str
    table: str
    upgrade: Callable[[Table, Row], Row | None]


MIGRATIONS: tuple[Migration, ...] = (
    Migration(2, "points say whether the repository holds them", "holdfastpoints", with_state),
)


class Schema:
    """The version of the catalog's layout, as its meta table tells it."""

    def __init__(self, meta: Table, tables: Mapping[str, Table], clock: Clock) -> None:
        self._meta, self._tables, self._clock = meta, tables, clock
        self._holder = secrets.token_hex(8)

    def bring_forward(self) -> int:
        """The version of the schema, after all migrations. Raises CatalogTooNew; Unavailable while another migrates."""
        found = self._found()
        if found == SCHEMA_VERSION:
            return found
        with self._lease():
            for migration in MIGRATIONS:
                if self._found() < migration.to:
                    self.upgrade_rows(migration)
                    self._record(migration.to)
            self._record(SCHEMA_VERSION)
        return self._found()

    def upgrade_rows(self, migration: Migration, *, renew: bool = True) -> int:
        """Runs one migration over its table; how many rows changed. Safe to repeat."""
        table, changed = self._tables[migration.table], 0
        for number, row in enumerate(table.all_rows()):
            if renew and number % ROWS == ROWS - 1:
                self._renew()
            changed += self._upgrade_row(table, migration, row)
        return changed

    def _upgrade_row(self, table: Table, migration: Migration, row: Row) -> bool:
        found: Row | None = row

        def once() -> bool:
            nonlocal found
            before, found = found or table.read(row.partition, row.key), None
            wanted = migration.upgrade(table, before) if before is not None else None
            if wanted is None:
                return False
            table.write(("replace", wanted))
            return True

        return persist(once, f"{table.name} {row.partition}/{row.key}")

    def _found(self) -> int:
        row = self._meta.read(_SCHEMA, _VERSION)
        # No version is told by a catalog that is new, or lost its meta table: its rows, if any, may be the oldest ones.
        found = row.values.get("version") if row is not None else 0
        if not isinstance(found, int) or found > SCHEMA_VERSION:
            raise CatalogTooNew(f"it has schema {found}, this version reads up to {SCHEMA_VERSION}")
        return found

    def _record(self, version: int) -> None:
        def edit(row: Row | None) -> Row | None:
            values: dict[str, Value] = {"version": version, "since": iso(self._clock.now())}
            if row is None:
                return Row(_SCHEMA, _VERSION, values)
            told = row.values.get("version")
            return row.with_values(**values) if isinstance(told, int) and told < version else None

        self._meta.change(_SCHEMA, _VERSION, edit)

    @contextmanager
    def _lease(self) -> Iterator[None]:
        self._renew()
        try:
            yield
        finally:
            self._meta.change(_SCHEMA, _MIGRATION, self._released)

    def _renew(self) -> None:
        def edit(row: Row | None) -> Row | None:
            now = self._clock.now()
            values = {"holder": self._holder, "until": iso(now + LEASE)}
            if row is None:
                return Row(_SCHEMA, _MIGRATION, values)
            holder, until = row.text("holder"), row.text("until")
            if holder not in ("", self._holder) and parse_iso(until) > now:
                raise Unavailable(
                    f"the configuration database is being brought to schema {SCHEMA_VERSION} (until {until} at the latest)",
                    help="It is tried again by itself; nothing is lost if that process died.",
                )
            return row.with_values(**values)

        self._meta.change(_SCHEMA, _MIGRATION, edit)

    def _released(self, row: Row | None) -> Row | None:
        ours = row is not None and row.text("holder") == self._holder
        return row.with_values(holder="") if row is not None and ours else None
