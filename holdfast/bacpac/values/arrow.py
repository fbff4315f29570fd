"""A table's rows as Arrow arrays: which Arrow type each SQL type becomes, and what is lost on the way, counted.

| SQL type | Arrow type |
|---|---|
| tinyint, smallint, int, bigint | uint8, int16, int32, int64 |
| bit; real, float | bool; float, double |
| decimal, numeric, money, smallmoney | decimal128 of the same precision and scale; (19, 4), (10, 4) |
| date; time | date32; time64[ns] |
| datetime2, datetime, smalldatetime | timestamp[us]: a seventh digit does not fit, and is counted where it is not 0 |
| datetimeoffset | timestamp[us, UTC]; its offset in a column beside it, in minutes |
| uniqueidentifier, all text, xml | string: half a surrogate pair alone becomes U+FFFD, and is counted |
| sql_variant | string as SQL Server shows it, or 0x and its bytes |
| binary, varbinary, image, rowversion, geography, geometry, hierarchyid | binary, SQL Server's own bytes |
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from holdfast.bacpac.columns import Column, layout_of
from holdfast.bacpac.values import moments
from holdfast.bacpac.values.cells import Cells, identifiers, present, ragged
from holdfast.bacpac.values.row_batches import RowBatch
from holdfast.bacpac.values.variants import variant_text

TEXT = frozenset({"char", "nchar", "varchar", "nvarchar", "text", "ntext", "xml"})
BINARY = frozenset({"binary", "varbinary", "image", "rowversion", "timestamp", "geography", "geometry", "hierarchyid"})

DIGITS, SURROGATES, VARIANTS = "digits", "surrogates", "variants"
LOSSES = {
    DIGITS: "values lost the seventh digit of their second's fraction",
    SURROGATES: "halves of surrogate pairs, which UTF-8 cannot hold, became U+FFFD",
    VARIANTS: "values of sql_variant are of a type that is not known and are told as their bytes",
}


@dataclass
class ArrowRows:
    """Makes record batches of row batches; `lost` counts by column and by one of LOSSES."""

    columns: Sequence[Column]
    lost: dict[tuple[str, str], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.schema = pa.schema([f for column in self.columns for f in _fields(column)])

    def batch(self, rows: RowBatch) -> pa.RecordBatch:
        """The rows as columns."""
        arrays: list[pa.Array] = []
        for number, column in enumerate(self.columns):
            arrays += self._arrays(column, Cells(rows.data, rows.starts[number], rows.lengths[number]))
        return pa.record_batch(arrays, schema=self.schema)

    def _arrays(self, column: Column, cells: Cells) -> list[pa.Array]:
        kind = column.type
        if kind in TEXT:
            array, alone = ragged(cells, text=True)
            self._count(column, SURROGATES, alone)
            return [array]
        if kind in BINARY:
            return [ragged(cells, text=False)[0]]
        if kind == "sql_variant":
            return [self._variants(column, cells)]
        values, null = present(cells, layout_of(column).value_bytes or 0)
        if kind in moments.MOMENTS:
            return self._moments(column, values, null)
        return [_MAKERS[kind](column, values, null)]

    def _moments(self, column: Column, values: NDArray[np.uint8], null: NDArray[np.bool_]) -> list[pa.Array]:
        ticks = moments.MOMENTS[column.type][0](values)
        self._count(column, DIGITS, int(np.count_nonzero(ticks[~null] % 10)))
        times = _array(ticks // 10, null, _fields(column)[0].type)
        if column.type != "datetimeoffset":
            return [times]
        return [times, _array(moments.offset_minutes(values).astype(np.int16), null, pa.int16())]

    def _variants(self, column: Column, cells: Cells) -> pa.Array:
        texts: list[str | None] = []
        for value in cells.listed():
            text, known = (None, True) if value is None else variant_text(value)
            self._count(column, VARIANTS, int(not known))
            texts.append(text)
        return pa.array(texts, pa.large_string())

    def _count(self, column: Column, what: str, more: int) -> None:
        if more:
            self.lost[column.name, what] = self.lost.get((column.name, what), 0) + more


def _fields(column: Column) -> list[pa.Field]:
    kind, name, nullable = column.type, column.name, column.nullable
    if kind == "datetimeoffset":
        offset = pa.field(f"{name} (offset minutes)", pa.int16(), nullable)
        return [pa.field(name, pa.timestamp("us", "UTC"), nullable), offset]
    return [pa.field(name, _type(column), nullable, metadata={"sql_type": declared(column)})]


def _type(column: Column) -> pa.DataType:
    kind = column.type
    if kind in TEXT or kind in ("sql_variant", "uniqueidentifier"):
        return pa.large_string()
    if kind in BINARY:
        return pa.large_binary()
    if kind in ("decimal", "numeric"):
        return pa.decimal128(column.precision or 18, column.scale or 0)
    return _SIMPLE[kind]


_SIMPLE: dict[str, pa.DataType] = {
    "tinyint": pa.uint8(),
    "smallint": pa.int16(),
    "int": pa.int32(),
    "bigint": pa.int64(),
    "bit": pa.bool_(),
    "real": pa.float32(),
    "float": pa.float64(),
    "money": pa.decimal128(19, 4),
    "smallmoney": pa.decimal128(10, 4),
    "date": pa.date32(),
    "time": pa.time64("ns"),
    "datetime2": pa.timestamp("us"),
    "datetime": pa.timestamp("us"),
    "smalldatetime": pa.timestamp("us"),
}


def declared(column: Column) -> str:
    """The type as it is written in T-SQL: `nvarchar(50)`, `decimal(19,4)`."""
    if column.is_max:
        return f"{column.type}(max)"
    if column.type in ("decimal", "numeric"):
        return f"{column.type}({column.precision or 18},{column.scale or 0})"
    if column.type in ("time", "datetime2", "datetimeoffset") and column.scale is not None:
        return f"{column.type}({column.scale})"
    return f"{column.type}({column.length})" if column.length is not None else column.type


def _array(numbers: NDArray[Any], null: NDArray[np.bool_], kind: pa.DataType) -> pa.Array:
    return (
        pa.array(numbers, mask=null).cast(kind)
        if kind.bit_width == 8 * numbers.itemsize
        else pa.array(numbers, kind, mask=null)
    )


def _numbers(form: str) -> Callable[[Column, NDArray[np.uint8], NDArray[np.bool_]], pa.Array]:
    def make(column: Column, values: NDArray[np.uint8], null: NDArray[np.bool_]) -> pa.Array:
        return pa.array(values.view(form).reshape(-1), _type(column), mask=null)

    return make


def _bits(_: Column, values: NDArray[np.uint8], null: NDArray[np.bool_]) -> pa.Array:
    return pa.array(values.reshape(-1) != 0, mask=null)


def _days(_: Column, values: NDArray[np.uint8], null: NDArray[np.bool_]) -> pa.Array:
    return pa.array(moments.days(values).astype(np.int32), mask=null).cast(pa.date32())


def _times(_: Column, values: NDArray[np.uint8], null: NDArray[np.bool_]) -> pa.Array:
    return pa.array(moments.unsigned(values) * 100, mask=null).cast(pa.time64("ns"))


def _guids(_: Column, values: NDArray[np.uint8], null: NDArray[np.bool_]) -> pa.Array:
    return pa.array(identifiers(values), pa.large_string(), mask=null)


def _decimals(column: Column, values: NDArray[np.uint8], null: NDArray[np.bool_]) -> pa.Array:
    """From precision, scale, sign (1: positive) and a magnitude of 16 bytes: two's complement in 128 bits."""
    halves = values[:, 3:].copy().view("<u8")
    low, high = halves[:, 0], halves[:, 1]
    negative = values[:, 2] == 0
    flipped = ~low + np.uint64(1)
    low, high = np.where(negative, flipped, low), np.where(negative, ~high + (flipped == 0), high)
    return _wide(np.stack((low, high), axis=1), null, _type(column))


