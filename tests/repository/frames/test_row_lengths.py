"""The walk that counts a table's rows and the loop that finds them in a frame read lengths alike."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from holdfast.bacpac.columns import Column, RowsNotDecodable
from holdfast.bacpac.rows import RowCounter
from holdfast.repository.frames.row_kernels import count_rows
from holdfast.repository.frames.row_shape import RowShape
from tests.bacpac.sql_rows import tables


@given(table=tables(chunks=False), cut=st.floats(0, 1), data=st.data())
def test_both_loops_find_the_same_rows(table: tuple[list[Column], list[bytes]], cut: float, data: Any) -> None:
    of, rows = table
    shape = RowShape.of(of)
    assert shape is not None
    whole = b"".join(rows)
    part = whole[: round(cut * len(whole))]
    counter = RowCounter(of)
    with contextlib.suppress(RowsNotDecodable):
        counter.feed(part)
    found, end = count_rows(np.frombuffer(part, np.uint8), 0, len(part), *shape.arrays)
    assert (found, end) == (counter.rows, counter.border)
