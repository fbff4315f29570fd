"""Rows are counted whatever their types, values and cuts, and contradictions with the model are named.

The encoder below is written from the published table of types and shares nothing with the product.
"""

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

FIXED = {
    "tinyint": 1, "smallint": 2, "int": 4, "bigint": 8, "real": 4, "float": 8, "smallmoney": 4, "money": 8,
    "smalldatetime": 4, "datetime": 8, "date": 3, "time": 5, "datetime2": 8, "datetimeoffset": 10,
}  # fmt: skip
ALWAYS = {"bit": 1, "uniqueidentifier": 16, "decimal": 19, "numeric": 19}
SHORT = ("nchar", "varchar", "nvarchar", "binary", "varbinary")
LONG = ("text", "ntext", "image", "sql_variant")
LARGE = ("xml", "geography", "geometry", "hierarchyid")
CODES = {1: "<B", 2: "<H", 4: "<I", 8: "<Q"}


def encode(column: Column, value: bytes | None, *, chunked: bool = False) -> bytes:
    """A value as the exporter writes it."""
    kind = column.type
    if kind in FIXED:
        prefix = 1 if column.nullable else 0
    elif kind in ALWAYS:
        prefix = 1
    elif kind == "char" and not column.is_max:
        prefix = 2 if column.nullable else 0
    elif kind == "rowversion" or (kind in SHORT and not column.is_max):
        prefix = 2
    elif kind in LONG:
        prefix = 4
    else:
        prefix = 8
    if value is None:
        return b"\xff" * prefix
    if chunked and prefix == 8:
        pieces = [value[at : at + 3] for at in range(0, len(value), 3)]
        return b"\xfe" + b"\xff" * 7 + b"".join(struct.pack("<I", len(p)) + p for p in pieces) + bytes(4)
    return (struct.pack(CODES[prefix], len(value)) if prefix else b"") + value


@st.composite
def columns(draw: st.DrawFn) -> Column:
    """Any column of a known type."""
    kind = draw(st.sampled_from([*FIXED, *ALWAYS, *SHORT, *LONG, *LARGE, "char", "rowversion"]))
    is_max = kind in ("varchar", "nvarchar", "varbinary") and draw(st.booleans())
    length = None if is_max else draw(st.integers(1, 40)) if kind in (*SHORT, "char") else None
    return Column(f"c {kind}", kind, draw(st.booleans()), length, is_max)


@st.composite
def values(draw: st.DrawFn, column: Column) -> bytes | None:
    """Any value of a column, as bytes."""
    if column.nullable and draw(st.booleans()):
        return None
    kind = column.type
    size = FIXED.get(kind) or ALWAYS.get(kind) or (8 if kind == "rowversion" else None)
    if size:
        return draw(st.binary(min_size=size, max_size=size))
    width = 1 if kind in ("binary", "varbinary") else 2
    if kind == "char":
        size = 2 * (column.length or 1)
        return draw(st.binary(min_size=size, max_size=size))
    most = width * column.length if column.length else 60
    return draw(st.binary(max_size=most).map(lambda raw: raw[: len(raw) // width * width]))


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[Column], list[bytes]]:
    """Columns, and rows of them."""
    of = draw(st.lists(columns(), min_size=1, max_size=6))
    count = draw(st.integers(0, 8))
    rows = [b"".join(encode(c, draw(values(c)), chunked=draw(st.booleans())) for c in of) for _ in range(count)]
    return of, rows


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
