"""What the rows of the preflight queries mean. Pure; the rules and their texts are those of `model.blocker_rules`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from holdfast.model import blocker_rules as rules
from holdfast.model.blocker_rules import KeyKind, bracketed
from holdfast.model.finding import Finding
from holdfast.sql.queries import queries

Row = Mapping[str, Any]
Rows = Mapping[str, Sequence[Row]]

_KEYS: Mapping[str, KeyKind] = {"CERT": "certificate", "SYM": "symmetric key", "ASYM": "asymmetric key"}


def decide(rows: Rows, errors: Mapping[str, str]) -> list[Finding]:
    """Every finding, by rule and then as the database listed them. `errors`: the queries that failed, by id.

    What could not be asked is a finding too, so that nothing is skipped in silence.
    """
    found = [
        *outside_references(rows.get("P01", ())),
        *synonyms(rows.get("P02", ())),
        *principals(rows),
        *orphaned_users(rows),
        *external_objects(rows),
        *credentials_and_keys(rows),
        *unanswered(rows, errors),
    ]
    # The engine lists a reference once for every column that it touches.
    return sorted(dict.fromkeys(found), key=lambda finding: finding.id)


def table_rows(rows: Rows) -> dict[str, int]:
    """Rows by `schema.table`, as the database counts them (V01)."""
    return {f"{row['s']}.{row['t']}": int(row["n"] or 0) for row in rows.get("V01", ())}


def outside_references(rows: Sequence[Row]) -> Iterator[Finding]:
    """P01"""
    for row in rows:
        kind = rules.kind_of(str(row.get("referencing_type") or ""))
        database, server = row.get("referenced_database_name"), row.get("referenced_server_name")
        parts = [database or "", row.get("referenced_schema_name") or "", row["referenced_entity_name"]]
        yield rules.external_reference(
            kind,
            bracketed(row.get("s"), row["o"]),
            bracketed(*([server, *parts] if server else parts)),
            own_database=row.get("kind") == "SELF",
        )


def synonyms(rows: Sequence[Row]) -> Iterator[Finding]:
    """P02"""
    for row in rows:
        yield rules.outside_synonym(bracketed(row["s"], row["name"]), row["base_object_name"])


def principals(rows: Rows) -> Iterator[Finding]:
    """P04, P05 and P07. `dbo` is never exported, whoever stands behind it."""
    for row in rows.get("P04", ()):
        if row["name"] != "dbo":
            yield rules.windows_principal(bracketed(row["name"]))
    for row in rows.get("P05", ()):
        by_key = str(row.get("type_desc") or "").startswith("ASYMMETRIC")
        yield rules.key_user(bracketed(row["name"]), "asymmetric key" if by_key else "certificate")
    for row in rows.get("P07", ()):
        if row["name"] != "dbo":
            yield rules.entra_user(bracketed(row["name"]))


def orphaned_users(rows: Rows) -> Iterator[Finding]:
    """P06: users that stand for a login (P06) whose security id no login of the server has (P06b)."""
    if "P06b" not in rows:
        return
    logins = {_sid(row.get("sid")) for row in rows["P06b"]}
    for row in rows.get("P06", ()):
        if row.get("sid") is not None and _sid(row["sid"]) not in logins:
            yield rules.orphaned_user(bracketed(row["name"]))


def external_objects(rows: Rows) -> Iterator[Finding]:
    """P08"""
    for row in rows.get("P08b", ()):
        yield rules.external_table(bracketed(row["s"], row["name"]))
    for row in rows.get("P08", ()):
        yield rules.external_data_source(bracketed(row["name"]))


def credentials_and_keys(rows: Rows) -> Iterator[Finding]:
    """P09 and P10"""
    for row in rows.get("P09", ()):
        yield rules.scoped_credential(bracketed(row["name"]))
    for row in rows.get("P10", ()):
        # `##…##` are the engine's own.
        if not row["name"].startswith("##"):
            yield rules.key(bracketed(row["name"]), _KEYS[row["k"]])


def unanswered(rows: Rows, errors: Mapping[str, str]) -> Iterator[Finding]:
    """A warning for every rule whose query failed; for the list of logins only where there is somebody to look up."""
    for query in queries():
        said = errors.get(query.id)
        if said is None or not query.id.startswith("P") or (query.id == "P06b" and not rows.get("P06")):
            continue
        yield Finding(
            id=query.id[:3],
            severity="warning",
            object=f"Check {query.id} ({query.title.lower()})",
            cause=f"could not be made: {said}",
            error_number=None,
            mend="Give the worker's identity db_owner in the database (and a user in master for the logins)",
        )


def _sid(value: Any) -> str:
    """A security id in one spelling: hex digits in lower case without `0x`."""
    return str(value).lower().removeprefix("0x")
