"""The compiled walk agrees with a slow walker that shares nothing with it, on any bytes, however they are cut.

Most bytes here are near to rows: rows with a flipped byte, with a piece cut out, with lengths that lie.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.bacpac.columns import Column, RowsNotDecodable
from holdfast.bacpac.compiled import COMPILED
from holdfast.bacpac.row_walk import walk
from holdfast.bacpac.rows import RowCounter
from tests.bacpac.sql_rows import column_prefix, columns, fixed_bytes, longest_bytes, mutated, tables


@dataclass
class Walked:
    """What the reference finds."""

    starts: list[int] = field(default_factory=list)
    """Offsets at which rows begin; the last may be the end of the bytes."""
    rows: int = 0
    wrong: str | None = None
    """Column that contradicts the model."""
    whole: bool = False


def reference(of: list[Column], data: bytes) -> Walked:
    """Reads values one after the other out of the whole bytes, as one does with a pencil."""
    found = Walked(starts=[0])

    def take(at: int, length: int) -> bytes:
        if at + length > len(data):
            raise EOFError
        return data[at : at + length]

    at = 0
    try:
        while at < len(data):
            for column in of:
                prefix, fixed, longest = column_prefix(column), fixed_bytes(column), longest_bytes(column)
                said = take(at, prefix)
                at += prefix
                if not prefix:
                    take(at, fixed or 0)
                    at += fixed or 0
                elif said == b"\xff" * prefix:
                    if not column.nullable:
                        found.wrong = column.name
                        return found
                elif said == b"\xfe" + b"\xff" * 7:
                    while size := int.from_bytes(take(at, 4), "little"):
                        take(at + 4, size)
                        at += 4 + size
                    at += 4
                else:
                    length = int.from_bytes(said, "little")
                    if (fixed is not None and length != fixed) or (longest is not None and length > longest):
                        found.wrong = column.name
                        return found
                    take(at, length)
                    at += length
            found.rows += 1
            found.starts.append(at)
        found.whole = True
    except EOFError:
        pass
    return found


def pieces(data: bytes, places: list[float]) -> Iterator[tuple[int, bytes]]:
    """The bytes cut at these shares of their length, each piece with its offset."""
    for a, b in pairwise([0, *sorted(int(p * len(data)) for p in places), len(data)]):
        yield a, data[a:b]


CUTS = st.one_of(
    st.lists(st.floats(0, 1), max_size=12), st.integers(1, 9).map(lambda n: [k / 400 * n for k in range(400 // n)])
)


@given(table=tables(), data=st.data(), places=CUTS)
def test_the_walk_agrees_with_the_reference(table: tuple[list[Column], list[bytes]], data: Any, places: Any) -> None:
    of, rows = table
    whole = data.draw(mutated(b"".join(rows)))
    expected = reference(of, whole)
    counter = RowCounter(of)
    begun: list[tuple[int, int, int]] = []
    said = ""
    try:
        for at, piece in pieces(whole, places):
            begun.append((at, len(piece), counter.feed(piece)))
        counter.finish()
    except RowsNotDecodable as error:
        said = error.detail
    if expected.whole:
        assert not said
        assert counter.border == len(whole)
    elif expected.wrong is None:
        assert f"within row {expected.rows + 1}" in said
    else:
        assert f"row {expected.rows + 1}: column" in said
        assert expected.wrong in said
    assert counter.rows == expected.rows
    for at, length, start in begun:
        within = [place - at for place in expected.starts if at <= place < at + length]
        assert start == (within[0] if within else length)


@given(table=tables(), at=st.floats(0, 1))
def test_the_border_is_where_the_last_whole_row_ended(table: tuple[list[Column], list[bytes]], at: float) -> None:
    of, rows = table
    whole = b"".join(rows)
    head = whole[: int(at * len(whole))]
    counter = RowCounter(of)
    for _, piece in pieces(head, [0.3, 0.31, 0.9]):
        counter.feed(piece)
    assert counter.border == reference(of, head).starts[-1]


@given(of=st.lists(columns().filter(lambda one: not column_prefix(one)), min_size=1, max_size=4), data=st.binary())
def test_rows_of_one_length_begin_where_they_must(of: list[Column], data: bytes) -> None:
    size = sum(fixed_bytes(column) or 0 for column in of)
    counter = RowCounter(of)
    for at, piece in pieces(data, [0.2, 0.5, 0.55]):
        assert counter.feed(piece) == min(-at % size, len(piece))
    assert counter.rows == len(data) // size


def test_a_length_that_no_data_can_have_never_ends() -> None:
    for high in (0x7F, 0x80, 0xFE):
        counter = RowCounter([Column("blob", "varbinary", nullable=True, is_max=True)])
        counter.feed(b"\x00" * 7 + bytes([high]))
        counter.feed(bytes(1 << 20))
        with pytest.raises(RowsNotDecodable, match="within row 1"):
            counter.finish()


@pytest.mark.skipif(not COMPILED, reason="numba is not installed")
@given(table=tables(), data=st.data())
def test_the_loop_does_the_same_interpreted(table: tuple[list[Column], list[bytes]], data: Any) -> None:
    """Where numba is missing the very same loop runs as Python."""
    of, rows = table
    whole = data.draw(mutated(b"".join(rows)))
    counter = RowCounter(of)
    state = [0] * 8
    plan = [plan.tolist() for plan in counter._plan]
    wrong = walk.py_func(whole, *plan, state)  # type: ignore[attr-defined]
    if counter._row_bytes is not None:
        assert state[1] == len(whole) // counter._row_bytes
        return
    try:
        counter.feed(whole)
        assert not wrong
    except RowsNotDecodable:
        assert wrong
    assert counter._state[:4].tolist() == state[:4]
