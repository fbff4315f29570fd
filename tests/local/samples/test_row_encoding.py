"""Values as real files have them, byte by byte."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.samples.every_type import HUGE_BYTES
from local.samples.rows import encode_column, encode_rows, interleave
from local.samples.schema import Type, column
from local.samples.values import TICKS_PER_DAY, Ragged, Values, concatenate, digits


def _one(declaration: str, value: Any, null: bool = False) -> str:
    kind = declaration.split()[0]
    array = np.array([value], dtype=object if kind.startswith("decimal") else None)
    values = Values(array, np.array([null]))
    return encode_column(column("c", declaration), values).data.tobytes().hex(" ")


@pytest.mark.parametrize(
    ("declaration", "value", "wanted"),
    [
        ("int", -2, "fe ff ff ff"),
        ("int null", -2, "04 fe ff ff ff"),
        ("bit", 1, "01 01"),
        # Money stands as its high half, then its low half: 1,059.31 as a real file has it.
        ("money", 10_593_100, "00 00 00 00 4c a3 a1 00"),
        ("money", -1, "ff ff ff ff ff ff ff ff"),
        ("decimal(9,2)", -1, "13 09 02 00 01" + " 00" * 15),
        ("decimal(38,0)", 10**38 - 1, "13 26 00 01 ff ff ff ff 3f 22 8a 09 7a c4 86 5a a8 4c 3b 4b"),
        ("date", 0, "00 00 00"),
        # 1900-01-01 00:00:01 and a third of a hundredth: days, then 1/300 s.
        ("datetime", 693_595 * TICKS_PER_DAY + 10_000_000, "00 00 00 00 2c 01 00 00"),
        ("smalldatetime", 693_596 * TICKS_PER_DAY + 600_000_000, "01 00 01 00"),
        # Scale 0 is written as scale 7 all the same.
        ("time(0)", 10_000_000, "80 96 98 00 00"),
        ("datetime2(0)", TICKS_PER_DAY + 1, "01 00 00 00 00 01 00 00"),
        ("float null", 1.0, "08 00 00 00 00 00 00 f0 3f"),
    ],
)
def test_a_number_or_time_stands_as_real_files_have_it(declaration: str, value: Any, wanted: str) -> None:
    assert _one(declaration, value) == wanted


@pytest.mark.parametrize(
    ("declaration", "wanted"),
    [("int null", "ff"), ("uniqueidentifier null", "ff"), ("date null", "ff")],
)
def test_null_is_a_prefix_of_ones(declaration: str, wanted: str) -> None:
    value = np.zeros(16, dtype=np.uint8) if "unique" in declaration else 0
    assert _one(declaration, value, null=True) == wanted


@pytest.mark.parametrize(
    ("declaration", "wanted"),
    [
        ("char(2)", "61 00 62 00"),
        ("char(2) null", "04 00 61 00 62 00"),
        ("nchar(2)", "04 00 61 00 62 00"),
        ("varchar(9)", "04 00 61 00 62 00"),
        ("ntext", "04 00 00 00 61 00 62 00"),
        ("nvarchar(max)", "04 00 00 00 00 00 00 00 61 00 62 00"),
        ("xml null", "04 00 00 00 00 00 00 00 61 00 62 00"),
    ],
)
def test_text_has_the_prefix_of_its_type_and_char_not_null_has_none(declaration: str, wanted: str) -> None:
    assert encode_column(column("c", declaration), Ragged.text(["ab"])).data.tobytes().hex(" ") == wanted


def test_null_text_is_the_prefix_alone() -> None:
    cells = encode_column(column("c", "nvarchar(9) null"), Ragged.text([None, "a", None]))
    assert cells.data.tobytes() == b"\xff\xff\x02\x00a\x00\xff\xff"
    assert cells.lengths.tolist() == [2, 4, 2]


def test_a_value_above_five_mebibytes_is_written_in_chunks() -> None:
    cells = encode_column(column("c", "varbinary(max)"), Ragged.of([b"x" * HUGE_BYTES, b"y"]))
    data = cells.data.tobytes()
    assert data[:8] == b"\xfe" + b"\xff" * 7
    first = struct.unpack_from("<I", data, 8)[0]
    second = struct.unpack_from("<I", data, 12 + first)[0]
    assert (first, first + second) == (4 << 20, HUGE_BYTES)
    assert data[16 + HUGE_BYTES :] == bytes(4) + b"\x01" + bytes(7) + b"y"


def test_null_where_none_may_be_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot be NULL"):
        _one("int", 1, null=True)


def test_columns_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="different numbers"):
        encode_rows(
            [column("a", "int"), column("b", "int")], {"a": Values(np.array([1])), "b": Values(np.array([1, 2]))}
        )


@given(st.lists(st.tuples(st.integers(-(2**31), 2**31 - 1), st.none() | st.text(max_size=8)), min_size=1, max_size=40))
def test_rows_are_the_cells_of_their_columns_one_after_the_other(rows: list[tuple[int, str | None]]) -> None:
    columns = [column("n", "int"), column("t", "nvarchar(16) null")]
    clean = [(n, None if t is None else t.encode("utf-16-le", "surrogatepass")) for n, t in rows]
    data = encode_rows(columns, {"n": Values(np.array([n for n, _ in clean])), "t": Ragged.of(t for _, t in clean)})
    wanted = b"".join(
        struct.pack("<i", n) + (b"\xff\xff" if t is None else struct.pack("<H", len(t)) + t) for n, t in clean
    )
    assert data == wanted


@given(st.lists(st.binary(max_size=6), min_size=1, max_size=30), st.data())
def test_pieces_can_be_taken_in_any_order_and_joined(pieces: list[bytes], data: st.DataObject) -> None:
    order = data.draw(st.lists(st.integers(0, len(pieces) - 1), min_size=1, max_size=40))
    taken = Ragged.of(pieces).take(np.array(order))
    assert list(taken.split()) == [pieces[place] for place in order]
    assert list(taken.join(np.array([len(order)])).split()) == [b"".join(pieces[place] for place in order)]


def test_columns_of_text_join_row_by_row() -> None:
    joined = concatenate((Ragged.text(["a", "bb"]), digits(np.array([7, 42]), 3)))
    assert [piece.decode("utf-16-le") for piece in joined.split()] == ["a007", "bb042"]


def test_no_rows_are_no_bytes() -> None:
    assert interleave([encode_column(column("c", "int"), Values(np.array([], dtype=np.int64)))]) == b""


@pytest.mark.parametrize("text", ["", "int(", "nvarchar(x)", "int; drop"])
def test_what_is_no_type_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a type"):
        Type.parse(text)
