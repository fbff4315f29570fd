"""What preflight asks about tables, their columns, indexes and constraints, from a model's elements."""

from __future__ import annotations

from typing import Any

from holdfast.bacpac.element import Element
from holdfast.bacpac.names import split_name

_RISKY = frozenset({"json", "vector", "sql_variant"})
_SPECIAL = frozenset('/"$\\')
_CLUSTERED_BY_DEFAULT = frozenset({"SqlPrimaryKeyConstraint"})
_INDEXES = frozenset(
    {"SqlIndex", "SqlColumnStoreIndex", "SqlPrimaryKeyConstraint", "SqlUniqueConstraint", "SqlStatistic"}
)
_CONSTRAINTS = {"SqlForeignKeyConstraint": "FK", "SqlCheckConstraint": "CK"}


class TableCensus:
    """Collects them; indexes may come before the tables that they are on."""

    def __init__(self) -> None:
        self._rows: dict[str, list[dict[str, Any]]] = {}
        self._tables: list[tuple[str, str]] = []
        self._clustered: set[tuple[str, ...]] = set()
        self._random: set[str] = set()
        self._indexed: list[tuple[str, str, list[str]]] = []

    def take(self, element: Element) -> None:
        """Looks at an element."""
        if element.type == "SqlTable":
            self._table(element)
        elif element.type in _INDEXES:
            self._index(element)
        elif element.type in _CONSTRAINTS:
            self._constraint(element)
        elif element.type == "SqlDefaultConstraint" and element.name:
            schema, name = _two(element.name)
            table = element.reference("DefiningTable")
            if name.startswith("DF__"):
                self._add("P19", s=schema, name=name, t=_two(table.name)[1] if table else None)

    @property
    def heaps(self) -> frozenset[tuple[str, str]]:
        """Schema and name of the tables without a clustered index."""
        return frozenset(table for table in self._tables if table not in self._clustered)

    def answers(self) -> dict[str, list[dict[str, Any]]]:
        """The rows by query."""
        encrypted = [
            {"s": parts[0], "t": parts[1], "c": parts[2], "i": name, "k": kind}
            for kind, name, columns in self._indexed
            for column in columns
            if column in self._random
            for parts in [split_name(column)]
        ]
        return {**self._rows, "P15": encrypted}

    def _add(self, query: str, **row: Any) -> None:
        self._rows.setdefault(query, []).append(row)

    def _table(self, element: Element) -> None:
        schema, name = _two(element.name)
        self._tables.append((schema, name))
        if element.properties.get("IsMemoryOptimized") == "True":
            durability = "SCHEMA_ONLY" if element.properties.get("Durability") == "1" else "SCHEMA_AND_DATA"
            self._add("P11", s=schema, name=name, durability_desc=durability)
            self._clustered.add((schema, name))  # it has no heap
        if _is_ledger(element):
            self._add("P12", s=schema, name=name, ledger_type_desc="LEDGER_TABLE")
        history = element.reference("TemporalSystemVersioningHistoryTable")
        if history is not None:
            kept = {"history_retention_period": element.properties.get("RetentionValue", "-1")}
            unit = {"history_retention_period_unit_desc": element.properties.get("RetentionUnit")}
            self._add("P13", s=schema, name=name, hs=_two(history.name)[0], h=_two(history.name)[1], **kept, **unit)
        if _SPECIAL & {*schema, *name} or name.endswith(" "):
            self._add("P21", s=schema, name=name)
        self._columns(schema, name, [c for c in element.elements("Columns") if c.type == "SqlSimpleColumn"])

    def _columns(self, schema: str, table: str, columns: list[Element]) -> None:
        for place, column in enumerate(columns):
            name = split_name(column.name)[-1]
            if column.properties.get("EncryptionType") == "2":
                self._random.add(column.name)
            if column.properties.get("IsFileStream") == "True":
                self._add("P17", s=schema, t=table, c=name)
            specifier = next(iter(column.elements("TypeSpecifier")), None)
            named = specifier.reference("Type") if specifier else None
            type_name = split_name(named.name)[-1].lower() if named else ""
            if type_name in _RISKY:
                self._add(
                    "P20",
                    s=schema,
                    t=table,
                    c=name,
                    ty=type_name,
                    is_nullable=column.properties.get("IsNullable", "True") == "True",
                    is_followed=int(place + 1 < len(columns)),
                )

    def _index(self, element: Element) -> None:
        on = next((r for k in ("IndexedObject", "DefiningTable", "Subject") for r in element.references(k)), None)
        if on is None:
            return
        clustered = element.properties.get("IsClustered", str(element.type in _CLUSTERED_BY_DEFAULT))
        if clustered == "True" and element.type != "SqlStatistic":
            self._clustered.add(split_name(on.name))
        nested = [r.name for one in element.elements("ColumnSpecifications") for r in one.walk_references()]
        columns = [*nested, *(r.name for r in element.references("Columns"))]
        kind = "STATISTICS" if element.type == "SqlStatistic" else "INDEX"
        self._indexed.append((kind, split_name(element.name)[-1] if element.name else "", columns))

    def _constraint(self, element: Element) -> None:
        disabled = element.properties.get("IsDisabled") == "True"
        loose = "IsNotTrustedPropertyAnnotation" in element.annotations
        if disabled or loose:
            table = element.reference("DefiningTable")
            name = split_name(element.name)[-1] if element.name else "of " + (table.name if table else "")
            schema = _two(element.name or (table.name if table else ""))[0]
            # The engine trusts none that is disabled.
            self._add(
                "P22", k=_CONSTRAINTS[element.type], s=schema, name=name, is_disabled=disabled, is_not_trusted=True
            )


def _is_ledger(element: Element) -> bool:
    """By any property that speaks of a ledger and is not switched off; no model with a ledger table was at hand."""
    return any("Ledger" in key and value not in ("False", "0", "") for key, value in element.properties.items())


def _two(name: str) -> tuple[str, str]:
    parts = split_name(name)
    return (parts[0], parts[1]) if len(parts) > 1 else ("", parts[0])
