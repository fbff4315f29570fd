"""Compares the rows of two packages of one database, table by table, as they lie there."""

from __future__ import annotations

import hashlib

from holdfast.bacpac.package import Bacpac, TableData
from holdfast.model.counted import counted
from holdfast.model.restore.report import Compared
from holdfast.worker.progress import ProgressBoard
from holdfast.worker.stopping import Stop

_NAMED = 10


def compare_contents(stored: Bacpac, found: Bacpac, progress: ProgressBoard, stop: Stop) -> Compared:
    """Every table's stream against the other's.

    A heap has no order, and a server makes rowversions anew: such tables are the same if they are equal, and not proven
    if only their sizes are.
    """
    there = {(table.schema, table.name): table for table in found.tables()}
    heaps = stored.model().heaps
    different, unproven, same, size = [], [], 0, 0
    tables = stored.tables()
    for number, table in enumerate(tables):
        stop.check()
        name = f"{table.schema}.{table.name}"
        progress.update(
            phase="comparing contents", table=name, tables_done=number, tables_total=len(tables), bytes=size
        )
        other = there.get((table.schema, table.name))
        if other is None or other.bytes != table.bytes:
            different.append(f"{name} has {other.bytes if other else 0:,} bytes, not {table.bytes:,}")
        elif _digest(stored, table, stop) == _digest(found, other, stop):
            same += 1
        elif (table.schema, table.name) in heaps or _has_rowversion(table):
            unproven.append(name)
        else:
            different.append(f"{name} has other rows")
        size += table.bytes
    if different:
        return Compared(what="contents", outcome="different", detail=_listed(different))
    detail = f"{counted(same, 'table')} byte for byte, {size:,} bytes"
    if unproven:
        why = "of equal size, but without an order or with rowversions, which a server makes anew"
        return Compared(what="contents", outcome="unknown", detail=f"{detail}; {why}: {_listed(unproven)}")
    return Compared(what="contents", outcome="same", detail=detail)


def _digest(bacpac: Bacpac, table: TableData, stop: Stop) -> bytes:
    digest = hashlib.sha256()
    for part in table.parts:
        for piece in bacpac.pieces(part):
            digest.update(piece)
            stop.check()
    return digest.digest()


def _has_rowversion(table: TableData) -> bool:
    return any(column.type in ("rowversion", "timestamp") for column in table.columns or ())


def _listed(words: list[str]) -> str:
    more = f" and {len(words) - _NAMED} more" if len(words) > _NAMED else ""
    return ", ".join(words[:_NAMED]) + more
