"""`python -m holdfast.sql.table_load`: makes a table in a live database and fills it, whole or not at all.

Reads a `Load` as JSON from stdin and writes `{"rows": N}` to stdout. Exit code 1: it did not come to that; stdout then holds
`{"error": ErrorInfo}` and the database is as it was. Connects as the worker's managed identity, whose client id is in
`HOLDFAST_WORKER_CLIENT_ID`; there is no password anywhere.

The table is made under a name of its own, filled, counted, and renamed last: nobody ever sees half of it, and a load that is
done again finds its own work, finished or not. Any command with this behaviour can take its place (setting
`sql_table_load`).
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from holdfast.bacpac.columns import Column
from holdfast.model.errors import HoldfastError, NotFound
from holdfast.sql import table_scripts as scripts
from holdfast.sql.probe import Database, connect, connection_string, short
from holdfast.sql.table_protocol import Load, LoadFailed, TableThere
from holdfast.sql.table_rows import LoadedRows

_PIECE = 4 << 20


class BulkCursor(Protocol):
    """What we use of mssql-python's cursor beyond DB-API."""

    def execute(self, operation: str) -> Any:
        """Runs a statement."""
        ...

    def fetchall(self) -> Any:
        """All rows."""
        ...

    def bulkcopy_arrow(self, table_name: str, source: Any, **options: Any) -> dict[str, Any]:
        """Loads record batches into a table."""
        ...


def load(database: Database, wanted: Load) -> int:
    """Makes and fills the table; how many rows it has. Safe to do again.

    Raises TableThere, NotFound for a schema that the database lacks, LoadFailed.
    """
    if _is_done(database, wanted):
        return _count(database, scripts.target_name(wanted))
    try:
        for statement in scripts.making(wanted):
            _cursor(database).execute(statement)
        _cursor(database).bulkcopy_arrow(
            scripts.loaded_name(wanted), _batches(wanted), timeout=0, table_lock=True, keep_nulls=True
        )
        _expect(wanted, _count(database, scripts.loaded_name(wanted)), "were loaded")
        _cursor(database).execute(scripts.filling(wanted))
        _expect(wanted, _count(database, scripts.made_name(wanted)), "are in the table")
        for statement in scripts.finishing(wanted):
            _cursor(database).execute(statement)
    except Exception as error:
        for statement in scripts.dropping(wanted):
            with suppress(Exception):
                _cursor(database).execute(statement)
        if isinstance(error, HoldfastError):
            raise
        raise LoadFailed(f"{wanted.schema_name}.{wanted.table}: {short(error)}") from None
    return wanted.rows


def _is_done(database: Database, wanted: Load) -> bool:
    """Whether an earlier attempt of this very load made the table."""
    cursor = _cursor(database)
    cursor.execute(scripts.looking(wanted))
    ((schema, table, mark),) = [tuple(row) for row in cursor.fetchall()]
    if schema is None:
        raise NotFound(
            f"{wanted.database} has no schema {wanted.schema_name}",
            help=f"Make it first: CREATE SCHEMA {wanted.schema_name}; or name another one with --as.",
        )
    if table is not None and mark != wanted.mark:
        raise TableThere(f"{wanted.schema_name}.{wanted.table} in {wanted.database}")
    return table is not None


def _expect(wanted: Load, found: int, what: str) -> None:
    if found != wanted.rows:
        raise LoadFailed(f"{found:,} rows {what}, and the point has {wanted.rows:,}")


def _count(database: Database, name: str) -> int:
    cursor = _cursor(database)
    cursor.execute(scripts.counting(name))
    ((count,),) = [tuple(row) for row in cursor.fetchall()]
    return int(count)


def _cursor(database: Database) -> BulkCursor:
    cursor: Any = database.cursor()
    return cursor  # type: ignore[no-any-return]


def _batches(wanted: Load) -> Iterator[Any]:
    from holdfast.bacpac.values.row_batches import row_batches

    columns = [
        Column(c.name, c.type, c.nullable, c.length, c.is_max, c.precision, c.scale) for c in wanted.definition.columns
    ]
    maker = LoadedRows(columns)
    for batch in row_batches(columns, _pieces(Path(wanted.rows_file))):
        yield maker.batch(batch)


def _pieces(file: Path) -> Iterator[bytes]:
    with file.open("rb") as rows:
        while piece := rows.read(_PIECE):
            yield piece


def main() -> int:
    """The command."""
    wanted = Load.model_validate_json(sys.stdin.read())
    answer: dict[str, Any]
    try:
        database = connect(connection_string(wanted, os.environ.get("HOLDFAST_WORKER_CLIENT_ID") or None))
        try:
            answer, code = {"rows": load(database, wanted)}, 0
        finally:
            database.close()
    except HoldfastError as error:
        answer, code = {"error": error.info().model_dump(mode="json")}, 1
    json.dump(answer, sys.stdout)
    return code


if __name__ == "__main__":
    sys.exit(main())
