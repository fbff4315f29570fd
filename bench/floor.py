"""The floor of a day: what the rows that are new or changed take, compressed by zstd at level 3.

A row counts as changed where the same table had no row of the very same bytes the day before. What was deleted, and where
the changed rows belong, costs a real store something on top; matching the old version of a row saves it something. So the
floor is a yardstick and no bound.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import zstandard

from bench.decoding import rows_of, table_bytes
from holdfast.bacpac.columns import Column
from holdfast.bacpac.package import Bacpac

_LEVEL = 3


@dataclass(frozen=True)
class Floor:
    """Of one day: rows that changed, their bytes, and these bytes compressed."""

    rows: int = 0
    plain_bytes: int = 0
    packed_bytes: int = 0

    def plus(self, other: Floor) -> Floor:
        """Of two tables together."""
        return Floor(
            self.rows + other.rows, self.plain_bytes + other.plain_bytes, self.packed_bytes + other.packed_bytes
        )


def changed_rows(before: Iterable[bytes], after: Iterable[bytes]) -> list[bytes]:
    """The rows of `after` that `before` has not, in their order: an anti-join by hashes of whole rows."""
    known = {_mark(row) for row in before}
    return [row for row in after if _mark(row) not in known]


def floor_of_table(columns: Sequence[Column], before: bytes, after: bytes) -> Floor:
    """Of one table, whose rows decode."""
    rows = changed_rows(rows_of(columns, before), rows_of(columns, after))
    plain = b"".join(rows)
    return Floor(len(rows), len(plain), len(zstandard.compress(plain, level=_LEVEL)) if plain else 0)


def floor_between(before: Path, after: Path) -> Floor:
    """Of one day against another, over all tables. Raises ValueError for a table whose rows do not decode."""
    total = Floor()
    with Bacpac.open(before) as old, Bacpac.open(after) as new:
        earlier = {(table.schema, table.name): table for table in old.tables()}
        for table in new.tables():
            if table.columns is None:
                raise ValueError(f"{table.schema}.{table.name}: {table.reason}")
            known = earlier.get((table.schema, table.name))
            same = known is not None and known.columns == table.columns
            old_bytes = table_bytes(old, known) if known is not None and same else b""
            total = total.plus(floor_of_table(table.columns, old_bytes, table_bytes(new, table)))
    return total


def _mark(row: bytes) -> bytes:
    return blake2b(row, digest_size=16).digest()
