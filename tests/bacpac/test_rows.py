"""Rows are counted whatever their types, values and cuts, and contradictions with the model are named."""

from __future__ import annotations

import struct
import tracemalloc
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.bacpac.columns import Column, RowsNotDecodable, layout_of
from holdfast.bacpac.rows import RowCounter
from tests.bacpac.sql_rows import tables


def cut(data: bytes, places: list[float]) -> list[bytes]:
    """The bytes in pieces, cut at these shares of their length."""
    edges = [0, *sorted(int(p * len(data)) for p in places), len(data)]
    return [data[a:b] for a, b in pairwise(edges)]


@given(table=tables(), places=st.lists(st.floats(0, 1), max_size=8))
def test_rows_are_counted_however_the_bytes_are_cut(
    table: tuple[list[Column], list[bytes]], places: list[float]
) -> None:
    of, rows = table
    counter = RowCounter(of)
    for piece in cut(b"".join(rows), places):
        counter.feed(piece)
    assert counter.finish() == len(rows)
    assert counter.border == sum(map(len, rows))


@given(table=tables(), at=st.integers(0, 400))
def test_the_border_is_the_end_of_a_whole_row(table: tuple[list[Column], list[bytes]], at: int) -> None:
    """Where a table may be cut into parts without cutting a row."""
    of, rows = table
    ends, total = {0}, 0
    for row in rows:
        total += len(row)
        ends.add(total)
    counter = RowCounter(of)
    counter.feed(b"".join(rows)[:at])
    assert counter.border in ends
    assert counter.border == max(end for end in ends if end <= at)


@given(table=tables(), data=st.data())
def test_rows_that_end_too_early_are_not_counted(table: tuple[list[Column], list[bytes]], data: Any) -> None:
    of, rows = table
    whole = b"".join(rows)
    if not rows:
        return
    kept = len(whole) - data.draw(st.integers(1, len(rows[-1]) or 1).filter(lambda n: n < len(rows[-1]) or n == 1))
    if kept < 0 or kept == len(whole) - len(rows[-1]):
        return
    counter = RowCounter(of)
    counter.feed(whole[:kept])
    with pytest.raises(RowsNotDecodable, match=f"within row {len(rows)}"):
        counter.finish()


@pytest.mark.parametrize(
    ("column", "data", "says"),
    [
        (Column("id", "uniqueidentifier", nullable=False), b"\xff", "must not be"),
        (Column("id", "uniqueidentifier", nullable=True), b"\x11" + bytes(17), "17 bytes"),
        (Column("n", "int", nullable=True), b"\x05" + bytes(5), "5 bytes"),
        (Column("s", "nvarchar", nullable=True, length=3), b"\x08\x00" + bytes(8), "8 bytes"),
        (Column("s", "nvarchar", nullable=False, length=3), b"\xff\xff", "must not be"),
    ],
)
def test_what_contradicts_the_model_is_named(column: Column, data: bytes, says: str) -> None:
    with pytest.raises(RowsNotDecodable, match=says) as caught:
        RowCounter([column, Column("z", "int", nullable=False)]).feed(data)
    assert f"row 1: column {column.name}" in caught.value.detail


@pytest.mark.parametrize("kind", ["json", "vector", "hologram"])
def test_an_unknown_type_is_named(kind: str) -> None:
    with pytest.raises(RowsNotDecodable, match=kind):
        RowCounter([Column("c", kind, nullable=True)])


def test_a_table_without_columns_in_the_data() -> None:
    """All computed: there is nothing that could tell one row from the next."""
    with pytest.raises(RowsNotDecodable):
        RowCounter([])


def test_a_huge_value_is_passed_over_without_being_held() -> None:
    """A value of 2 GiB costs no more memory than the piece in hand."""
    counter = RowCounter([Column("blob", "varbinary", nullable=True, is_max=True)])
    size, piece = 2 << 30, bytes(1 << 20)
    tracemalloc.start()
    counter.feed(struct.pack("<Q", size))
    for _ in range(size // len(piece)):
        counter.feed(piece)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert counter.finish() == 1
    assert peak < 4 << 20


def test_char_is_the_odd_one() -> None:
    """NOT NULL it has no prefix, and its declared length in UTF-16."""
    assert layout_of(Column("c", "char", nullable=False, length=3)).value_bytes == 6
    assert layout_of(Column("c", "char", nullable=False, length=3)).prefix_bytes == 0
    assert layout_of(Column("c", "nchar", nullable=False, length=3)).prefix_bytes == 2
