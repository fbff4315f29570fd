"""Whether a restored database is what the point says: rows, objects and constraints from catalog views. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from holdfast.model.counted import counted
from holdfast.model.point import Table
from holdfast.model.restore.report import Compared

Row = Mapping[str, Any]
_NAMED = 10


def compare_rows(tables: Sequence[Table], found: Iterable[Row]) -> Compared:
    """The rows of every table of the point against V01."""
    there = {(str(row["s"]).casefold(), str(row["t"]).casefold()): int(row["n"] or 0) for row in found}
    wrong, known, unknown = [], 0, 0
    for table in tables:
        name = f"{table.schema_name}.{table.name}"
        rows = there.get((table.schema_name.casefold(), table.name.casefold()))
        if rows is None:
            wrong.append(f"{name} is missing")
        elif table.rows is None:
            unknown += 1
        elif rows != table.rows:
            wrong.append(f"{name} has {counted(rows, 'row')}, not {table.rows:,}")
        else:
            known += table.rows
    if wrong:
        return Compared(what="rows", outcome="different", detail=_listed(wrong))
    detail = f"{counted(known, 'row')} in {counted(len(tables) - unknown, 'table')}"
    if unknown:
        # Their rows could not be counted when the point was made, so nothing is known to compare with.
        return Compared(what="rows", outcome="unknown", detail=f"{detail}; {counted(unknown, 'table')} not counted")
    return Compared(what="rows", outcome="same", detail=detail)


def compare_objects(expected: Mapping[str, int], found: Iterable[Row]) -> Compared:
    """Objects by kind against V02. More than expected is told and is no difference: a server adds some by itself."""
    there = {str(row["k"]): int(row["n"] or 0) for row in found}
    missing = [
        f"{there.get(kind, 0):,} of {count:,} {kind.replace('_', ' ').lower()}"
        for kind, count in sorted(expected.items())
        if there.get(kind, 0) < count
    ]
    if missing:
        return Compared(what="objects", outcome="different", detail=f"there are {_listed(missing)}")
    more = [kind for kind, count in sorted(there.items()) if kind in expected and count > expected[kind]]
    detail = f"{counted(sum(expected.values()), 'object')} of {counted(len(expected), 'kind')}"
    if more:
        detail += f"; more than expected: {_listed([kind.replace('_', ' ').lower() for kind in more])}"
    return Compared(what="objects", outcome="same", detail=detail)


def compare_constraints(expected: Iterable[Row], found: Iterable[Row]) -> Compared:
    """Disabled and untrusted constraints against P22 of the point: none that was in force then may be out of it now."""

    def key(row: Row) -> tuple[str, str]:
        return str(row["s"]).casefold(), str(row["name"]).casefold()

    before = {key(row): row for row in expected}
    wrong = []
    for row in sorted(found, key=key):
        was, name = before.get(key(row), {}), f"{row['s']}.{row['name']}"
        if row.get("is_disabled") and not was.get("is_disabled"):
            wrong.append(f"{name} is disabled")
        elif row.get("is_not_trusted") and not (was.get("is_not_trusted") or was.get("is_disabled")):
            wrong.append(f"{name} is not trusted")
    if wrong:
        return Compared(what="constraints", outcome="different", detail=_listed(wrong))
    return Compared(what="constraints", outcome="same", detail="as enabled and trusted as they were")


def _listed(words: Sequence[str]) -> str:
    more = f" and {len(words) - _NAMED} more" if len(words) > _NAMED else ""
    return ", ".join(words[:_NAMED]) + more
