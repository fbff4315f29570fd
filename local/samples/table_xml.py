"""Tables with their columns, keys, constraints and indexes as elements of the model."""

from __future__ import annotations

from local.samples.schema import Column, ForeignKey, Index, Key, Table, bracketed
from local.samples.type_xml import schema_of, type_specifier
from local.samples.xml_tree import Node, element, prop, refers, relation, script


def table_nodes(table: Table, index: int) -> tuple[Node, list[Node]]:
    """A table and its constraints. Those that the system named stand inline: the two are tied by a number."""
    number = 100 * index + 2
    constraints: list[Node] = []
    on_table: list[Node] = []
    on_column: dict[str, Node] = {}

    def tie(name: str | None, stem: str) -> Node | None:
        nonlocal number
        if name is not None:
            return None
        number += 1
        full = bracketed(table.schema, f"{stem}__{table.name[:9]}__{0x1A2B3C00 + number:08X}")
        return Node(
            "Annotation",
            (("Type", "SqlInlineConstraintAnnotation"), ("Name", full), ("Disambiguator", str(number))),
        )

    keys = [("SqlPrimaryKeyConstraint", "PK", table.primary_key)] if table.primary_key else []
    for kind, stem, key in [*keys, *(("SqlUniqueConstraint", "UQ", k) for k in table.unique)]:
        annotation = tie(key.name, stem)
        constraints.append(_key_node(kind, table, key, annotation))
        if annotation:
            on_table.append(Node("AttachedAnnotation", (("Disambiguator", str(number)),)))
    for column in table.columns:
        if column.default is not None:
            annotation = tie(column.default[0], "DF")
            constraints.append(_default_node(table, column, annotation))
            if annotation:
                on_column[column.name] = Node("AttachedAnnotation", (("Disambiguator", str(number)),))
    constraints.extend(_foreign_key_node(table, key) for key in table.foreign_keys)
    constraints.extend(
        element(
            "SqlCheckConstraint",
            bracketed(table.schema, check.name),
            script("CheckExpressionScript", check.expression),
            refers("CheckExpressionDependencies", *(_column_ref(table, c) for c in check.columns)),
            refers("DefiningTable", table.ref),
        )
        for check in table.checks
    )
    constraints.extend(_index_node(table, found) for found in table.indexes)
    node = element(
        "SqlTable",
        table.ref,
        prop("IsAnsiNullsOn", "True"),
        relation("Columns", *(_column_node(table, c, on_column.get(c.name)) for c in table.columns)),
        schema_of(table.schema),
        *on_table,
    )
    return node, constraints


def _column_ref(table: Table, column: str) -> str:
    return bracketed(table.schema, table.name, column.removeprefix("-"))


def _column_node(table: Table, column: Column, annotation: Node | None) -> Node:
    name = _column_ref(table, column.name)
    if column.computed is not None:
        return element(
            "SqlComputedColumn",
            name,
            script("ExpressionScript", column.computed),
            prop("IsPersisted", "True") if column.persisted else None,
            refers("ExpressionDependencies", *(_column_ref(table, c) for c in column.computed_from)),
        )
    seed, step = column.identity or (1, 1)
    return element(
        "SqlSimpleColumn",
        name,
        prop("IsNullable", "False") if not column.nullable else None,
        prop("IsIdentity", "True") if column.identity else None,
        prop("IdentitySeed", seed) if seed != 1 else None,
        prop("IdentityIncrement", step) if step != 1 else None,
        prop("IsRowGuidColumn", "True") if column.row_guid else None,
        relation("TypeSpecifier", type_specifier(column.type, column.alias)),
        annotation,
    )


def _specifications(table: Table, columns: tuple[str, ...]) -> Node:
    return relation(
        "ColumnSpecifications",
        *(
            element(
                "SqlIndexedColumnSpecification",
                None,
                prop("IsAscending", "False") if column.startswith("-") else None,
                refers("Column", _column_ref(table, column)),
            )
            for column in columns
        ),
    )


def _key_node(kind: str, table: Table, key: Key, annotation: Node | None) -> Node:
    clustered = key.clustered
    usual = kind == "SqlPrimaryKeyConstraint"
    return element(
        kind,
        bracketed(table.schema, key.name) if key.name else None,
        prop("IsClustered", clustered) if clustered != usual else None,
        _specifications(table, key.columns),
        refers("DefiningTable", table.ref),
        annotation,
    )


def _default_node(table: Table, column: Column, annotation: Node | None) -> Node:
    assert column.default is not None  # noqa: S101 (the caller looked)
    name, expression = column.default
    return element(
        "SqlDefaultConstraint",
        bracketed(table.schema, name) if name else None,
        script("DefaultExpressionScript", expression),
        refers("DefiningTable", table.ref),
        refers("ForColumn", _column_ref(table, column.name)),
        annotation,
    )


def _foreign_key_node(table: Table, key: ForeignKey) -> Node:
    return element(
        "SqlForeignKeyConstraint",
        bracketed(table.schema, key.name),
        prop("OnDeleteAction", 1) if key.on_delete_cascade else None,
        refers("Columns", *(_column_ref(table, c) for c in key.columns)),
        refers("DefiningTable", table.ref),
        refers("ForeignColumns", *(bracketed(*key.table, c) for c in key.references)),
        refers("ForeignTable", bracketed(*key.table)),
    )


def _index_node(table: Table, index: Index) -> Node:
    return element(
        "SqlIndex",
        bracketed(table.schema, table.name, index.name),
        prop("IsUnique", "True") if index.unique else None,
        prop("IsClustered", "True") if index.clustered else None,
        script("FilterPredicate", index.where[0]) if index.where else None,
        refers("BodyDependencies", *(_column_ref(table, c) for c in index.where[1])) if index.where else None,
        _specifications(table, index.columns),
        refers("IncludedColumns", *(_column_ref(table, c) for c in index.included)) if index.included else None,
        refers("IndexedObject", table.ref),
    )
