"""What preflight asks about code (views, procedures, functions, triggers) and synonyms, from a model's elements."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from holdfast.bacpac.element import Element
from holdfast.bacpac.names import split_name
from holdfast.bacpac.script_names import ScriptNames, name_parts, script_names
from holdfast.model.preflight.kinds import TYPE_DESC
from holdfast.model.preflight.rule import bracketed

_SCRIPTS = ("BodyScript", "QueryScript")
_REMOTE = ("OPENQUERY", "OPENROWSET", "OPENDATASOURCE")
_TABLE_TYPES = frozenset({"SqlTable", "SqlView"})


@dataclass(frozen=True)
class _Pending:
    """Code in which the exporter could not resolve a name; what it means is known once all names are."""

    place: dict[str, Any]
    inside: tuple[tuple[str, ...], ...]
    engine: bool


class ModuleCensus:
    """Collects them; what a name stands for is known at the end."""

    def __init__(self) -> None:
        self._rows: dict[str, list[dict[str, Any]]] = {}
        self._names: dict[tuple[str, ...], str] = {}
        self._pending: list[_Pending] = []

    def take(self, element: Element) -> None:
        """Looks at an element."""
        if element.name:
            self._names[_folded(split_name(element.name))] = element.type
        if element.type == "SqlSynonym":
            self._synonym(element)
        elif element.type in TYPE_DESC:
            self._module(element)

    def answers(self) -> dict[str, list[dict[str, Any]]]:
        """The rows by query."""
        missing: list[dict[str, Any]] = []
        unusable: list[dict[str, Any]] = []
        for code in self._pending:
            gone = [name for name in code.inside if not self._resolve(code.place["s"], name)]
            for name in gone:
                schema = name[0] if len(name) > 1 else None
                missing.append({**code.place, "referenced_schema_name": schema, "referenced_entity_name": name[-1]})
            known = {self._resolve(code.place["s"], name) for name in code.inside}
            place = {"s": code.place["s"], "o": code.place["o"]}
            # Nothing but tables and views, all there: it is one of their columns that is not. Or it is a synonym for what
            # lies outside, of which no column is known.
            columns = not gone and not code.engine and known and known <= _TABLE_TYPES
            outside = any(self._is_outside(code.place["s"], name) for name in code.inside)
            if code.place["referencing_type"] == "VIEW" and (columns or outside):
                unusable.append({**place, "error_number": 207, "error_message": "Invalid column name."})
        return {**self._rows, "P03": missing, "P03b": unusable}

    def _resolve(self, schema: str | None, name: tuple[str, ...]) -> str | None:
        """The type of what the name stands for."""
        if len(name) > 1:
            return self._names.get(_folded(name))
        return self._names.get(_folded((schema or "dbo", *name))) or self._names.get(_folded(("dbo", *name)))

    def _is_outside(self, schema: str | None, name: tuple[str, ...]) -> bool:
        """Whether the name is a synonym for something elsewhere."""
        synonyms = {(row["s"].casefold(), row["name"].casefold()) for row in self._rows.get("P02", [])}
        wholes = [name] if len(name) > 1 else [(schema or "dbo", *name), ("dbo", *name)]
        return any(_folded(whole) in synonyms for whole in wholes)

    def _add(self, query: str, **row: Any) -> None:
        self._rows.setdefault(query, []).append(row)

    def _synonym(self, element: Element) -> None:
        target = name_parts(element.properties.get("ForObjectScript", ""))
        outside = target if len(target) > 2 else next(iter(_left_open(element)), ())
        if outside:
            schema, name = _two(element.name)
            server = outside[-4] if len(outside) > 3 else None
            self._add("P02", s=schema, name=name, base_object_name=bracketed(*outside), srv=server, db=outside[-3])

    def _module(self, element: Element) -> None:
        parts = split_name(element.name)
        schema, name = (parts[0], parts[1]) if len(parts) > 1 else (None, parts[0])
        if "ParentProc" in element.relationships:
            if {"s": schema, "o": name} not in self._rows.get("P17d", []):
                self._add("P17d", s=schema, o=name)
            return
        place = {"s": schema, "o": name, "referencing_type": TYPE_DESC[element.type]}
        if element.properties.get("IsEncrypted") == "True":
            self._add("P18", **place)
        if element.properties.get("IsNativeCompiled") == "True":
            self._add("P11b", **place)
        scripts = [one.properties[key] for one in element.walk() for key in _SCRIPTS if key in one.properties]
        for word in _REMOTE:
            if any(word in script.upper() for script in scripts):
                self._add("P01b", **place, function_name=word)
        self._references(element, place, [script_names(script) for script in scripts])

    def _references(self, element: Element, place: dict[str, Any], read: list[ScriptNames]) -> None:
        outside = dict.fromkeys(name for names in read for name in names.outside)
        known = {_normal(name) for name in outside}
        for name in _left_open(element):
            if _normal(name) not in known:
                known.add(_normal(name))
                outside[name] = None
        for target in outside:
            server, database, schema, entity = (None, *target) if len(target) == 3 else target
            self._add(
                "P01",
                **place,
                referencing_class_desc="OBJECT_OR_COLUMN" if place["s"] else "DATABASE_DDL_TRIGGER",
                referenced_server_name=server,
                referenced_database_name=database,
                referenced_schema_name=schema or None,
                referenced_entity_name=entity,
                kind="EXTERNAL",
            )
        if any(one.unresolved for one in element.walk()) and not outside:
            inside = dict.fromkeys(name for names in read for name in names.inside)
            self._pending.append(_Pending(place, tuple(inside), any(names.engine for names in read)))


def _left_open(element: Element) -> list[tuple[str, ...]]:
    """Names outside the database that the exporter noted as references."""
    # Below the object there may be a column.
    return [
        split_name(reference.external_parts) + split_name(reference.name)[:2]
        for reference in element.walk_references()
        if reference.external_parts
    ]


def _normal(name: tuple[str, ...]) -> tuple[str, ...]:
    """For comparing: `DB..T` means `db.dbo.t` to most users, and to the exporter."""
    return tuple(part.casefold() or "dbo" for part in name)


def _folded(name: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(part.casefold() for part in name)


def _two(name: str) -> tuple[str, str]:
    parts = split_name(name)
    return (parts[0], parts[1]) if len(parts) > 1 else ("", parts[0])
