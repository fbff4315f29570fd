"""Key ranges of a parallel export: where each table's data is cut, which moves from export to export.

Cuts are at row borders, so that the parts' concatenation stays the same. A table whose rows cannot be decoded keeps the
parts that it has.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from holdfast.bacpac.columns import RowsNotDecodable
from holdfast.bacpac.package import Bacpac, TableData
from holdfast.bacpac.rows import RowCounter
from local.sqlpackage.faults import Pace

# Real files have tables of 6 kB in two ranges, and never more than four ranges.
_CUT_FROM_BYTES = 4_096
_MOST_RANGES = 4
_CHANCE = 0.4
_PIECE = 1 << 18


@dataclass(frozen=True)
class Part:
    """One part to be written: a stretch of a table's bytes."""

    name: str
    table: TableData
    start: int
    end: int


@dataclass(frozen=True)
class TableParts:
    """A table's parts, and its rows where they are known."""

    parts: tuple[Part, ...]
    rows: int | None


def cut(bacpac: Bacpac, table: TableData, chance: random.Random, pace: Pace) -> TableParts:
    """Reads a table through once, counts its rows, and cuts it. Raises BadBacpac where its data is damaged."""
    if not table.parts:
        return TableParts((), 0)
    as_it_was = _present_parts(bacpac, table)
    if table.columns is None:
        return TableParts(as_it_was, None)
    moved = table.bytes >= _CUT_FROM_BYTES and chance.random() < _CHANCE
    wanted = sorted(chance.uniform(0, table.bytes) for _ in range(chance.randrange(_MOST_RANGES))) if moved else []
    try:
        borders, rows = _borders(bacpac, table, wanted, pace)
    except RowsNotDecodable:
        return TableParts(as_it_was, None)
    if not moved:
        return TableParts(as_it_was, rows)
    folder = table.parts[0].rpartition("/")[0]
    edges = [0, *borders, table.bytes]
    ranges = pairwise(edges)
    return TableParts(
        tuple(Part(f"{folder}/TableData-{n:03}-00000.BCP", table, a, b) for n, (a, b) in enumerate(ranges)), rows
    )


def read_part(bacpac: Bacpac, part: Part) -> Iterator[bytes]:
    """The part's bytes, from whatever parts the database's content has them in."""
    at = 0
    for name in part.table.parts:
        size = bacpac.entry(name).bytes
        if at + size > part.start and at < part.end:
            for piece in bacpac.pieces(name):
                wanted = piece[max(part.start - at, 0) : max(part.end - at, 0)]
                at += len(piece)
                if wanted:
                    yield wanted
        else:
            at += size


def _present_parts(bacpac: Bacpac, table: TableData) -> tuple[Part, ...]:
    found: list[Part] = []
    at = 0
    for name in table.parts:
        size = bacpac.entry(name).bytes
        found.append(Part(name, table, at, at + size))
        at += size
    return tuple(found)


def _borders(bacpac: Bacpac, table: TableData, wanted: list[float], pace: Pace) -> tuple[list[int], int]:
    """Row borders at or after the wanted places, and the number of rows."""
    counter = RowCounter(table.columns or ())
    borders: list[int] = []
    waiting = list(wanted)
    step = min(_PIECE, table.bytes // 64 + 1)
    for name in table.parts:
        for piece in bacpac.pieces(name):
            for at in range(0, len(piece), step):
                before = counter.rows
                counter.feed(piece[at : at + step])
                pace.passed(counter.rows - before)
                if waiting and counter.border >= waiting[0]:
                    waiting = [place for place in waiting if place > counter.border]
                    if counter.border < table.bytes:
                        borders.append(counter.border)
    return borders, counter.finish()
