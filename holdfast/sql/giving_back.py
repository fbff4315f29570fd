"""T-SQL that gives back what a repair took from a staging copy. Pure: made from the rows that were asked before it."""

from __future__ import annotations

from collections.abc import Iterable

from holdfast.model.preflight.deciding import Row, Rows
from holdfast.model.preflight.rule import bracketed

_TEXT = frozenset({"char", "varchar", "binary", "varbinary"})
_WIDE = frozenset({"nchar", "nvarchar"})
_PLACES = (("LOCATION", "location"), ("SCHEMA_NAME", "remote_schema_name"), ("OBJECT_NAME", "remote_object_name"))
_SCALED = frozenset({"datetime2", "datetimeoffset", "time"})


def batches(*statements: str) -> str:
    """Statements with GO between them, as sqlcmd and its like want it."""
    return "".join(f"{statement.rstrip()}\nGO\n" for statement in statements)


def text(value: str) -> str:
    """A literal."""
    return "N'" + value.replace("'", "''") + "'"


def settings_of(module: Row) -> list[str]:
    """The settings under which code was made: they are kept with it."""
    return [
        f"SET ANSI_NULLS {'ON' if module.get('uses_ansi_nulls', True) else 'OFF'}",
        f"SET QUOTED_IDENTIFIER {'ON' if module.get('uses_quoted_identifier', True) else 'OFF'}",
    ]


def altered(module: Row) -> str:
    """Code that was altered: its former script. Permissions stayed with it."""
    drop = "-- Drop or alter what is there before this; its permissions stay where it is altered."
    return batches(*settings_of(module), f"{drop}\n{module['definition']}")


def code(module: Row, rows: Rows) -> str:
    """Code that was dropped: its script and the permissions on it, and whether a trigger was disabled."""
    disabled = []
    if module.get("is_disabled"):
        on = bracketed(module["parent_s"], module["parent_o"]) if module.get("parent_o") else "DATABASE"
        disabled = [f"DISABLE TRIGGER {bracketed(module.get('s'), module['o'])} ON {on}"]
    granted = _grants(
        row
        for row in rows.get("R03", ())
        if row["class_desc"] == "OBJECT_OR_COLUMN" and (row["s"], row["o"]) == (module.get("s"), module["o"])
    )
    return batches(*settings_of(module), str(module["definition"]), *disabled, *granted)


def synonym(row: Row, rows: Rows) -> str:
    """A synonym and the permissions on it."""
    granted = _grants(
        found
        for found in rows.get("R03", ())
        if found["class_desc"] == "OBJECT_OR_COLUMN" and (found["s"], found["o"]) == (row["s"], row["name"])
    )
    return batches(
        f"CREATE SYNONYM {bracketed(row['s'], row['name'])} FOR {row['base_object_name']}",
        *granted,
    )


def user(row: Row, rows: Rows) -> str:
    """A user with its roles, permissions and what it owned. Which login it had is not known for sure."""
    name = bracketed(row["name"])
    roles = [found["role_name"] for found in rows.get("R04", ()) if found["member_name"] == row["name"]]
    owned = [found for found in rows.get("R05", ()) if found["owner"] == row["name"]]
    return batches(
        f"-- Name the login that stands for it.\nCREATE USER {name} FOR LOGIN {name} "
        f"WITH DEFAULT_SCHEMA = {bracketed(row.get('default_schema_name') or 'dbo')}",
        *(f"ALTER ROLE {bracketed(role)} ADD MEMBER {name}" for role in roles),
        *(f"ALTER AUTHORIZATION ON {found['k']}::{bracketed(found['name'])} TO {name}" for found in owned),
        *_grants(found for found in rows.get("R03", ()) if found["grantee"] == row["name"]),
    )


def external_table(row: Row, rows: Rows) -> str:
    """An external table; empty where its columns are not known."""
    columns = [found for found in rows.get("R06", ()) if (found["s"], found["t"]) == (row["s"], row["name"])]
    if not columns:
        return ""
    first = columns[0]
    options = [f"DATA_SOURCE = {bracketed(first['data_source_name'])}"] if first.get("data_source_name") else []
    options += [f"{word} = {text(str(first[key]))}" for word, key in _PLACES if first.get(key)]
    listed = ",\n    ".join(_column(found) for found in columns)
    made = f"CREATE EXTERNAL TABLE {bracketed(row['s'], row['name'])} (\n    {listed}\n)"
    return batches(f"{made} WITH ({', '.join(options)})" if options else made)


def data_source(row: Row) -> str:
    """An external data source of a kind whose options are all known; empty for others."""
    if row.get("type_desc") not in ("RDBMS", "BLOB_STORAGE") or not row.get("location"):
        return ""
    options = [f"TYPE = {row['type_desc']}", f"LOCATION = {text(str(row['location']))}"]
    if row.get("database_name"):
        options.append(f"DATABASE_NAME = {text(str(row['database_name']))}")
    if row.get("credential_name"):
        options.append(f"CREDENTIAL = {bracketed(row['credential_name'])}")
    return batches(f"CREATE EXTERNAL DATA SOURCE {bracketed(row['name'])} WITH ({', '.join(options)})")


def state(row: Row) -> str:
    """GRANT or DENY."""
    return "DENY" if row.get("state_desc") == "DENY" else "GRANT"


def _grants(rows: Iterable[Row]) -> list[str]:
    statements = []
    for row in rows:
        what = str(row["permission_name"])
        if row.get("c"):
            what += f" ({bracketed(row['c'])})"
        if row["class_desc"] == "SCHEMA":
            what += f" ON SCHEMA::{bracketed(row['s'])}"
        elif row["class_desc"] == "OBJECT_OR_COLUMN":
            what += f" ON OBJECT::{bracketed(row['s'], row['o'])}"
        more = " WITH GRANT OPTION" if row.get("state_desc") == "GRANT_WITH_GRANT_OPTION" else ""
        statements.append(f"{state(row)} {what} TO {bracketed(row['grantee'])}{more}")
    return statements


def _column(row: Row) -> str:
    kind, length = str(row["ty"]), row.get("max_length")
    if kind in _TEXT | _WIDE and length is not None:
        kind += "(max)" if length == -1 else f"({length // 2 if kind in _WIDE else length})"
    elif kind in ("decimal", "numeric"):
        kind += f"({row['precision']}, {row['scale']})"
    elif kind in _SCALED:
        kind += f"({row['scale']})"
    collation = f" COLLATE {row['collation_name']}" if row.get("collation_name") else ""
    return f"{bracketed(row['c'])} {kind}{collation} {'NULL' if row['is_nullable'] else 'NOT NULL'}"
