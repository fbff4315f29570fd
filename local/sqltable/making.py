"""A table as elements of an emulated database's model."""

from __future__ import annotations

from holdfast.bacpac.names import join_name
from holdfast.model.table_definition import KeyColumn, TableColumn
from holdfast.sql.table_protocol import Load
from holdfast.sql.table_scripts import MADE_BY
from local.samples.schema import Column, Index, Key, Table, Type
from local.samples.table_xml import table_nodes
from local.samples.xml_tree import Node, element, refers, script
from local.sqlprobe.model_document import ModelDocument, folded, prop, targets


def table_nodes_of(load: Load) -> list[Node]:
    """The table, its key and indexes, and the property that says which load made it."""
    definition, ref = load.definition, join_name(load.schema_name, load.table)
    key = definition.primary_key
    table = Table(
        schema=load.schema_name,
        name=load.table,
        columns=tuple(_column(column) for column in definition.columns),
        primary_key=Key(f"PK__{load.table}__{load.mark}", _key(key.columns), key.clustered) if key else None,
        indexes=tuple(
            Index(
                one.name,
                _key(one.columns),
                one.unique,
                one.clustered,
                tuple(one.included),
                (one.where, ()) if one.where else None,
            )
            for one in definition.indexes
        ),
    )
    node, constraints = table_nodes(table, 900_000)
    said = element(
        "SqlExtendedProperty",
        join_name("SqlTableBase", load.schema_name, load.table, MADE_BY),
        script("Value", f"N'{load.mark}'"),
        refers("Host", ref),
    )
    return [node, *constraints, said]


def schema_is_there(document: ModelDocument, schema: str) -> bool:
    """Whether the database has it."""
    return schema.lower() == "dbo" or document.find(join_name(schema), "SqlSchema") is not None


def made_by(document: ModelDocument, schema: str, table: str) -> str | None:
    """The mark of the load that made the table; "" for any other table, None where there is none."""
    name = join_name(schema, table)
    if document.find(name, "SqlTable", "SqlView") is None:
        return None
    for said in document.elements("SqlExtendedProperty"):
        if folded(name) in targets(said, "Host") and (said.get("Name") or "").endswith(f"[{MADE_BY}]"):
            return (prop(said, "Value") or "").removeprefix("N'").removesuffix("'")
    return ""


def _column(column: TableColumn) -> Column:
    kind = Type(column.type, column.length, column.is_max, column.precision, column.scale)
    identity = (int(column.identity[0]), int(column.identity[1])) if column.identity else None
    return Column(column.name, kind, column.nullable, identity=identity, row_guid=column.row_guid)


def _key(columns: list[KeyColumn]) -> tuple[str, ...]:
    return tuple(f"{'-' if one.descending else ''}{one.name}" for one in columns)
