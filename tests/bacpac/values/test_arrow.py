"""Values of rows as Arrow arrays, judged by a plain reader of its own."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from holdfast.bacpac.columns import Column, RowsNotDecodable
from holdfast.bacpac.package import Bacpac, TableData
from holdfast.bacpac.values import row_batches as batching
from holdfast.bacpac.values.arrow import DIGITS, SURROGATES, ArrowRows
from holdfast.bacpac.values.row_batches import row_batches
from local.samples.databases import write_sample
from tests.bacpac.values.plain_decoding import plain_rows


@pytest.fixture(scope="module")
def types(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every type, NULL and not, at its extremes, with chunked long values."""
    path = tmp_path_factory.mktemp("types") / "types.bacpac"
    write_sample(path, "types")
    return path


def _bytes(package: Bacpac, table: TableData) -> bytes:
    return b"".join(piece for part in table.parts for piece in package.pieces(part))


def _dicts(columns: tuple[Column, ...], pieces: Iterator[bytes]) -> list[dict[str, Any]]:
    maker = ArrowRows(columns)
    found = pa.Table.from_batches([maker.batch(one) for one in row_batches(columns, pieces)], maker.schema)
    found.validate(full=True)
    for number, field in enumerate(found.schema):
        if field.type == pa.time64("ns"):  # Python's own time has no nanoseconds
            found = found.set_column(number, field.name, found.column(number).cast(pa.int64()))
    return found.to_pylist()


def _same(found: list[dict[str, Any]], wanted: list[dict[str, Any]], where: str) -> None:
    assert len(found) == len(wanted), where
    for number, (one, other) in enumerate(zip(found, wanted, strict=True)):
        assert one == other or _with_nan(one, other), f"{where}, row {number}"


def _with_nan(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return all(
        value == other[name] or (isinstance(value, float) and math.isnan(value) and math.isnan(other[name]))
        for name, value in one.items()
    )


def test_every_table_of_every_real_bacpac(real_bacpacs: dict[str, Path]) -> None:
    compared = 0
    for name, path in real_bacpacs.items():
        with Bacpac.open(path) as package:
            for table in package.tables():
                if not table.parts or table.columns is None:
                    continue
                where = f"{name}: {table.schema}.{table.name}"
                data = _bytes(package, table)
                plain = (row for row in plain_rows(table.columns, data))
                pieces = (piece for part in table.parts for piece in package.pieces(part))
                found = _dicts(table.columns, pieces)
                wanted = list(plain)
                for column in table.columns:
                    if column.type == "sql_variant":  # has its own tests
                        for row in (*found, *wanted):
                            del row[column.name]
                _same(found, wanted, where)
                compared += len(found)
    assert compared


def test_every_type_at_its_extremes(types: Path) -> None:
    with Bacpac.open(types) as package:
        for table in package.tables():
            if not table.parts:
                continue
            assert table.columns is not None, table.name
            data = _bytes(package, table)
            wanted = list(plain_rows(table.columns, data))
            found = _dicts(table.columns, iter([data]))
            for column in table.columns:
                if column.type == "sql_variant":
                    assert all(isinstance(row[column.name], str | None) for row in found)
                    for row in (*found, *wanted):
                        del row[column.name]
            _same(found, wanted, table.name)


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_pieces_cut_anywhere_give_the_same_rows(types: Path, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "BATCH_VALUES", 5)
    with Bacpac.open(types) as package:
        for table in package.tables():
            if table.parts and table.columns is not None and table.bytes < 2000:
                data = _bytes(package, table)
                cut = (data[at : at + size] for at in range(0, len(data), size))
                assert _dicts(table.columns, cut) == _dicts(table.columns, iter([data])), table.name


def test_what_does_not_fit_is_counted_by_column() -> None:
    columns = (Column("at", "datetime2", nullable=True), Column("text", "nvarchar", nullable=True, length=20))
    moment = b"\x08" + (11).to_bytes(5, "little") + (1).to_bytes(3, "little")
    whole = b"\x08" + (10).to_bytes(5, "little") + (1).to_bytes(3, "little")
    half = b"\x04\x00" + b"\x00\xd8a\x00"
    maker = ArrowRows(columns)
    (batch,) = row_batches(columns, [moment + half + whole + b"\xff\xff" + b"\xff" + b"\x00\x00"])
    assert maker.batch(batch).column(1).to_pylist() == ["\ufffda", None, ""]
    assert maker.lost == {("at", DIGITS): 1, ("text", SURROGATES): 1}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\x02\x00", "the data ends within row 1"),
        (b"\xff\xff", "row 1: column a is NULL and must not be"),
        (b"\x02\x00a\x00\x08\x00", "row 2: column a is 8 bytes long, not as declared"),
    ],
)
def test_bytes_that_contradict_the_columns_are_refused_by_name(data: bytes, message: str) -> None:
    columns = (Column("a", "nvarchar", nullable=False, length=3),)
    with pytest.raises(RowsNotDecodable, match=message):
        list(row_batches(columns, [data]))
