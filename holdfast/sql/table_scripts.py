"""The statements that make a table, fill it from what was loaded beside it, and give it its name.

Names are bracketed, texts quoted, and numbers and collations looked at: nothing that a model holds becomes a statement.
Filters of indexes alone are the model's own T-SQL, as an import would run them.

Rows are loaded as types that every driver knows into a table beside, and SQL Server itself makes the column's own of them:
a `datetime2(7)` keeps its seventh digit, a hierarchyid its bytes.
"""

from __future__ import annotations

import re

from holdfast.bacpac.names import join_name
from holdfast.model.table_definition import KeyColumn, TableColumn, TableIndex
from holdfast.sql.table_protocol import Load

#: Types that are loaded as they are.
_AS_IS = frozenset({"tinyint", "smallint", "int", "bigint", "bit", "real", "float", "date"})
_BINARY = frozenset({"binary", "varbinary", "image", "geography", "geometry", "hierarchyid"})
_MOMENTS = frozenset({"datetime2", "datetime", "smalldatetime", "datetimeoffset", "time"})
#: The extended property that says which load made a table.
MADE_BY = "holdfast_load"


def made_name(load: Load) -> str:
    """The table until it is whole."""
    return join_name(load.schema_name, f"hf-{load.mark}-made")


def loaded_name(load: Load) -> str:
    """The table into which rows are loaded."""
    return join_name(load.schema_name, f"hf-{load.mark}-loaded")


def target_name(load: Load) -> str:
    """The table in the end."""
    return join_name(load.schema_name, load.table)


def declared(column: TableColumn) -> str:
    """The type as T-SQL has it."""
    kind = column.type
    if column.is_max:
        return f"{kind}(max)"
    if kind in ("decimal", "numeric"):
        return f"{kind}({column.precision or 18},{column.scale or 0})"
    if kind in ("time", "datetime2", "datetimeoffset"):
        return f"{kind}({7 if column.scale is None else column.scale})"
    return f"{kind}({column.length})" if column.length is not None else kind


def loaded_type(column: TableColumn) -> str:
    """The type under which values are loaded."""
    kind = column.type
    if kind in _AS_IS:
        return kind
    if kind in ("decimal", "numeric"):
        return declared(column)
    if kind in ("money", "smallmoney"):
        return "decimal(19,4)" if kind == "money" else "decimal(10,4)"
    if kind in _BINARY:
        return "varbinary(max)"
    return "nvarchar(max)"


def making(load: Load) -> list[str]:
    """Makes both tables anew; what an attempt that died left of them goes first."""
    columns = load.definition.columns
    lines = [f"  {join_name(column.name)} {_column(column)}" for column in columns]
    key = load.definition.primary_key
    if key is not None:
        lines.append(f"  PRIMARY KEY {'' if key.clustered else 'NON'}CLUSTERED ({_key(key.columns)})")
    loaded = [f"  {join_name(column.name)} {loaded_type(column)} NULL" for column in columns]
    return [
        *dropping(load),
        f"CREATE TABLE {made_name(load)} (\n" + ",\n".join(lines) + "\n)",
        f"CREATE TABLE {loaded_name(load)} (\n" + ",\n".join(loaded) + "\n)",
    ]


def filling(load: Load) -> str:
    """Puts the loaded rows into the table: one statement, so all of them or none."""
    columns = load.definition.columns
    names = ", ".join(join_name(column.name) for column in columns)
    values = ", ".join(_converted(column) for column in columns)
    into = f"INSERT INTO {made_name(load)} WITH (TABLOCK) ({names})"
    insert = f"{into}\nSELECT {values}\nFROM {loaded_name(load)}"
    if not any(column.identity for column in columns):
        return insert
    made = made_name(load)
    return f"SET IDENTITY_INSERT {made} ON;\n{insert};\nSET IDENTITY_INSERT {made} OFF"


def finishing(load: Load) -> list[str]:
    """Indexes, who made it, and then its name."""
    name = f"hf-{load.mark}-made"
    property_ = (
        f"EXEC sys.sp_addextendedproperty @name = N'{MADE_BY}', @value = N'{load.mark}', @level0type = N'SCHEMA', "
        f"@level0name = {text(load.schema_name)}, @level1type = N'TABLE', @level1name = {text(name)}"
    )
    return [
        f"DROP TABLE {loaded_name(load)}",
        *(_index(load, index) for index in load.definition.indexes),
        property_,
        f"EXEC sys.sp_rename @objname = {text(made_name(load))}, @newname = {text(load.table)}, @objtype = N'OBJECT'",
    ]


def dropping(load: Load) -> list[str]:
    """Removes what this load made under names of its own."""
    return [f"DROP TABLE IF EXISTS {loaded_name(load)}", f"DROP TABLE IF EXISTS {made_name(load)}"]


def looking(load: Load) -> str:
    """One row: whether the schema is there, whether the table is, and which load made it."""
    target = text(target_name(load))
    return (
        f"SELECT SCHEMA_ID({text(load.schema_name)}) AS [schema], OBJECT_ID({target}) AS [table], "
        f"(SELECT CONVERT(nvarchar(40), p.value) FROM sys.extended_properties AS p WHERE p.class = 1 "
        f"AND p.minor_id = 0 AND p.major_id = OBJECT_ID({target}) AND p.name = N'{MADE_BY}') AS [mark]"
    )


def counting(name: str) -> str:
    """How many rows a table has."""
    return f"SELECT COUNT_BIG(*) FROM {name}"


def text(value: str) -> str:
    """A text as T-SQL writes it."""
    return "N'" + value.replace("'", "''") + "'"


def _column(column: TableColumn) -> str:
    collation = f" COLLATE {column.collation}" if _is_name(column.collation) else ""
    seed, step = column.identity or ("", "")
    numbers = all(re.fullmatch(r"-?\d+", part, re.ASCII) for part in (seed, step))
    identity = f" IDENTITY({seed},{step})" if numbers else ""
    row_guid = " ROWGUIDCOL" if column.row_guid else ""
    return f"{declared(column)}{collation}{identity}{row_guid} {'NULL' if column.nullable else 'NOT NULL'}"


def _is_name(collation: str) -> bool:
    return re.fullmatch(r"\w+", collation, re.ASCII) is not None


def _converted(column: TableColumn) -> str:
    name, kind = join_name(column.name), column.type
    if kind in _AS_IS or kind in ("decimal", "numeric"):
        return name
    style = {"xml": ", 1"}.get(kind, ", 121" if kind in _MOMENTS else "")
    return f"CONVERT({declared(column)}, {name}{style})"


def _key(columns: list[KeyColumn]) -> str:
    return ", ".join(f"{join_name(one.name)}{' DESC' if one.descending else ''}" for one in columns)


def _index(load: Load, index: TableIndex) -> str:
    kind = f"{'UNIQUE ' if index.unique else ''}{'' if index.clustered else 'NON'}CLUSTERED"
    included = f" INCLUDE ({', '.join(map(join_name, index.included))})" if index.included else ""
    where = f" WHERE {index.where}" if index.where else ""
    return f"CREATE {kind} INDEX {join_name(index.name)} ON {made_name(load)} ({_key(index.columns)}){included}{where}"
