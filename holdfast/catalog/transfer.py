"""The catalog out of itself and in again, row by row, page by page: whatever tables it has, now or later."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from holdfast.catalog.failures import CatalogTooNew, RowChanged
from holdfast.catalog.migrations import MIGRATIONS, SCHEMA_VERSION
from holdfast.catalog.tables import Row, Table, Value, persist
from holdfast.model.catalog_file import FILE_VERSION, CatalogHead, CatalogRow, Identity, Taken
from holdfast.model.clock import Clock
from holdfast.model.errors import InvalidInput

if TYPE_CHECKING:
    from holdfast.catalog.database import Catalog

#: Not exported: machines, jobs, turns and notices on their way are of this moment (an import would send them again), and the
#: meta table's rows of this catalog. What is not named goes.
_LEFT_OUT = frozenset({"holdfastmeta", "holdfastworkers", "holdfastjobs", "holdfastoutbox", "holdfastturns"})
#: Columns that are not exported: signed addresses.
_SIGNED = {"holdfastsources": frozenset({"copy_operation"})}
#: A page ends after so many bytes of JSON; one row may be some megabytes.
PAGE_BYTES = 2 << 20


class Transfer:
    """Export and import of a catalog."""

    def __init__(self, catalog: Catalog, clock: Clock) -> None:
        self._catalog, self._clock = catalog, clock

    def head(self, name: str = "") -> CatalogHead:
        """The head of an export made now."""
        return CatalogHead(
            schema=SCHEMA_VERSION, installation=self._catalog.installation, name=name, exported_at=self._clock.now()
        )

    def page(self, after: str = "", *, most_bytes: int = PAGE_BYTES) -> tuple[list[CatalogRow], str | None]:
        """Rows from behind the cursor `after` on, and the cursor that continues; None at the end.

        Rows that change meanwhile are as they were or as they are. Raises InvalidInput for a cursor that is none.
        """
        found: list[CatalogRow] = []
        size = 0
        for row in self._rows(after):
            found.append(row)
            size += len(row.model_dump_json())
            if size >= most_bytes:
                return found, json.dumps([row.table, row.partition, row.key])
        return found, None

    def take(
        self,
        head: CatalogHead,
        rows: Iterable[CatalogRow],
        *,
        identity: Identity = "keep",
        dry_run: bool = False,
        last: bool = False,
    ) -> Taken:
        """Adds rows that are not there; never overwrites. Repeated, nothing changes.

        `identity`: whether this catalog becomes the exported installation; `auto`: where it is new, with no policy, session
        or point. `last`: all rows are there, so that those of an older layout may be brought forward. Raises CatalogTooNew,
        InvalidInput.
        """
        if head.version > FILE_VERSION or head.layout > SCHEMA_VERSION:
            raise CatalogTooNew(f"the export is of version {head.version}, schema {head.layout}")
        done = Taken(identity=self._identity(head, identity, dry_run=dry_run))
        for row in rows:
            self._take(row, done, dry_run=dry_run)
        if last and not dry_run:
            for migration in MIGRATIONS:
                if head.layout < migration.to:
                    self._catalog.schema.upgrade_rows(migration, renew=False)
        return done

    def _rows(self, after: str) -> Iterator[CatalogRow]:
        try:
            table_name, partition, key = json.loads(after) if after else ("", "", "")
        except ValueError:
            raise InvalidInput("`after` is not what the page before ended with") from None
        for name, table in sorted(self._catalog.tables.items()):
            if name in _LEFT_OUT or name < table_name:
                continue
            begin = (partition, key) if name == table_name else ("", "")
            for row in table.all_rows(after=begin):
                values = _values(table, row)
                if values is not None:
                    yield CatalogRow(table=name, partition=row.partition, key=row.key, values=values)

    def _take(self, given: CatalogRow, done: Taken, *, dry_run: bool) -> None:
        table = self._catalog.tables.get(given.table)
        if table is None or given.table in _LEFT_OUT:
            raise InvalidInput(f"there is no table {given.table} that could be imported")
        wanted: dict[str, Value] = {k: v for k, v in given.values.items() if k not in _SIGNED.get(given.table, ())}

        def once() -> str:
            found = table.read(given.partition, given.key)
            if found is not None:
                return "same" if _values(table, found) == wanted else "kept"
            if not dry_run:
                table.write(("create", Row(given.partition, given.key, wanted)))
            return "added"

        outcome = persist(once, f"{given.table} {given.partition}/{given.key}")
        if outcome == "added":
            done.added += 1
        elif outcome == "same":
            done.same += 1
        else:
            done.kept.append(f"{given.table} {given.partition}/{given.key}")

    def _identity(self, head: CatalogHead, wanted: Identity, *, dry_run: bool) -> str:
        if head.installation == self._catalog.installation:
            return "same"
        if wanted == "keep" or (wanted == "auto" and not self._is_new()):
            return "kept"
        if not dry_run:
            self._catalog.become(head.installation)
        return "taken"

    def _is_new(self) -> bool:
        tables = (table for name, table in self._catalog.tables.items() if name not in _LEFT_OUT)
        return not any(next(table.all_rows(), None) for table in tables)


def _values(table: Table, row: Row) -> dict[str, str | bool | int] | None:
    """The row's columns with long texts in place; None where it went while it was read."""
    left_out = _SIGNED.get(table.name, frozenset())
    found: Row | None = row
    for _ in range(3):
        if found is None:
            return None
        try:
            plain = {
                column: value if isinstance(value, bool | int) else table.value(found, column)
                for column, value in found.values.items()
                if column not in left_out and value is not None
            }
        except RowChanged:
            found = table.read(row.partition, row.key)
            continue
        return plain
    return None