def _money(column: Column, values: NDArray[np.uint8], null: NDArray[np.bool_]) -> pa.Array:
    """The high half first, each half with its lowest byte first; units of a ten-thousandth."""
    halves = values.view("<u4")
    number = (halves[:, 0].astype(np.uint64) << np.uint64(32) | halves[:, 1]).view(np.int64)
    return _wide(_signed(number), null, _type(column))


def _smallmoney(column: Column, values: NDArray[np.uint8], null: NDArray[np.bool_]) -> pa.Array:
    return _wide(_signed(values.view("<i4").reshape(-1).astype(np.int64)), null, _type(column))


def _signed(numbers: NDArray[np.int64]) -> NDArray[np.uint64]:
    return np.stack((numbers, numbers >> 63), axis=1).view(np.uint64)


def _wide(halves: NDArray[np.uint64], null: NDArray[np.bool_], kind: pa.DataType) -> pa.Array:
    bits = pa.py_buffer(np.packbits(~null, bitorder="little").tobytes())
    return pa.Array.from_buffers(kind, len(null), [bits, pa.py_buffer(np.ascontiguousarray(halves))])


_MAKERS: dict[str, Callable[[Column, NDArray[np.uint8], NDArray[np.bool_]], pa.Array]] = {
    "tinyint": _numbers("u1"),
    "smallint": _numbers("<i2"),
    "int": _numbers("<i4"),
    "bigint": _numbers("<i8"),
    "real": _numbers("<f4"),
    "float": _numbers("<f8"),
    "bit": _bits,
    "date": _days,
    "time": _times,
    "uniqueidentifier": _guids,
    "decimal": _decimals,
    "numeric": _decimals,
    "money": _money,
    "smallmoney": _smallmoney,
}
