"""What the answers to the preflight queries mean. Pure: rows of a live database and rows read from a model alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from holdfast.model.preflight import blocking, passing
from holdfast.model.preflight.finding import Finding
from holdfast.model.preflight.kinds import KeyKind, is_query, kind_of, with_article
from holdfast.model.preflight.rule import bracketed

Row = Mapping[str, Any]
Rows = Mapping[str, Sequence[Row]]
"""By the id of the query that they answer."""

_KEYS: Mapping[str, KeyKind] = {"CERT": "certificate", "SYM": "symmetric key", "ASYM": "asymmetric key"}


def decide(rows: Rows, database: str = "") -> list[Finding]:
    """Every finding, by rule and then as the database listed them.

    `database` is the name under which its own code knows the database: a staging copy has another.
    """
    found = [
        *outside_references(rows, database),
        *synonyms(rows),
        *broken_references(rows),
        *principals(rows),
        *orphaned_users(rows),
        *external_objects(rows),
        *credentials_and_keys(rows),
        *memory_optimised(rows),
        *ledger_and_history(rows),
        *change_data_capture(rows),
        *encrypted_columns(rows),
        *heaps(rows),
        *instance_objects(rows),
        *modules_without_text(rows),
        *names_and_types(rows),
        *constraints(rows),
        *key_at_rest(rows),
    ]
    # The engine lists a reference once for every column that it touches.
    return sorted(dict.fromkeys(found), key=lambda finding: finding.id)


def is_own(row: Row, database: str) -> bool:
    """Whether a P01 row's name leads back to the database itself."""
    if row.get("referenced_server_name"):
        return False
    named = str(row.get("referenced_database_name") or "").casefold()
    return row.get("kind") == "SELF" or bool(database and named == database.casefold())


def outside_references(rows: Rows, database: str) -> Iterator[Finding]:
    """P01"""
    for row in rows.get("P01", ()):
        type_name, own = str(row.get("referencing_type") or ""), is_own(row, database)
        if is_query(type_name):
            rule = blocking.OWN_QUERY if own else blocking.OUTSIDE_QUERY
        else:
            rule = blocking.OWN_REFERENCE if own else blocking.OUTSIDE_REFERENCE
        parts = [row.get(f"referenced_{part}_name") or "" for part in ("server", "database", "schema", "entity")]
        target = bracketed(*(parts if parts[0] else parts[1:]))
        yield rule.on(_module(row), kind=kind_of(type_name), target=target)
    for row in rows.get("P01b", ()):
        yield passing.REMOTE_ROWS.on(_module(row), kind=_kind(row), function=row["function_name"])


def synonyms(rows: Rows) -> Iterator[Finding]:
    """P02"""
    for row in rows.get("P02", ()):
        yield blocking.OUTSIDE_SYNONYM.on(bracketed(row["s"], row["name"]), target=row["base_object_name"])


def broken_references(rows: Rows) -> Iterator[Finding]:
    """P03; a view that cannot be read is told only where no missing or outside name tells why."""
    told = {_module(row) for row in rows.get("P01", ())}
    for row in rows.get("P03", ()):
        told.add(_module(row))
        target = bracketed(row.get("referenced_schema_name"), row["referenced_entity_name"])
        rule = passing.BROKEN_QUERY if is_query(str(row.get("referencing_type") or "")) else passing.BROKEN_BODY
        yield rule.on(_module(row), kind=_kind(row), target=target)
    for row in rows.get("P03b", ()):
        if _module(row) not in told:
            yield passing.UNUSABLE_VIEW.on(_module(row))


def principals(rows: Rows) -> Iterator[Finding]:
    """P04, P05 and P07. `dbo` is never exported, whoever stands behind it."""
    for row in rows.get("P04", ()):
        if row["name"] != "dbo":
            yield blocking.WINDOWS_PRINCIPAL.on(bracketed(row["name"]))
    for row in rows.get("P05", ()):
        by_key = str(row.get("type_desc") or "").startswith("ASYMMETRIC")
        yield blocking.KEY_USER.on(bracketed(row["name"]), kind="an asymmetric key" if by_key else "a certificate")
    for row in rows.get("P07", ()):
        if row["name"] != "dbo":
            yield passing.ENTRA_USER.on(bracketed(row["name"]))


def orphans(rows: Rows) -> list[Row]:
    """Users that stand for a login (P06) whose security id no login of the server has (P06b)."""
    if "P06b" not in rows:
        return []
    logins = {_sid(row.get("sid")) for row in rows["P06b"]}
    return [row for row in rows.get("P06", ()) if row.get("sid") is not None and _sid(row["sid"]) not in logins]


def orphaned_users(rows: Rows) -> Iterator[Finding]:
    """P06"""
    for row in orphans(rows):
        yield blocking.ORPHANED_USER.on(bracketed(row["name"]))


def external_objects(rows: Rows) -> Iterator[Finding]:
    """P08"""
    for row in rows.get("P08b", ()):
        yield blocking.EXTERNAL_TABLE.on(bracketed(row["s"], row["name"]))
    for query, kind in (("P08", "data source"), ("P08c", "file format")):
        for row in rows.get(query, ()):
            yield passing.EXTERNAL_SOURCE.on(bracketed(row["name"]), kind=kind)


