"""The answers that repairs need (`@repair` queries), from a model: scripts, dependants, permissions, memberships, owners."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree as ET

from holdfast.bacpac.census import Answers
from holdfast.bacpac.names import split_name
from holdfast.model.preflight.kinds import TYPE_DESC
from local.sqlprobe.model_document import ModelDocument, Script, depends_on, folded, prop, references, tag, words

_OTHERS = {
    "SqlTable": "USER_TABLE",
    "SqlCheckConstraint": "CHECK_CONSTRAINT",
    "SqlDefaultConstraint": "DEFAULT_CONSTRAINT",
}
_CLASSES = {"Object": "OBJECT_OR_COLUMN", "Schema": "SCHEMA", "Database": "DATABASE"}
_REFERRED = (*TYPE_DESC, "SqlSynonym", "SqlExternalTable")


def repair_answers(document: ModelDocument) -> Answers:
    """Rows by query."""
    return {
        "R01": [_script(element) for element in document.elements(*TYPE_DESC) if "ParentProc" not in _related(element)],
        "R02": _dependants(document),
        "R03": [row for e in document.elements("SqlPermissionStatement") if (row := _permission(e)) is not None],
        "R04": [
            {"role_name": _one(references(e, "Role")), "member_name": _one(references(e, "Member"))}
            for e in document.elements("SqlRoleMembership")
        ],
        "R05": [
            {"k": kind, "name": _one([e.get("Name") or ""]), "owner": _one(references(e, "Authorizer")) or "dbo"}
            for type_name, kind in (("SqlSchema", "SCHEMA"), ("SqlRole", "ROLE"))
            for e in document.elements(type_name)
        ],
        "R06": [row for e in document.elements("SqlExternalTable") for row in _columns(e)],
    }


def _script(element: ET.Element) -> dict[str, Any]:
    script, name = Script(element), split_name(element.get("Name") or "")
    parent = references(element, "Parent")
    parent_name = split_name(parent[0]) if parent else (None, None)
    return {
        "s": name[0] if len(name) > 1 else None,
        "o": name[-1],
        "referencing_type": TYPE_DESC[element.get("Type") or ""],
        "definition": None if prop(element, "IsEncrypted") == "True" else script.text,
        "uses_ansi_nulls": script.setting("AnsiNulls"),
        "uses_quoted_identifier": script.setting("QuotedIdentifiers"),
        "parent_s": parent_name[0],
        "parent_o": parent_name[-1],
        "is_disabled": prop(element, "IsDisabled") == "True",
    }


def _dependants(document: ModelDocument) -> list[dict[str, Any]]:
    referred = {
        folded(element.get("Name") or ""): split_name(element.get("Name") or "")
        for element in document.elements(*_REFERRED)
    }
    return [
        _dependant(element, referred[name])
        for element in document.elements(*TYPE_DESC, *_OTHERS)
        for name in sorted({target[:2] for target in depends_on(element)} & set(referred))
        if folded(element.get("Name") or "") != name
    ]


def _dependant(element: ET.Element, on: tuple[str, ...]) -> dict[str, Any]:
    type_name, own = element.get("Type") or "", split_name(element.get("Name") or "")
    return {
        "s": own[0] if len(own) > 1 else None,
        "o": own[-1] if own else None,
        "referencing_type": TYPE_DESC.get(type_name) or _OTHERS[type_name],
        "on_s": on[0],
        "on_o": on[-1],
        # What a table computes and a constraint checks is bound to the function.
        "is_schema_bound_reference": type_name in _OTHERS or prop(element, "IsSchemaBound") == "True",
    }


def _permission(element: ET.Element) -> dict[str, Any] | None:
    parts = split_name(element.get("Name") or "")
    kind = parts[0].split(".")
    if len(kind) != 3 or kind[2] not in _CLASSES:
        return None
    on = parts[3:]
    return {
        "class_desc": _CLASSES[kind[2]],
        "state_desc": kind[0].upper(),
        "permission_name": words(kind[1]),
        "grantee": parts[1],
        "s": on[0] if on else None,
        "o": on[1] if len(on) > 1 else None,
        "c": on[2] if len(on) > 2 else None,
    }


def _columns(element: ET.Element) -> list[dict[str, Any]]:
    name = split_name(element.get("Name") or "")
    source = references(element, "DataSourceName")
    rows = []
    for column in element.iter(tag("Element")):
        if column.get("Type") != "SqlSimpleColumn":
            continue
        specifier = next((e for e in column.iter(tag("Element")) if e.get("Type") == "SqlTypeSpecifier"), column)
        kind = _one(references(specifier, "Type")) or "int"
        length = prop(specifier, "Length")
        wide = 2 if kind in ("nchar", "nvarchar") else 1
        rows.append(
            {
                "s": name[0],
                "t": name[-1],
                "c": split_name(column.get("Name") or "")[-1],
                "ty": kind,
                "max_length": -1 if prop(specifier, "IsMax") == "True" else int(length) * wide if length else None,
                "precision": prop(specifier, "Precision"),
                "scale": prop(specifier, "Scale"),
                "is_nullable": prop(column, "IsNullable") != "False",
                "collation_name": prop(column, "Collation"),
                "data_source_name": _one(source),
                "location": prop(element, "Location"),
                "remote_schema_name": prop(element, "SchemaName"),
                "remote_object_name": prop(element, "ObjectName"),
            }
        )
    return rows


def _related(element: ET.Element) -> set[str]:
    return {r.get("Name") or "" for r in element.findall(tag("Relationship"))}


def _one(names: list[str]) -> str | None:
    return split_name(names[0])[-1] if names else None
