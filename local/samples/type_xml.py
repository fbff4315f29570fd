"""How elements name types and schemas."""

from __future__ import annotations

from local.samples.schema import Alias, Type, bracketed
from local.samples.xml_tree import Node, built_in, element, prop, refers

_IN_SYS = ("geography", "geometry", "hierarchyid", "sysname")


def type_specifier(kind: Type, alias: Alias | None = None) -> Node:
    """How a column or parameter names its type."""
    if alias is not None:
        return element("SqlTypeSpecifier", None, refers("Type", alias.ref))
    if kind.name == "xml":
        return element("SqlXmlTypeSpecifier", None, built_in("Type", "[xml]"))
    name = f"[sys].[{kind.name}]" if kind.name in _IN_SYS else f"[{kind.name}]"
    return element(
        "SqlTypeSpecifier",
        None,
        prop("Scale", kind.scale) if kind.scale else None,
        prop("Precision", kind.precision) if kind.precision else None,
        prop("IsMax", "True") if kind.is_max else None,
        prop("Length", kind.length) if kind.length else None,
        built_in("Type", name),
    )


def schema_of(name: str) -> Node:
    """The relationship of an object to its schema; dbo is in every database."""
    return built_in("Schema", "[dbo]") if name == "dbo" else refers("Schema", bracketed(name))


def alias_node(alias: Alias) -> Node:
    kind = alias.type
    return element(
        "SqlUserDefinedDataType",
        alias.ref,
        prop("IsNullable", "False") if not alias.nullable else None,
        prop("Scale", kind.scale) if kind.scale else None,
        prop("Precision", kind.precision) if kind.precision else None,
        prop("Length", kind.length) if kind.length else None,
        schema_of(alias.schema),
        built_in("Type", f"[{kind.name}]"),
    )
