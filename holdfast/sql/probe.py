"""`python -m holdfast.sql.probe`: asks a database the preflight queries; on a staging copy it makes repairs first.

Reads an `Inquiry` as JSON from stdin and writes `{"P01": [{column: value}…], …}` to stdout. A query that fails (a
right is missing, an old version lacks the view) stands under `errors` instead, by id. Exit code 1: no connection; stdout
then holds `{"error": ErrorInfo}`. Repairs that did not succeed stand under `refused`, by id; each is one transaction. It
makes none unless the connection leads to a staging copy, by its kind, its name and the name that the server itself gives.
Connects as the worker's managed identity, whose client id is in
`HOLDFAST_WORKER_CLIENT_ID`; there is no password anywhere.

Any command with this behaviour can take its place (setting `sql_probe`).
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, Protocol
from uuid import UUID

from holdfast.model.errors import Forbidden, HoldfastError, Unavailable
from holdfast.model.job import SqlConnection
from holdfast.sql.protocol import Inquiry, NotACopy, assert_copy
from holdfast.sql.queries import Query, queries_for, queries_of_restored
from holdfast.sql.renaming import NAMES, rename, statement

#: Seconds that a connection may take to come up; a paused serverless database needs about a minute to wake.
CONNECT_SECONDS = 120

_REFUSED = ("login failed", "cannot open database", "permission", "not able to access", "18456", "916", "4060")


class Cursor(Protocol):
    """What we use of a DB-API cursor."""

    description: Any

    def execute(self, operation: str) -> Any:
        """Runs a statement."""
        ...

    def fetchall(self) -> Iterable[Iterable[Any]]:
        """All rows."""
        ...


class Database(Protocol):
    """What we use of a DB-API connection."""

    def cursor(self) -> Cursor:
        """A cursor."""
        ...

    def close(self) -> None:
        """Ends the connection."""
        ...


def connection_string(connection: SqlConnection, client_id: str | None, *, database: str | None = None) -> str:
    """For mssql-python, by managed identity."""
    parts = {
        "Server": f"tcp:{connection.host},{connection.port}",
        "Database": database or connection.database,
        "Authentication": "ActiveDirectoryMSI",
        **({"UID": client_id} if client_id else {}),
        "Encrypt": "yes",
        "TrustServerCertificate": "no",
    }
    return "".join(f"{key}={_value(value)};" for key, value in parts.items())


def ask(database: Database, wanted: Iterable[Query]) -> tuple[dict[str, list[dict[str, Any]]], dict[str, str]]:
    """Rows by query id, and what the queries that failed said, by id."""
    rows: dict[str, list[dict[str, Any]]] = {}
    errors: dict[str, str] = {}
    for query in wanted:
        cursor = database.cursor()
        try:
            cursor.execute(query.text)
            names = [column[0] for column in cursor.description]
            rows[query.id] = [
                {name: plain(value) for name, value in zip(names, row, strict=True)} for row in cursor.fetchall()
            ]
        except Exception as error:  # noqa: BLE001 (the driver has its own tree; one question less is not the end)
            errors[query.id] = short(error)
    return rows, errors


def mend(database: Database, inquiry: Inquiry) -> dict[str, str]:
    """Makes the repairs, each whole or not at all; what the server said of those that it refused, by id.

    Raises NotACopy where the database is none.
    """
    assert_copy(inquiry)
    cursor = database.cursor()
    cursor.execute("SELECT DB_NAME() AS name")
    ((name,),) = [tuple(row) for row in cursor.fetchall()]
    if str(name).casefold() != inquiry.database.casefold():
        raise NotACopy(f"the server says that this is {name}, not {inquiry.database}")
    refused: dict[str, str] = {}
    for repair in inquiry.repairs:
        try:
            # Settings go with the connection, so a definition is a statement of its own; XACT_ABORT ends all of them.
            for statement in ("SET XACT_ABORT ON", "BEGIN TRANSACTION", *repair.statements, "COMMIT TRANSACTION"):
                database.cursor().execute(statement)
        except Exception as error:  # noqa: BLE001 (the driver has its own tree; the finding stays and is told)
            refused[repair.id] = short(error)
            database.cursor().execute("IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION")
    return refused


def _rename(inquiry: Inquiry, client_id: str | None) -> None:
    """Gives databases new names, in master. Raises Unavailable where the server refuses one."""
    master = connect(connection_string(inquiry, client_id, database="master"))

    def names() -> list[str]:
        cursor = master.cursor()
        cursor.execute(NAMES)
        return [str(next(iter(row))) for row in cursor.fetchall()]

    try:
        rename(inquiry.moves, names, lambda old, new: master.cursor().execute(statement(old, new)))
    except HoldfastError:
        raise
    except Exception as error:  # noqa: BLE001 (the driver has its own tree of errors)
        raise Unavailable(f"the instance does not rename: {short(error)}") from None
    finally:
        master.close()


def plain(value: Any) -> Any:
    """A value as JSON has it; bytes as `0x…`."""
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, bytes | bytearray | memoryview):
        return "0x" + bytes(value).hex()
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else str(value)
    return str(value) if isinstance(value, UUID) else repr(value)


def probe(connection: Inquiry, client_id: str | None) -> dict[str, Any]:
    """Makes the repairs and asks everything.

    Raises Forbidden or Unavailable where the database itself cannot be reached, NotACopy where repairs are not for it.
    """
    if connection.moves:
        _rename(connection, client_id)
        return {"renamed": [], "errors": {}, "refused": {}}
    if connection.repairs:
        assert_copy(connection)
    wanted = (
        queries_of_restored()
        if connection.of_restored
        else queries_for(managed_instance=connection.managed_instance, repair=connection.for_repair)
    )
    database = connect(connection_string(connection, client_id))
    refused: dict[str, str] = {}
    try:
        if connection.repairs:
            refused = mend(database, connection)
        answer, errors = ask(database, [query for query in wanted if not query.in_master])
    finally:
        database.close()
    in_master = [query for query in wanted if query.in_master]
    if not in_master:
        return {**answer, "errors": errors, "refused": refused}
    try:
        master = connect(connection_string(connection, client_id, database="master"))
    except HoldfastError as error:
        errors.update({query.id: f"master cannot be reached: {error.detail}" for query in in_master})
    else:
        try:
            more, failed = ask(master, in_master)
        finally:
            master.close()
        answer.update(more)
        errors.update(failed)
    return {**answer, "errors": errors, "refused": refused}


def connect(text: str) -> Database:
    """A connection. Raises Forbidden where the server refuses us, else Unavailable."""
    import mssql_python

    try:
        database: Database = mssql_python.connect(text, autocommit=True, timeout=CONNECT_SECONDS)
    except Exception as error:  # noqa: BLE001 (the driver has its own tree of errors)
        said = short(error)
        if any(word in said.lower() for word in _REFUSED):
            raise Forbidden(
                said,
                help="Create a user for the worker's identity in the database: CREATE USER [identity] FROM EXTERNAL "
                "PROVIDER; ALTER ROLE db_owner ADD MEMBER [identity].",
            ) from None
        raise Unavailable(f"the database cannot be reached: {said}") from None
    return database


def _value(text: str) -> str:
    """A value of an ODBC connection string, in braces where it needs them."""
    return "{" + text.replace("}", "}}") + "}" if set(text) & set("{};=' ") or text != text.strip() else text


def short(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:400]


def main() -> int:
    """The command."""
    connection = Inquiry.model_validate_json(sys.stdin.read())
    try:
        answer, code = probe(connection, os.environ.get("HOLDFAST_WORKER_CLIENT_ID") or None), 0
    except HoldfastError as error:
        answer, code = {"error": error.info().model_dump(mode="json")}, 1
    json.dump(answer, sys.stdout)
    return code


if __name__ == "__main__":
    sys.exit(main())
