"""Values as text, and sql_variant."""

from __future__ import annotations

import struct
from pathlib import Path

import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq
import pytest

from holdfast.bacpac.columns import Column
from holdfast.bacpac.names import table_name
from holdfast.bacpac.values.readable import ReadableRows
from holdfast.bacpac.values.row_batches import row_batches
from holdfast.bacpac.values.table_files import first_rows, write_table
from holdfast.bacpac.values.variants import variant_text
from holdfast.model.errors import InvalidInput

_CASES = [
    (
        Column("c", "datetime2", nullable=True, scale=7),
        b"\x08" + (11).to_bytes(5, "little") + bytes(3),
        "0001-01-01 00:00:00.0000011",
    ),
    (Column("c", "datetime2", nullable=True, scale=0), b"\x08" + bytes(5) + b"\xda\xb9\x37", "9999-12-31 00:00:00"),
    (Column("c", "datetime", nullable=True), b"\x08" + struct.pack("<iI", 0, 1), "1900-01-01 00:00:00.003"),
    (Column("c", "smalldatetime", nullable=True), b"\x04" + struct.pack("<HH", 1, 61), "1900-01-02 01:01:00"),
    (Column("c", "time", nullable=True, scale=3), b"\x05" + (1_234_560_000).to_bytes(5, "little"), "00:02:03.456"),
    (
        Column("c", "datetimeoffset", nullable=True, scale=0),
        b"\x0a" + bytes(5) + (738_000).to_bytes(3, "little") + struct.pack("<h", -90),
        "2021-07-29 22:30:00 -01:30",
    ),
    (Column("c", "varbinary", nullable=True, length=9), b"\x02\x00\x00\xff", "0x00FF"),
    (Column("c", "bit", nullable=True), b"\x01\x01", "1"),
    (Column("c", "real", nullable=True), b"\x04" + struct.pack("<f", 0.1), "0.1"),
    (Column("c", "float", nullable=True), b"\x08" + struct.pack("<d", 0.1), "0.1"),
    (Column("c", "money", nullable=True), b"\x08" + struct.pack("<iI", -1, 0xFFFFFFFF), "-0.0001"),
    (Column("c", "nvarchar", nullable=True, length=9), b"\x00\x00", ""),
]


@pytest.mark.parametrize(("column", "data", "text"), _CASES, ids=[one[0].type for one in _CASES])
def test_a_value_as_text(column: Column, data: bytes, text: str) -> None:
    null = b"\xff" * (2 if column.type in ("varbinary", "nvarchar") else 1)
    (batch,) = row_batches([column], [data + null])
    assert ReadableRows([column]).rows(batch) == [(text,), (None,)]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"\x38\x00" + struct.pack("<i", -5), "-5"),
        (b"\xa7\x07" + bytes.fromhex("0904d00034") + struct.pack("<H", 20) + "Größe".encode("cp1252"), "Größe"),
        (b"\xa7\x07" + bytes.fromhex("1904d00000") + struct.pack("<H", 20) + "да".encode("cp1251"), "да"),
        (b"\xe7\x07" + bytes.fromhex("0904d00034") + struct.pack("<H", 20) + "λόγος".encode("utf-16-le"), "λόγος"),
        (b"\x6a\x02\x09\x02\x01" + struct.pack("<I", 12_345), "123.45"),
        (b"\x6a\x02\x26\x00\x00" + (10**38 - 1).to_bytes(16, "little"), "-" + "9" * 38),
        (b"\x28\x00" + (738_000).to_bytes(3, "little"), "2021-07-30"),
        (b"\x2a\x01\x00" + (3661).to_bytes(3, "little") + (738_000).to_bytes(3, "little"), "2021-07-30 01:01:01"),
        (b"\x3c\x00" + struct.pack("<iI", 0, 15_000), "1.5000"),
        (b"\xa5\x02\x08\x00\xff", "0xFF"),
    ],
)
def test_a_variant_as_text(value: bytes, text: str) -> None:
    assert variant_text(value) == (text, True)


@pytest.mark.parametrize("value", [b"", b"\x01", b"\x99\x00abc", b"\x38\x00ab"])
def test_a_variant_of_no_known_type_is_told_as_its_bytes(value: bytes) -> None:
    assert variant_text(value) == (f"0x{value.hex().upper()}", False)


_COLUMNS = (Column("id", "int", nullable=False), Column('a "name"', "nvarchar", nullable=True, length=20))
_DATA = (
    struct.pack("<i", 1)
    + b"\xff\xff"
    + struct.pack("<i", 2)
    + b"\x00\x00"
    + struct.pack("<i", 3)
    + b'\x06\x00"\0,\0\n\0'
)


def test_csv_tells_null_from_an_empty_text(tmp_path: Path) -> None:
    written = write_table(_COLUMNS, [_DATA], tmp_path / "t.csv")
    assert (written.rows, written.losses) == (3, [])
    assert (tmp_path / "t.csv").read_bytes() == b'"id","a ""name"""\r\n"1",\r\n"2",""\r\n"3",""",\n"\r\n'
    options = arrow_csv.ConvertOptions(strings_can_be_null=True, quoted_strings_can_be_null=False, null_values=[""])
    parse = arrow_csv.ParseOptions(newlines_in_values=True)
    read = arrow_csv.read_csv(tmp_path / "t.csv", convert_options=options, parse_options=parse)
    assert read.column(1).to_pylist() == [None, "", '",\n']


def test_parquet_holds_types_and_says_what_sql_called_them(tmp_path: Path) -> None:
    write_table(_COLUMNS, [_DATA], tmp_path / "t.parquet")
    read = pq.read_table(tmp_path / "t.parquet")
    assert read.to_pylist() == [{"id": 1, 'a "name"': None}, {"id": 2, 'a "name"': ""}, {"id": 3, 'a "name"': '",\n'}]
    assert read.schema.field(1).metadata[b"sql_type"] == b"nvarchar(20)"


def test_rows_that_cannot_be_read_to_their_end_leave_no_file(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="within row 4"):
        write_table(_COLUMNS, [_DATA + b"\0"], tmp_path / "t.parquet")
    assert not list(tmp_path.iterdir())


def test_the_first_rows_need_no_more_than_the_pieces_they_lie_in() -> None:
    def pieces() -> object:
        yield _DATA
        raise AssertionError("nobody needs more")

    assert [row["id"] for row in first_rows(_COLUMNS, pieces(), 2)] == ["1", "2"]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("dbo.Orders", ("dbo", "Orders")),
        ("Orders", ("dbo", "Orders")),
        ("sales.a.b", ("sales", "a.b")),
        ("[s.x].[a]]b]", ("s.x", "a]b")),
        ("[Order Details]", ("dbo", "Order Details")),
    ],
)
def test_names_as_people_write_them(text: str, name: tuple[str, str]) -> None:
    assert table_name(text) == name


@pytest.mark.parametrize("text", ["", ".", "a.", "[a].[b].[c]"])
def test_names_of_no_table_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="not the name of a table"):
        table_name(text)
