"""SqlPackage's errors about a schema that no BACPAC can carry, from the same answers that preflight decides on."""

from __future__ import annotations

from collections.abc import Iterator

from holdfast.bacpac.model import DatabaseModel
from holdfast.model.preflight.deciding import Row, orphans
from holdfast.model.preflight.kinds import is_query, kind_of
from holdfast.model.preflight.rule import bracketed
from local.sqlpackage import messages

_KEYS = {"CERT": "Certificate", "SYM": "Symmetric Key", "ASYM": "Asymmetric Key"}


def schema_errors(model: DatabaseModel) -> list[str]:
    """The lines, `Error SQL71562: …`; none where the schema can be exported."""
    return [messages.ERROR_LINE(number=number, text=text) for number, text in _errors(model)]


def _errors(model: DatabaseModel) -> Iterator[tuple[str, str]]:
    yield from _references(model)
    yield from _principals(model)
    yield from _indexes(model)
    yield from _unsupported(model)


def _references(model: DatabaseModel) -> Iterator[tuple[str, str]]:
    for row in model.answers["P01"]:
        parts = [row[f"referenced_{part}_name"] or "" for part in ("server", "database", "schema", "entity")]
        type_name = str(row["referencing_type"])
        number = "SQL71561" if is_query(type_name) else "SQL71562"
        target = bracketed(*(parts if parts[0] else parts[1:]))
        yield number, _outside(kind_of(type_name), _module(row), target)
    for row in model.answers["P02"]:
        yield "SQL71562", _outside("Synonym", bracketed(row["s"], row["name"]), row["base_object_name"])


def _principals(model: DatabaseModel) -> Iterator[tuple[str, str]]:
    for row in model.answers["P04"]:
        shown = f"User: {bracketed(row['name'])}"
        yield "SQL71627", messages.PLATFORM_PROPERTY(element=shown, property="AuthenticationType")
    for row in model.answers["P05"]:
        yield "SQL71564", messages.PACKAGE_ELEMENT(element=f"User: {bracketed(row['name'])}")
    for row in orphans(model.answers):
        name = bracketed(row["name"])
        yield "SQL71564", messages.ELEMENT(name=name, text=messages.ORPHANED(element=f"User: {name}"))
    for row in model.answers["P14"]:
        role = messages.UNRESOLVED_ROLE(member=bracketed(row["member_name"]), role=bracketed(row["role_name"]))
        yield "SQL71501", messages.ELEMENT(name=bracketed(row["member_name"]), text=role)


def _indexes(model: DatabaseModel) -> Iterator[tuple[str, str]]:
    for row in model.answers["P15"]:
        column, table = bracketed(row["s"], row["t"], row["c"]), bracketed(row["s"], row["t"])
        if row["k"] == "INDEX":
            yield "SQL71594", messages.ELEMENT(name=table, text=messages.RANDOM_INDEX(column=column))
        else:
            yield "SQL71598", messages.ELEMENT(name=table, text=messages.RANDOM_STATISTIC(column=column))


def _unsupported(model: DatabaseModel) -> Iterator[tuple[str, str]]:
    for row in model.answers["P08b"]:
        shown = f"External Table: {bracketed(row['s'], row['name'])}"
        yield "SQL71564", messages.PACKAGE_ELEMENT(element=shown)
    for row in model.answers["P10"]:
        yield "SQL71626", messages.PLATFORM_ELEMENT(element=f"{_KEYS[row['k']]}: {bracketed(row['name'])}")
    for row in model.answers["P17"]:
        shown = f"Column: {bracketed(row['s'], row['t'], row['c'])}"
        yield "SQL71627", messages.PLATFORM_PROPERTY(element=shown, property="IsFileStream")
    for row in model.answers["P17b"]:
        yield "SQL71626", messages.PLATFORM_ELEMENT(element=f"Assembly: {bracketed(row['name'])}")
    for row in model.answers["P17c"]:
        shown = f"{row['k'].title()}: {bracketed(row['s'], row['name'])}"
        yield "SQL71626", messages.PLATFORM_ELEMENT(element=shown)
    for row in model.answers["P18"]:
        yield "SQL71564", messages.ELEMENT(name=_module(row), text=messages.ENCRYPTED(element=_module(row)))


def _outside(kind: str, name: str, target: str) -> str:
    unresolved = messages.UNRESOLVED(element=f"{kind}: {name}", target=target)
    return messages.ELEMENT(name=name, text=f"{unresolved} {messages.EXTERNAL()}")


def _module(row: Row) -> str:
    return bracketed(row["s"], row["o"])
