"""What differs between two states of a table: rows added, removed and changed, by primary key.

Both states are read once, side by side. Rows of equal keys cancel each other; in two states of one table they come in
nearly the same order, so hardly any have to wait. Those that do wait in memory up to a bound, then in a file.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise, zip_longest
from pathlib import Path
from typing import Literal

import numpy as np

from holdfast.bacpac.columns import Column
from holdfast.bacpac.values.readable import ReadableRows
from holdfast.bacpac.values.row_batches import RowBatch, row_batches

Kind = Literal["added", "removed", "changed"]
Texts = dict[str, str | None]

#: Bytes of rows that wait in memory, of each state.
HELD = 64 << 20


@dataclass(frozen=True)
class State:
    """One state of the table: its columns, and its rows' bytes in pieces."""

    columns: Sequence[Column]
    pieces: Iterable[bytes | memoryview]


@dataclass(frozen=True)
class Difference:
    """One row that differs. `key` is empty where the table has no primary key: then a changed row is removed and added."""

    kind: Kind
    key: Texts
    before: Texts | None
    after: Texts | None


def compare(before: State, after: State, key: Sequence[str]) -> Iterator[Difference]:
    """The rows that differ: changed ones as they are met, then what is gone, then what is new.

    Columns that only one state has, or that are of another type, are not compared. Raises RowsNotDecodable.
    """
    shared = [column.name for column in before.columns if _like(column, after.columns)]
    usable = bool(key) and set(key) <= set(shared)
    by = list(key) if usable else []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="holdfast-compare-")))
        sides = [
            stack.enter_context(_Side(state.columns, shared, by, folder / name))
            for state, name in ((before, "before"), (after, "after"))
        ]
        old, new = sides
        for batches in zip_longest(*(row_batches(state.columns, state.pieces) for state in (before, after))):
            for own, other, batch in ((old, new, batches[0]), (new, old, batches[1])):
                if batch is None:
                    continue
                for row_key, row in own.packed(batch):
                    found = other.take(row_key)
                    if found is None:
                        own.put(row_key, row)
                    elif found != row:
                        first, second = (row, found) if own is old else (found, row)
                        yield _difference("changed", old.texts(first), new.texts(second), by)
        for row in old.left():
            yield _difference("removed", old.texts(row), None, by)
        for row in new.left():
            yield _difference("added", None, new.texts(row), by)


def _like(column: Column, others: Sequence[Column]) -> bool:
    return any(o.name == column.name and o.type == column.type for o in others)


def _difference(kind: Kind, before: Texts | None, after: Texts | None, by: Sequence[str]) -> Difference:
    told = after if before is None else before
    assert told is not None  # noqa: S101 (one of the two is there)
    return Difference(kind, {name: told[name] for name in by}, before, after)


class _Side:
    """The rows of one state that wait for their like in the other."""

    def __init__(self, columns: Sequence[Column], shared: Sequence[str], by: Sequence[str], file: Path) -> None:
        place = {column.name: number for number, column in enumerate(columns)}
        self._columns = [columns[place[name]] for name in shared]
        self._whole = np.array([place[name] for name in shared], np.int64)
        self._by = np.array([place[name] for name in by], np.int64) if by else self._whole
        self._repeats = not by
        self._readable = ReadableRows(self._columns)
        self._rows: dict[bytes, bytes] = {}
        self._held = 0
        self._file = sqlite3.connect(file, isolation_level=None)
        self._file.execute("pragma journal_mode = off")
        self._file.execute("pragma synchronous = off")
        self._file.execute("create table waiting (key blob primary key, row blob) without rowid")
        self._filed = 0

    def __enter__(self) -> _Side:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def packed(self, batch: RowBatch) -> Iterator[tuple[bytes, bytes]]:
        """Key and values of each row, each as one text of bytes."""
        rows = _pack(batch, self._whole)
        return zip(rows if self._by is self._whole else _pack(batch, self._by), rows, strict=True)

    def put(self, key: bytes, row: bytes) -> None:
        """Lets the row wait."""
        if self._repeats:
            key = self._numbered(key)
        self._rows[key] = row
        self._held += len(key) + len(row)
        if self._held > HELD:
            self._file.execute("begin")
            self._file.executemany("insert into waiting values (?, ?)", self._rows.items())
            self._file.execute("commit")
            self._filed += len(self._rows)
            self._rows, self._held = {}, 0

    def take(self, key: bytes) -> bytes | None:
        """The row that waits with that key, which then waits no more."""
        if self._repeats:
            number = self._count(key)
            if not number:
                return None
            key = _with_number(key, number - 1)
        row = self._rows.pop(key, None)
        if row is not None:
            self._held -= len(key) + len(row)
            return row
        if not self._filed:
            return None
        found = self._file.execute("delete from waiting where key = ? returning row", (key,)).fetchone()
        if found is None:
            return None
        self._filed -= 1
        return bytes(found[0])

    def left(self) -> Iterator[bytes]:
        """The rows that still wait."""
        yield from self._rows.values()
        for (row,) in self._file.execute("select row from waiting"):
            yield bytes(row)

    def texts(self, row: bytes) -> Texts:
        """A row's values by column."""
        data = np.frombuffer(row, np.uint8)
        starts = np.empty((len(self._columns), 1), np.int64)
        lengths = np.empty((len(self._columns), 1), np.int64)
        at = 0
        for number in range(len(self._columns)):
            length = int.from_bytes(row[at : at + 4], "little", signed=True)
            starts[number, 0], lengths[number, 0] = at + 4, length
            at += 4 + max(length, 0)
        (values,) = self._readable.rows(RowBatch(data, starts, lengths, np.array([at])))
        return dict(zip((column.name for column in self._columns), values, strict=True))

    def _numbered(self, key: bytes) -> bytes:
        """Equal rows of a table without a key wait under numbers, from 0 on."""
        return _with_number(key, self._count(key))

    def _count(self, key: bytes) -> int:
        number = 0
        while self._waits(_with_number(key, number)):
            number += 1
        return number

    def _waits(self, key: bytes) -> bool:
        if key in self._rows:
            return True
        return bool(self._filed) and (
            self._file.execute("select 1 from waiting where key = ?", (key,)).fetchone() is not None
        )


def _with_number(key: bytes, number: int) -> bytes:
    return key + number.to_bytes(4, "little")


def _pack(batch: RowBatch, wanted: np.ndarray) -> list[bytes]:
    from holdfast.bacpac.values.cell_walk import pack_rows  # loads numba

    ends = np.empty(batch.rows, np.int64)
    size = pack_rows(batch.data, batch.starts, batch.lengths, wanted, np.empty(0, np.uint8), ends)
    out = np.empty(size, np.uint8)
    pack_rows(batch.data, batch.starts, batch.lengths, wanted, out, ends)
    whole, borders = out.tobytes(), [0, *ends.tolist()]
    return [whole[start:end] for start, end in pairwise(borders)]