def credentials_and_keys(rows: Rows) -> Iterator[Finding]:
    """P09 and P10"""
    for row in rows.get("P09", ()):
        rule = passing.SCOPED_CREDENTIAL if row.get("master_keys", 1) else passing.CREDENTIAL_WITHOUT_KEY
        yield rule.on(bracketed(row["name"]))
    for row in rows.get("P10", ()):
        # `##…##` are the engine's own.
        if not row["name"].startswith("##"):
            kind = _KEYS[row["k"]]
            yield blocking.KEY.on(bracketed(row["name"]), Kind=kind.capitalize(), a_kind=with_article(kind))


def memory_optimised(rows: Rows) -> Iterator[Finding]:
    """P11"""
    for query, kind in (("P11", "Table"), ("P11c", "Table type")):
        for row in rows.get(query, ()):
            yield passing.MEMORY_OPTIMISED.on(bracketed(row["s"], row["name"]), kind=kind)
    for row in rows.get("P11b", ()):
        yield passing.MEMORY_OPTIMISED.on(_module(row), kind=_kind(row))


def ledger_and_history(rows: Rows) -> Iterator[Finding]:
    """P12 and P13"""
    for row in rows.get("P12", ()):
        yield passing.LEDGER_TABLE.on(bracketed(row["s"], row["name"]))
    for row in rows.get("P12b", ()):
        name = bracketed(row.get("s"), row["name"])
        yield passing.DROPPED_LEDGER_GRANT.on(name, grantee=row["grantee"], permission=row["permission_name"])
    for row in rows.get("P13", ()):
        yield passing.TEMPORAL_TABLE.on(bracketed(row["s"], row["name"]), history=bracketed(row["hs"], row["h"]))


def change_data_capture(rows: Rows) -> Iterator[Finding]:
    """P14"""
    for row in rows.get("P14", ()):
        yield blocking.CAPTURE_ROLE_MEMBER.on(bracketed(row["member_name"]), role=row["role_name"])
    for row in rows.get("P14b", ()):
        if row.get("is_cdc_enabled"):
            yield passing.CAPTURE.on(bracketed(row["name"]))


def encrypted_columns(rows: Rows) -> Iterator[Finding]:
    """P15"""
    for row in rows.get("P15", ()):
        rule = blocking.ENCLAVE_INDEX if row["k"] == "INDEX" else blocking.ENCLAVE_STATISTICS
        yield rule.on(bracketed(row["s"], row["t"], row["i"]), column=bracketed(row["c"]))


def heaps(rows: Rows) -> Iterator[Finding]:
    """P16"""
    for row in rows.get("P16", ()):
        yield passing.LARGE_HEAP.on(bracketed(row["s"], row["name"]), megabytes=f"{int(row['mb']):,}")


def instance_objects(rows: Rows) -> Iterator[Finding]:
    """P17"""
    for row in rows.get("P17", ()):
        yield blocking.FILESTREAM.on(bracketed(row["s"], row["t"], row["c"]))
    kinds = [("CLR assembly", None, row["name"]) for row in rows.get("P17b", ())]
    kinds += [(f"Service Broker {row['k'].lower()}", row.get("s"), row["name"]) for row in rows.get("P17c", ())]
    for kind, schema, name in kinds:
        yield blocking.INSTANCE_OBJECT.on(bracketed(schema, name), Kind=kind, a_kind=with_article(kind))
    for row in rows.get("P17d", ()):
        yield passing.NUMBERED_PROCEDURE.on(_module(row))


def modules_without_text(rows: Rows) -> Iterator[Finding]:
    """P18 and P24"""
    for row in rows.get("P18", ()):
        yield blocking.ENCRYPTED_MODULE.on(_module(row), kind=_kind(row))
    for row in rows.get("P24", ()):
        if _is_broken(str(row["script"])):
            yield passing.BROKEN_TEXT.on(_module(row), kind=_kind(row))


def names_and_types(rows: Rows) -> Iterator[Finding]:
    """P19 to P21"""
    for row in rows.get("P19", ()):
        yield passing.DEFAULT_NAME.on(bracketed(row["s"], row["name"]), table=bracketed(row["s"], row["t"]))
    for row in rows.get("P20", ()):
        name = bracketed(row["s"], row["t"], row["c"])
        if row["ty"] == "json" and row["is_nullable"] and row["is_followed"]:
            yield passing.JSON_COLUMN.on(name)
        else:
            yield passing.RISKY_COLUMN.on(name, type=row["ty"])
    for row in rows.get("P21", ()):
        yield passing.SPECIAL_NAME.on(bracketed(row["s"], row["name"]))


def constraints(rows: Rows) -> Iterator[Finding]:
    """P22"""
    for row in rows.get("P22", ()):
        kind = "Foreign key" if row["k"] == "FK" else "Check constraint"
        state = "disabled" if row["is_disabled"] else "not trusted"
        yield passing.LOOSE_CONSTRAINT.on(bracketed(row["s"], row["name"]), kind=kind, state=state)


def key_at_rest(rows: Rows) -> Iterator[Finding]:
    """P23"""
    for row in rows.get("P23", ()):
        yield passing.CUSTOMER_KEY.on(bracketed(row["name"]), thumbprint=str(row["thumbprint"]))


def _module(row: Row) -> str:
    return bracketed(row.get("s"), row["o"])


def _kind(row: Row) -> str:
    return kind_of(str(row.get("referencing_type") or ""))


def _sid(value: Any) -> str:
    """A security id in one spelling: hex digits in lower case without `0x`."""
    return str(value).lower().removeprefix("0x")


def _is_broken(script: str) -> bool:
    """Whether UTF-16 bytes, as `0x…`, hold a surrogate that stands alone."""
    try:
        bytes.fromhex(script.removeprefix("0x")).decode("utf-16-le")
    except ValueError:
        return True
    return False
