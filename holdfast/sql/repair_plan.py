"""What can be done on a staging copy about what preflight found, and how it is given back. Pure.

Never if a table, a computed column, a constraint or schema-bound code stands on what would go. Nothing is dropped whose
definition could not be kept: encrypted code and keys stay, and block.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from holdfast.model.preflight import blocking, passing
from holdfast.model.preflight.deciding import Row, Rows, decide, is_own, orphans
from holdfast.model.preflight.finding import Finding
from holdfast.model.preflight.kinds import is_query, kind_of
from holdfast.model.preflight.rule import Rule, bracketed
from holdfast.model.transformation import Transformation
from holdfast.sql import giving_back
from holdfast.sql.own_names import without_database

_DROP = {
    "VIEW": "VIEW",
    "SQL_STORED_PROCEDURE": "PROCEDURE",
    "SQL_SCALAR_FUNCTION": "FUNCTION",
    "SQL_INLINE_TABLE_VALUED_FUNCTION": "FUNCTION",
    "SQL_TABLE_VALUED_FUNCTION": "FUNCTION",
    "SQL_TRIGGER": "TRIGGER",
}
_CODE = frozenset(_DROP)


@dataclass(frozen=True)
class PlannedRepair:
    """Statements for one transaction, and what is recorded of them."""

    transformation: Transformation
    statements: tuple[str, ...]

    @property
    def key(self) -> tuple[str, str]:
        """Rule and object: the same for the same repair, however often it is planned."""
        return self.transformation.rule, self.transformation.object


def plan(rows: Rows, database: str) -> list[PlannedRepair]:
    """Every repair that these rows allow, each object once."""
    found: dict[tuple[str, str], PlannedRepair] = {}
    gone: set[str] = set()
    for repair in (
        *_code(rows, database),
        *_synonyms(rows),
        *_users(rows),
        *_memberships(rows),
        *_external(rows),
        *_permissions(rows),
        *_defaults(rows),
    ):
        # A view may have two findings; it is dropped once.
        if repair.transformation.object not in gone:
            gone.add(repair.transformation.object)
            found[repair.key] = repair
    return list(found.values())


def hopeless(rows: Rows, database: str) -> list[Finding]:
    """The findings that block an export and that no repair of the plan takes away."""
    mended = {repair.transformation.object for repair in plan(rows, database)}
    return [f for f in decide(rows, database) if f.severity == "blocks-export" and f.object not in mended]


def _repair(rule: Rule, name: str, statements: list[str], definition: str, **words: str) -> PlannedRepair:
    return PlannedRepair(
        Transformation(
            rule=rule.id,
            object=rule.on(name, **words).object,
            did=rule.repaired or "",
            definition=definition,
        ),
        tuple(statements),
    )


def _code(rows: Rows, database: str) -> Iterator[PlannedRepair]:
    """P01 and P03."""
    scripts = {_name(row): row for row in rows.get("R01", ())}
    references: dict[str, list[Row]] = {}
    for row in rows.get("P01", ()):
        references.setdefault(_name(row), []).append(row)
    for name, found in references.items():
        module = scripts.get(name)
        if module is None or not module.get("definition"):
            continue
        if all(is_own(row, database) for row in found):
            own = blocking.OWN_QUERY if is_query(str(module["referencing_type"])) else blocking.OWN_REFERENCE
            names = {str(row["referenced_database_name"]) for row in found}
            rewritten = without_database(str(module["definition"]), names)
            if rewritten is not None:
                yield _alter(own, name, module, rewritten)
                continue
        outside = blocking.OUTSIDE_QUERY if is_query(str(module["referencing_type"])) else blocking.OUTSIDE_REFERENCE
        yield from _drop_code(outside, name, module, rows, kind=kind_of(str(module["referencing_type"])), target="")
    for row in rows.get("P03", ()):
        if is_query(str(row["referencing_type"])) and (module := scripts.get(_name(row))):
            kind = kind_of(str(row["referencing_type"]))
            yield from _drop_code(passing.BROKEN_QUERY, _name(row), module, rows, kind=kind, target="")
    for row in rows.get("P03b", ()):
        if module := scripts.get(_name(row)):
            yield from _drop_code(passing.UNUSABLE_VIEW, _name(row), module, rows)


def _alter(rule: Rule, name: str, module: Row, rewritten: str) -> PlannedRepair:
    kind = kind_of(str(module["referencing_type"]))
    settings = giving_back.settings_of(module)
    return _repair(rule, name, [*settings, rewritten], giving_back.altered(module), kind=kind, target="")


def _drop_code(rule: Rule, name: str, module: Row, rows: Rows, **words: str) -> Iterator[PlannedRepair]:
    type_name = str(module["referencing_type"])
    if not module.get("definition") or type_name not in _CODE or _carries(name, rows):
        return
    statement = f"DROP {_DROP[type_name]} {name}"
    if type_name == "SQL_TRIGGER" and not module.get("s"):
        statement += " ON DATABASE"
    yield _repair(rule, name, [statement], giving_back.code(module, rows), **words)


def _synonyms(rows: Rows) -> Iterator[PlannedRepair]:
    """P02"""
    for row in rows.get("P02", ()):
        name = bracketed(row["s"], row["name"])
        if not _carries(name, rows):
            yield _repair(
                blocking.OUTSIDE_SYNONYM, name, [f"DROP SYNONYM {name}"], giving_back.synonym(row, rows), target=""
            )


def _users(rows: Rows) -> Iterator[PlannedRepair]:
    """P04 and P06"""
    windows = [(blocking.WINDOWS_PRINCIPAL, row) for row in rows.get("P04", ()) if row["name"] != "dbo"]
    for rule, row in (*windows, *((blocking.ORPHANED_USER, row) for row in orphans(rows))):
        name = bracketed(row["name"])
        owned = [found for found in rows.get("R05", ()) if found["owner"] == row["name"]]
        handed = [f"ALTER AUTHORIZATION ON {found['k']}::{bracketed(found['name'])} TO [dbo]" for found in owned]
        yield _repair(rule, name, [*handed, f"DROP USER {name}"], giving_back.user(row, rows))


def _memberships(rows: Rows) -> Iterator[PlannedRepair]:
    """P14; a user that is in both roles leaves both at once."""
    roles: dict[str, list[str]] = {}
    for row in rows.get("P14", ()):
        roles.setdefault(str(row["member_name"]), []).append(str(row["role_name"]))
    for member, names in roles.items():
        name = bracketed(member)
        yield _repair(
            blocking.CAPTURE_ROLE_MEMBER,
            name,
            [f"ALTER ROLE {bracketed(role)} DROP MEMBER {name}" for role in names],
            giving_back.batches(*(f"ALTER ROLE {bracketed(role)} ADD MEMBER {name}" for role in names)),
            role="",
        )


def _external(rows: Rows) -> Iterator[PlannedRepair]:
    """P08: tables first; their sources in the round after, once nothing needs them."""
    for row in rows.get("P08b", ()):
        name = bracketed(row["s"], row["name"])
        definition = giving_back.external_table(row, rows)
        if definition and not _carries(name, rows):
            yield _repair(blocking.EXTERNAL_TABLE, name, [f"DROP EXTERNAL TABLE {name}"], definition)
    if not rows.get("P08b"):
        for row in rows.get("P08", ()):
            name, definition = bracketed(row["name"]), giving_back.data_source(row)
            if definition:
                statement = f"DROP EXTERNAL DATA SOURCE {name}"
                yield _repair(passing.EXTERNAL_SOURCE, name, [statement], definition, kind="data source")


def _permissions(rows: Rows) -> Iterator[PlannedRepair]:
    """P12: all permissions of a dropped ledger table at once."""
    tables: dict[str, list[Row]] = {}
    for row in rows.get("P12b", ()):
        tables.setdefault(bracketed(row.get("s"), row["name"]), []).append(row)
    for name, granted in tables.items():
        taken = [
            f"REVOKE {row['permission_name']} ON OBJECT::{name} FROM {bracketed(row['grantee'])}" for row in granted
        ]
        given = [
            f"{giving_back.state(row)} {row['permission_name']} ON OBJECT::{name} TO {bracketed(row['grantee'])}"
            for row in granted
        ]
        yield _repair(passing.DROPPED_LEDGER_GRANT, name, taken, giving_back.batches(*given), grantee="", permission="")


def _defaults(rows: Rows) -> Iterator[PlannedRepair]:
    """P19"""
    for row in rows.get("P19", ()):
        name, other = bracketed(row["s"], row["name"]), f"HF_{row['name']}"[:128]
        yield _repair(
            passing.DEFAULT_NAME,
            name,
            [_rename(name, other)],
            giving_back.batches(_rename(bracketed(row["s"], other), str(row["name"]))),
            table="",
        )


def _rename(name: str, to: str) -> str:
    return f"EXEC sp_rename {giving_back.text(name)}, {giving_back.text(to)}, N'OBJECT'"


def _carries(name: str, rows: Rows) -> bool:
    """Whether something stands on it that must stay: anything but code, and code that is bound to it."""
    return any(
        row.get("is_schema_bound_reference") or str(row.get("referencing_type")) not in _CODE
        for row in rows.get("R02", ())
        if bracketed(row["on_s"], row["on_o"]) == name
    )


def _name(row: Row) -> str:
    return bracketed(row.get("s"), row["o"])
