"""What model.xml says of a database: its platform, its tables with the columns that stand in the data, its other objects.

The model is read as a stream and only what is needed is kept: of tables the columns, of all else what preflight asks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from holdfast.bacpac.census import Census
from holdfast.bacpac.columns import Column, RowsNotDecodable, layout_of
from holdfast.bacpac.element import Element, read_elements
from holdfast.bacpac.names import split_name
from holdfast.model.errors import BadBacpac


@dataclass(frozen=True)
class ModelTable:
    """A table of the model."""

    schema: str
    name: str
    columns: tuple[Column, ...] | None
    """In the order in which values stand in a row; None where the rows cannot be decoded."""
    reason: str | None = None
    """Why `columns` is None."""


@dataclass(frozen=True)
class DatabaseModel:
    """A database as its model describes it."""

    dsp_name: str
    """`Microsoft.Data.Tools.Schema.Sql.SqlAzureV12DatabaseSchemaProvider`"""
    schema_version: str
    tables: Mapping[tuple[str, str], ModelTable]
    """By (schema, name), in the model's order."""
    answers: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    """What it answers to the preflight queries, by their ids; without any secret that the model may hold."""
    heaps: frozenset[tuple[str, str]] = frozenset()
    """Schema and name of the tables without a clustered index."""
    primary_keys: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    """Names of the columns of each table's primary key, in its order, by schema and name; not of tables without one."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """Top-level and nested elements by type."""

    @property
    def platform(self) -> str:
        """`SqlAzureV12`, `Sql150`."""
        return self.dsp_name.rpartition(".")[2].removesuffix("DatabaseSchemaProvider")


def read_model(chunks: Iterable[bytes]) -> DatabaseModel:
    """Reads model.xml. Raises BadBacpac where it is not well formed or no model. An unknown type is never an error."""
    head: dict[str, str] = {}
    tables: list[Element] = []
    aliases: dict[str, Element] = {}
    census = Census()
    counts: dict[str, int] = {}
    keys: dict[tuple[str, str], tuple[str, ...]] = {}

    def take(element: Element) -> None:
        _count(element, counts)
        census.take(element)
        if element.type == "SqlTable":
            tables.append(_slim(element))
        elif element.type == "SqlUserDefinedDataType":
            aliases[element.name] = element
        elif element.type == "SqlPrimaryKeyConstraint":
            keys.update(_primary_key(element))

    read_elements(chunks, take, head.update)
    if not head.get("DspName"):
        raise BadBacpac("model.xml does not name its platform (DspName)")
    described = [_table(element, aliases) for element in tables]
    return DatabaseModel(
        dsp_name=head["DspName"],
        schema_version=head.get("SchemaVersion", ""),
        tables={(t.schema, t.name): t for t in described},
        answers=census.answers(),
        heaps=census.heaps,
        primary_keys=keys,
        counts=counts,
    )


def _primary_key(element: Element) -> dict[tuple[str, str], tuple[str, ...]]:
    table = element.reference("DefiningTable")
    columns = [item.reference("Column") for item in element.elements("ColumnSpecifications")]
    parts = split_name(table.name) if table else ()
    names = tuple(split_name(column.name)[-1] for column in columns if column is not None)
    return {(parts[0], parts[1]): names} if len(parts) == 2 and names and len(names) == len(columns) else {}


def _count(element: Element, counts: dict[str, int]) -> None:
    for one in element.walk():
        counts[one.type] = counts.get(one.type, 0) + 1


def _slim(table: Element) -> Element:
    """A table with nothing but its columns: the rest would fill the memory."""
    return Element(table.type, table.name, {}, {"Columns": table.relationships.get("Columns", [])})


def _table(element: Element, aliases: Mapping[str, Element]) -> ModelTable:
    parts = split_name(element.name)
    if len(parts) != 2:
        raise BadBacpac(f"model.xml has a table with the name {element.name!r}; a schema and a name are needed")
    columns: list[Column] = []
    try:
        for item in element.elements("Columns"):
            column = stored_column(item, aliases)
            if column is not None:
                layout_of(column)
                columns.append(column)
    except RowsNotDecodable as error:
        return ModelTable(parts[0], parts[1], None, error.detail)
    return ModelTable(parts[0], parts[1], tuple(columns))


def stored_column(item: Element, aliases: Mapping[str, Element]) -> Column | None:
    """A column that stands in the data; None for a computed one. Raises RowsNotDecodable where its type is not known."""
    name = split_name(item.name)[-1]
    if item.type == "SqlComputedColumn":
        return None
    if item.type != "SqlSimpleColumn":
        raise RowsNotDecodable(f"column {name} is of the kind {item.type}, which is not known")
    if item.properties.get("IsColumnSet") == "True" or "EncryptionType" in item.properties:
        raise RowsNotDecodable(f"column {name} is a column set or encrypted; its form in the data is not known")
    specifier = next(iter(item.elements("TypeSpecifier")), None)
    named = specifier.reference("Type") if specifier else None
    if specifier is None or named is None:
        raise RowsNotDecodable(f"column {name} has no type in the model")
    properties = specifier.properties
    if named.name in aliases:
        alias = aliases[named.name]
        properties = alias.properties | properties
        named = alias.reference("Type") or named
    base = split_name(named.name)
    kind = base[-1].lower()
    if named.external_source != "BuiltIns" or len(base) > 2 or (len(base) == 2 and base[0].lower() != "sys"):
        raise RowsNotDecodable(f"column {name} has the type {named.name}, whose form in the data is not known")
    if kind == "sysname":
        kind, properties = "nvarchar", {"Length": "128"}
    return Column(
        name=name,
        type=kind,
        nullable=item.properties.get("IsNullable", "True") == "True",
        length=_number(properties, "Length", name),
        is_max=properties.get("IsMax") == "True",
        precision=_number(properties, "Precision", name),
        scale=_number(properties, "Scale", name),
    )


def _number(properties: Mapping[str, str], key: str, column: str) -> int | None:
    text = properties.get(key)
    if text is None:
        return None
    if not text.isascii() or not text.isdigit():
        raise RowsNotDecodable(f"column {column} has the {key.lower()} {text!r}, which is no number")
    return int(text)
