"""How the rows of a table lie in its bytes, without names: what a typed frame must know to take rows apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from holdfast.bacpac.columns import Column, layout_of
from holdfast.model.errors import Damaged
from holdfast.repository.varints import VarintReader, varint

#: SQL Server allows 1,024 columns, 30,000 in wide tables.
MOST_COLUMNS = 30_000
#: The longest value without a prefix: char(8000) in UTF-16.
MOST_FIXED = 16_000


class Form(IntEnum):
    """What a column's values are made of. Numbers are in the format."""

    BYTES = 0
    TEXT = 1
    NUMBERS = 2
    BIG_ENDIAN = 3


_PREFIXES = (0, 1, 2, 4, 8)
_NUMBERS: dict[str, tuple[int, ...]] = {
    "tinyint": (1,), "smallint": (2,), "int": (4,), "bigint": (8,), "real": (4,), "float": (8,), "smallmoney": (4,),
    "money": (4, 4), "smalldatetime": (2, 2), "datetime": (4, 4), "date": (3,), "time": (5,), "datetime2": (5, 3),
    "datetimeoffset": (5, 3, 2), "bit": (1,), "uniqueidentifier": (8, 8), "decimal": (3, 8, 8), "numeric": (3, 8, 8),
}  # fmt: skip
_TEXTS = ("char", "nchar", "varchar", "nvarchar", "text", "ntext", "xml")


@dataclass(frozen=True)
class ShapeColumn:
    """One column: `value_bytes` 0 where a value's length is what its prefix says; `fields` are the widths of numbers."""

    prefix: int
    value_bytes: int
    form: Form
    fields: tuple[int, ...] = ()


@dataclass(frozen=True)
class RowShape:
    """The columns of a table in the order of the data."""

    columns: tuple[ShapeColumn, ...]

    @classmethod
    def of(cls, columns: Sequence[Column]) -> RowShape | None:
        """Raises RowsNotDecodable for a type that is not known; None where the table has no columns in the data."""
        found = tuple(_shape_column(column) for column in columns)
        return cls(found) if 0 < len(found) <= MOST_COLUMNS else None

    def encode(self) -> bytes:
        """A byte of prefix and form, the value's bytes, the widths of its numbers, for each column."""
        out = bytearray()
        for column in self.columns:
            out.append(_PREFIXES.index(column.prefix) | column.form << 4)
            out += varint(column.value_bytes)
            if column.form >= Form.NUMBERS:
                out.append(len(column.fields))
                out += bytes(column.fields)
        return bytes(out)

    @classmethod
    def decode(cls, data: bytes, name: str) -> RowShape:
        """Raises Damaged where it is no shape."""
        return _decoded(data, name)

    @cached_property
    def least_bytes(self) -> int:
        """No row is shorter."""
        return sum(column.prefix or column.value_bytes for column in self.columns)

    @cached_property
    def arrays(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Prefixes, and bytes of values (-1 where the prefix says them), as the loops take them."""
        return (
            np.array([column.prefix for column in self.columns], np.int64),
            np.array([column.value_bytes or -1 for column in self.columns], np.int64),
        )


def _shape_column(column: Column) -> ShapeColumn:
    layout = layout_of(column)
    if column.type in _NUMBERS:
        form, fields = Form.NUMBERS, _NUMBERS[column.type]
    elif column.type in ("rowversion", "timestamp"):
        form, fields = Form.BIG_ENDIAN, (8,)
    else:
        form, fields = Form.TEXT if column.type in _TEXTS else Form.BYTES, ()
    return ShapeColumn(layout.prefix_bytes, layout.value_bytes or 0, form, fields)


@lru_cache(64)  # the frames of a table have one shape
def _decoded(data: bytes, name: str) -> RowShape:
    reader = VarintReader(data, name)
    columns: list[ShapeColumn] = []
    while not reader.done:
        columns.append(_read_column(reader, name))
    if not 0 < len(columns) <= MOST_COLUMNS:
        raise Damaged(f"{name}: a shape of rows has {len(columns)} columns")
    return RowShape(tuple(columns))


def _read_column(reader: VarintReader, name: str) -> ShapeColumn:
    head = reader.byte()
    value_bytes = reader.varint(MOST_FIXED)
    prefix, form = head & 15, head >> 4
    wrong = Damaged(f"{name}: a shape of rows has a column that cannot be")
    if prefix >= len(_PREFIXES) or form > max(Form) or not (prefix or value_bytes):
        raise wrong
    # A prefix of one byte always stands before values of one length.
    if prefix == 1 and not 0 < value_bytes < 255:
        raise wrong
    if form < Form.NUMBERS:
        return ShapeColumn(_PREFIXES[prefix], value_bytes, Form(form))
    fields = tuple(reader.byte() for _ in range(reader.byte()))
    if sum(fields) != value_bytes or not fields or not all(1 <= width <= 8 for width in fields):
        raise wrong
    return ShapeColumn(_PREFIXES[prefix], value_bytes, Form(form), fields)
