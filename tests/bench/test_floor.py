"""The floor counts the rows that a day brought, and nothing else."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from bench.decoding import row_ends, rows_of
from bench.floor import Floor, changed_rows, floor_between, floor_of_table
from bench.series import inflated_bytes
from holdfast.bacpac.columns import UNKNOWN_LENGTH, Column
from holdfast.bacpac.package import Bacpac
from holdfast.bacpac.rows import RowCounter
from local.samples.databases import write_sample

COLUMNS = (Column("id", "int", nullable=False), Column("body", "nvarchar", nullable=True, is_max=True))


def _row(number: int, text: str | None) -> bytes:
    if text is None:
        return struct.pack("<iQ", number, (1 << 64) - 1)
    body = text.encode("utf-16-le")
    return struct.pack("<iQ", number, len(body)) + body


def test_one_row_changed_one_came_and_one_went() -> None:
    before = [_row(1, "kept"), _row(2, "old"), _row(3, "gone")]
    after = [_row(1, "kept"), _row(2, "new"), _row(4, None)]
    found = floor_of_table(COLUMNS, b"".join(before), b"".join(after))
    new = _row(2, "new") + _row(4, None)
    assert found == Floor(rows=2, plain_bytes=len(new), packed_bytes=len(zstandard.compress(new, level=3)))


def test_a_day_without_changes_has_no_floor() -> None:
    data = b"".join(_row(number, "the same") for number in range(5))
    assert floor_of_table(COLUMNS, data, data) == Floor()


def test_rows_that_only_moved_are_not_new() -> None:
    rows = [_row(number, "x" * number) for number in range(9)]
    assert changed_rows(rows, reversed(rows)) == []


def test_a_value_in_chunks_belongs_to_its_row() -> None:
    chunked = struct.pack("<iQ", 7, UNKNOWN_LENGTH) + struct.pack("<I", 4) + b"abcd" + struct.pack("<I", 0)
    assert list(rows_of(COLUMNS, chunked + _row(8, "y"))) == [chunked, _row(8, "y")]


def test_data_that_ends_within_a_row_is_refused() -> None:
    with pytest.raises(ValueError, match="within a row"):
        row_ends(COLUMNS, _row(1, "whole") + _row(2, "cut short")[:-3])


@given(st.lists(st.one_of(st.none(), st.text(max_size=9)), max_size=20))
def test_rows_are_cut_where_they_were_joined(texts: list[str | None]) -> None:
    rows = [_row(number, text) for number, text in enumerate(texts)]
    assert list(rows_of(COLUMNS, b"".join(rows))) == rows


def test_the_days_of_the_series_decode_as_the_product_counts_them(tmp_path: Path) -> None:
    days = [tmp_path / f"{day}.bacpac" for day in (0, 1)]
    for day, path in enumerate(days):
        write_sample(path, "series", day=day, scale=0.05, level="fast")
    with Bacpac.open(days[0]) as package:
        for table in package.tables():
            assert table.columns
            data = b"".join(piece for part in table.parts for piece in package.pieces(part))
            counter = RowCounter(table.columns)
            counter.feed(data)
            assert len(row_ends(table.columns, data)) == counter.finish() > 0
    found = floor_between(*days)
    assert 0 < found.packed_bytes < found.plain_bytes < inflated_bytes(days[1]) / 10
