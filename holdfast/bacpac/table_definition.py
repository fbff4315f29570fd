"""Reads from model.xml what a table is made of, so that it can be made again alone in another database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from holdfast.bacpac.columns import RowsNotDecodable
from holdfast.bacpac.element import Element, read_elements
from holdfast.bacpac.model import stored_column
from holdfast.bacpac.names import split_name
from holdfast.model.errors import NotFound
from holdfast.model.table_definition import KeyColumn, TableColumn, TableDefinition, TableIndex, TableKey

_TEXT = frozenset({"char", "nchar", "varchar", "nvarchar", "text", "ntext"})
_ROW_VERSION = ("rowversion", "timestamp")
#: What hangs on a table and is not made again, as people call it.
_HANGING = {
    "SqlForeignKeyConstraint": "foreign key",
    "SqlCheckConstraint": "check constraint",
    "SqlDefaultConstraint": "default",
    "SqlUniqueConstraint": "unique constraint",
    "SqlDmlTrigger": "trigger",
    "SqlColumnStoreIndex": "columnstore index",
    "SqlXmlIndex": "XML index",
    "SqlSelectiveXmlIndex": "XML index",
    "SqlSpatialIndex": "spatial index",
    "SqlFullTextIndex": "full-text index",
    "SqlStatistic": "statistics",
    "SqlPermissionStatement": "permission",
    "SqlExtendedProperty": "extended property",
}
_OWNERS = ("DefiningTable", "IndexedObject", "Parent", "SecuredObject", "Host", "Subject")


def read_definition(chunks: Iterable[bytes], schema: str, name: str, *, indexes: bool) -> TableDefinition:
    """The table's definition. Raises NotFound, RowsNotDecodable for a column whose form is not known, BadBacpac."""
    found = _Found(schema, name)
    read_elements(chunks, found.take, lambda _: None)
    if found.table is None:
        raise NotFound(f"the point's model has no table {schema}.{name}")
    return found.definition(with_indexes=indexes)


class _Found:
    def __init__(self, schema: str, name: str) -> None:
        self._wanted = (schema, name)
        self.table: Element | None = None
        self._aliases: dict[str, Element] = {}
        self._hanging: list[Element] = []
        self._collation = ""

    def take(self, element: Element) -> None:
        """Keeps what concerns the table."""
        if element.type == "SqlTable" and split_name(element.name) == self._wanted:
            self.table = element
        elif element.type == "SqlUserDefinedDataType":
            self._aliases[element.name] = element
        elif element.type == "SqlDatabaseOptions":
            self._collation = element.properties.get("Collation", "")
        elif any(split_name(one.name)[:2] == self._wanted for key in _OWNERS for one in element.references(key)):
            self._hanging.append(element)

    def definition(self, *, with_indexes: bool) -> TableDefinition:
        assert self.table is not None  # noqa: S101 (the caller looked)
        left: list[str] = []
        columns = [made for one in self.table.elements("Columns") if (made := self._column(one, left)) is not None]
        if not columns:
            raise RowsNotDecodable(f"{'.'.join(self._wanted)} has no columns that stand in the data")
        names = {column.name for column in columns}
        key: TableKey | None = None
        made_indexes: list[TableIndex] = []
        for element in self._hanging:
            parts = _key_columns(element)
            usable = bool(parts) and {part.name for part in parts} <= names
            if element.type == "SqlPrimaryKeyConstraint" and usable:
                key = TableKey(columns=parts, clustered=element.properties.get("IsClustered", "True") == "True")
            elif element.type == "SqlIndex" and with_indexes and usable:
                made_indexes.append(_index(element, parts))
            else:
                left.append(_told(element))
        return TableDefinition(
            columns=columns,
            primary_key=key,
            # A clustered one first: the others are built on it.
            indexes=sorted(made_indexes, key=lambda one: not one.clustered),
            left_out=sorted(set(left)),
        )

    def _column(self, item: Element, left: list[str]) -> TableColumn | None:
        name = split_name(item.name)[-1]
        column = stored_column(item, self._aliases)
        if column is None:
            left.append(f"computed column {name}")
            return None
        kind, length = column.type, column.length
        if kind in _ROW_VERSION:
            # The server would give new values; as binary the column keeps those of the point.
            kind, length = "binary", 8
            left.append(f"the type rowversion of column {name}: it is binary(8), with the values of the point")
        specifier = next(iter(item.elements("TypeSpecifier")))
        named = specifier.reference("Type")
        if named is not None and named.name in self._aliases:
            left.append(f"the type {named.name} of column {name}: it is {kind}, which it stands for")
        if item.properties.get("GeneratedAlwaysType"):
            left.append(f"the period column {name} as such: it is an ordinary one")
        properties: Mapping[str, str] = item.properties
        identity = (properties.get("IdentitySeed", "1"), properties.get("IdentityIncrement", "1"))
        return TableColumn(
            name=name,
            type=kind,
            nullable=column.nullable,
            length=length,
            is_max=column.is_max,
            precision=column.precision,
            scale=column.scale,
            collation=properties.get("Collation", self._collation) if kind in _TEXT else "",
            identity=identity if properties.get("IsIdentity") == "True" else None,
            row_guid=properties.get("IsRowGuidColumn") == "True",
        )


def _key_columns(element: Element) -> list[KeyColumn]:
    """The columns of a key or an index; none where one of them is not named."""
    found: list[KeyColumn] = []
    for item in element.elements("ColumnSpecifications"):
        column = item.reference("Column")
        if column is None:
            return []
        descending = item.properties.get("IsAscending") == "False"
        found.append(KeyColumn(name=split_name(column.name)[-1], descending=descending))
    return found


def _index(element: Element, columns: list[KeyColumn]) -> TableIndex:
    return TableIndex(
        name=split_name(element.name)[-1],
        columns=columns,
        unique=element.properties.get("IsUnique") == "True",
        clustered=element.properties.get("IsClustered") == "True",
        included=[split_name(one.name)[-1] for one in element.references("IncludedColumns")],
        where=element.properties.get("FilterPredicate", ""),
    )


def _told(element: Element) -> str:
    kind = {"SqlIndex": "index", "SqlPrimaryKeyConstraint": "primary key"}.get(element.type) or _HANGING.get(
        element.type, element.type.removeprefix("Sql")
    )
    name = split_name(element.name)[-1] if element.name else "without a name"
    return f"{kind} {name}"
