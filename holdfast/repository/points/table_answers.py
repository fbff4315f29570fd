"""Answers questions about the tables of points, as JSON: through the app and directly people get the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from holdfast.bacpac.names import table_name
from holdfast.model.table_ask import TableAsk
from holdfast.repository.points.point_tables import PointTable, PointTables

TablesOf = Callable[[str], PointTables]


def answer(tables_of: TablesOf, point: str, ask: TableAsk) -> Any:
    """What `list`, `show` and `diff` print with `--output json`. `tables_of` opens a point.

    Raises NotFound, RowsNotDecodable, Damaged, Rehydrating, Cancelled; InvalidInput for what is no table's name.
    """
    if ask.act == "list":
        return [_as_json(one) for one in tables_of(point).listed()]
    if ask.act == "show":
        return _shown(tables_of(point), ask)
    return _differences(tables_of(point), tables_of(ask.other), point, ask)


def _shown(tables: PointTables, ask: TableAsk) -> list[dict[str, str | None]]:
    from holdfast.bacpac.values.table_files import first_rows

    found = tables.table(*table_name(ask.table))
    return list(first_rows(found.decodable(), tables.pieces(found, few=True), ask.rows))


def _differences(before: PointTables, after: PointTables, point: str, ask: TableAsk) -> dict[str, Any]:
    from holdfast.bacpac.values.comparing import State, compare

    old, new = (tables.table(*table_name(ask.table)) for tables in (before, after))
    key = new.primary_key if new.primary_key == old.primary_key else ()
    first = State(old.decodable(), before.pieces(old))
    second = State(new.decodable(), after.pieces(new))
    counts: Counter[str] = Counter()
    told: list[dict[str, Any]] = []
    for difference in compare(first, second, key):
        counts[difference.kind] += 1
        if len(told) < ask.rows:
            told.append(vars(difference))
    return {
        "table": new.full_name,
        "before": point,
        "after": ask.other,
        "primary_key": list(key),
        "added": counts["added"],
        "removed": counts["removed"],
        "changed": counts["changed"],
        "columns_not_compared": _not_compared(old, new),
        "rows": told,
    }


def _not_compared(old: PointTable, new: PointTable) -> list[str]:
    """Columns that only one of the points has, or that changed their type."""
    types = [{column.name: column.type for column in one.decodable()} for one in (old, new)]
    return sorted(name for name in types[0].keys() | types[1].keys() if types[0].get(name) != types[1].get(name))


def _as_json(table: PointTable) -> dict[str, Any]:
    return {
        "schema": table.schema,
        "name": table.name,
        "rows": table.rows,
        "bytes": table.bytes,
        "decodable": table.columns is not None,
        "reason": table.reason,
    }
