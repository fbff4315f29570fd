"""A day's package written anew: with rows of a table purged, or exported once more although nothing changed."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.decoding import row_ends, table_bytes
from holdfast.bacpac.package import ORIGIN, Bacpac, TableData
from holdfast.bacpac.writer import Level, write_package

_RELATIONSHIPS = "_rels/.rels"
_TAIL = (_RELATIONSHIPS, ORIGIN)


@dataclass(frozen=True)
class Purge:
    """A share of a table's rows that is gone: `first` and `last` are fractions of the rows in key order."""

    table: str
    first: float
    last: float

    def kept(self, rows: int) -> list[tuple[int, int]]:
        """Ranges of the rows that stay."""
        return [(0, int(rows * self.first)), (int(rows * self.last), rows)]


@dataclass(frozen=True)
class Rewriting:
    """What becomes of a package. With every rewriting comes what every export changes: ids, times, borders of the parts."""

    mark: str
    """Ids are made of it."""
    purge: Purge | None = None


def rewritten(source: Path, to: Path, rewriting: Rewriting, level: Level) -> None:
    """Writes the package anew. Raises BadBacpac for a damaged one, ValueError where rows do not decode."""
    with Bacpac.open(source) as package, to.open("wb") as out:
        write_package(out, _entries(package, rewriting), level)


def _entries(package: Bacpac, rewriting: Rewriting) -> Iterator[tuple[str, Iterator[bytes]]]:
    parts = {part for table in package.tables() for part in table.parts}
    for entry in package.entries:
        if entry.name not in parts and entry.name not in _TAIL:
            yield entry.name, package.pieces(entry.name)
    for table in reversed(package.tables()):
        yield from _table(package, table, rewriting)
    for name in _TAIL:
        if any(entry.name == name for entry in package.entries):
            yield name, iter([_new_ids(b"".join(package.pieces(name)), rewriting.mark)])


def _table(package: Bacpac, table: TableData, rewriting: Rewriting) -> Iterator[tuple[str, Iterator[bytes]]]:
    """The table's parts, the last one first, cut at other rows than before."""
    if not table.parts:
        return
    if table.columns is None:
        raise ValueError(f"{table.schema}.{table.name}: {table.reason}")
    data = table_bytes(package, table)
    ends = [0, *row_ends(table.columns, data)]
    rows = len(ends) - 1
    purge = rewriting.purge if rewriting.purge and rewriting.purge.table == table.name else None
    kept = purge.kept(rows) if purge else [(0, rows)]
    borders = _borders(rows, len(table.parts))
    for name, first, last in reversed(list(zip(table.parts, borders, borders[1:], strict=False))):
        ranges = [(max(first, low), min(last, high)) for low, high in kept]
        yield name, iter([data[ends[low] : ends[high]] for low, high in ranges if low < high])


def _borders(rows: int, parts: int) -> list[int]:
    """Even parts, but each border a little late: statistics move from export to export."""
    late = rows // (parts * 20)
    return [0, *(rows * number // parts + late for number in range(1, parts)), rows]


def _new_ids(text: bytes, mark: str) -> bytes:
    def salted(found: re.Match[bytes]) -> bytes:
        fresh = hashlib.sha256(mark.encode() + found[2]).hexdigest().encode()
        return found[1] + fresh[: len(found[2])] + found[3]

    text = re.sub(rb'( Id="R)([0-9a-f]+)(")', salted, text)
    return re.sub(rb"(<Identity>)([0-9a-f-]+)(</Identity>)", salted, text)
