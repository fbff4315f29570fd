"""A column of rows from its description and its streams: the reading half of `column_coding`.

Nothing that is read is trusted: every length is bounded before anything is made of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.model.errors import Damaged
from holdfast.repository.column_coding import (
    ALL,
    BYTES,
    DELTAS,
    INTERLEAVED,
    MOST_DISTINCT,
    NONE,
    PLANES,
    REVERSED,
    SOME,
    TEXT,
)
from holdfast.repository.frame_groups import Bytes, GroupReader
from holdfast.repository.row_kernels import scatter_bytes, scatter_planes, scatter_prefixes, scatter_text
from holdfast.repository.row_shape import Form, ShapeColumn
from holdfast.repository.varints import VarintReader

Lengths = NDArray[np.int32]


@dataclass(frozen=True)
class ColumnValues:
    """A column's values: the length of each (-1: NULL), and their bytes in one of four ways."""

    lengths: Lengths
    planes: Bytes | None = None
    """Values of one length that are there, a row a byte of the value."""
    text: tuple[Bytes, Bytes] | None = None
    """Low and high bytes of all characters; high ones that are empty are zeros."""
    flat: Bytes | None = None
    """Values back to back, or where `places` says."""
    places: NDArray[np.int64] | None = None

    def put(self, out: Bytes, starts: NDArray[np.int32], first: int, prefix: int) -> None:
        """Writes prefixes and values of all rows; `starts` are the places of the prefixes."""
        if prefix:
            scatter_prefixes(out, starts, self.lengths, prefix)
        if self.planes is not None:
            scatter_planes(out, starts, self.lengths, prefix, self.planes)
        elif self.text is not None:
            scatter_text(out, starts, self.lengths, prefix, *self.text)
        elif self.flat is not None:
            places = _places(self.lengths) if self.places is None else self.places
            scatter_bytes(out, starts, self.lengths, prefix, self.flat, places)

    def flattened(self) -> Bytes:
        """All values back to back."""
        out = np.empty(int(np.maximum(self.lengths, 0).sum(dtype=np.int64)), np.uint8)
        self.put(out, _places(self.lengths).astype(np.int32), 0, 0)
        return out


def _places(lengths: Lengths) -> NDArray[np.int64]:
    """Where each value begins when all lie back to back."""
    there = np.maximum(lengths, 0)
    return np.cumsum(there, dtype=np.int64) - there


class ColumnReader:
    """Reads descriptions of columns, in the order in which they were written."""

    def __init__(self, head: VarintReader, groups: GroupReader, most: int, name: str) -> None:
        self._head, self._groups, self._most, self._name = head, groups, most, name

    def column(self, column: ShapeColumn, rows: int) -> ColumnValues:
        """The values of so many rows. Raises Damaged."""
        if self._flag(1) == 0:
            return self._values(column, rows)
        distinct = self._head.varint(min(MOST_DISTINCT, rows))
        width = 1 if distinct <= 256 else 2
        numbers = _assemble(self._numbers(rows, width))
        values = self._values(column, distinct)
        if not distinct or int(numbers.max()) >= distinct:
            raise self._wrong()
        lengths = values.lengths[numbers]
        self._bound(lengths)
        return ColumnValues(lengths, flat=values.flattened(), places=_places(values.lengths)[numbers])

    def _values(self, column: ShapeColumn, rows: int) -> ColumnValues:
        if not column.value_bytes:
            return self._varying(column, rows)
        size, count = column.value_bytes, rows
        lengths = np.full(rows, size, np.int32)
        presence = self._flag(SOME) if column.prefix else ALL
        if presence == NONE:
            return ColumnValues(np.full(rows, -1, np.int32))
        if presence == SOME:
            count = self._head.varint(rows)
            bits = np.unpackbits(self._stream((rows + 7) // 8), count=rows, bitorder="little")
            if int(bits.sum(dtype=np.int64)) != count:
                raise self._wrong()
            lengths[bits == 0] = -1
        self._bound(lengths)
        if column.form in (Form.TEXT, Form.BYTES):
            kind = self._flag(TEXT)
            if kind == BYTES:
                return ColumnValues(lengths, flat=self._stream(size * count))
            if kind != TEXT or size % 2:
                raise self._wrong()
            return ColumnValues(lengths, text=self._text(size * count // 2))
        fields = [self._numbers(count, width) for width in column.fields]
        return ColumnValues(lengths, planes=np.concatenate(fields) if len(fields) > 1 else fields[0])

    def _varying(self, column: ShapeColumn, rows: int) -> ColumnValues:
        kind, width = self._flag(TEXT), self._flag(4)
        if kind not in (BYTES, TEXT) or not width:
            raise self._wrong()
        said = _assemble(self._numbers(rows, width)).astype(np.int64) - 1
        lengths64 = np.where(said > 0, said * 2, said) if kind == TEXT else said
        # The longest length is kept for NULL, and from the two longest that are as long as eight bytes can say.
        if int(lengths64.max()) > min(self._most, (1 << 8 * min(column.prefix, 4)) - 2):
            raise self._wrong()
        lengths = lengths64.astype(np.int32)
        self._bound(lengths)
        total = self._head.varint(self._most)
        if total != int(np.maximum(lengths, 0).sum(dtype=np.int64)):
            raise self._wrong()
        if not total:
            return ColumnValues(lengths)
        if kind == TEXT:
            return ColumnValues(lengths, text=self._text(total // 2))
        return ColumnValues(lengths, flat=self._stream(total))

    def _text(self, characters: int) -> tuple[Bytes, Bytes]:
        wide = self._flag(1)
        low = self._stream(characters)
        return low, self._stream(characters) if wide else low[:0]

    def _numbers(self, count: int, width: int) -> Bytes:
        """Planes of numbers."""
        way = self._flag(INTERLEAVED | REVERSED)
        big, way = way & REVERSED, way & ~REVERSED
        if way == INTERLEAVED:
            planes = self._stream(count * width).reshape(count, width).T
            big = 0
        elif way in (PLANES, DELTAS):
            varies = self._flag((1 << width) - 1)
            planes = np.empty((width, count), np.uint8)
            for place in range(width):
                planes[place] = self._stream(count) if varies >> place & 1 else self._head.byte()
            if way == DELTAS:
                planes = _undone(planes)
        else:
            raise self._wrong()
        return np.ascontiguousarray(planes[::-1] if big else planes)

    def _stream(self, length: int) -> Bytes:
        return self._groups.take(self._head.varint(1 << 32), length)

    def _flag(self, most: int) -> int:
        value = self._head.byte()
        if value > most:
            raise self._wrong()
        return value

    def _bound(self, lengths: Lengths) -> None:
        if int(np.maximum(lengths, 0).sum(dtype=np.int64)) > self._most:
            raise Damaged(f"{self._name}: a typed frame is longer than it says")

    def _wrong(self) -> Damaged:
        return Damaged(f"{self._name}: a typed frame describes a column that cannot be")


def _assemble(planes: Bytes) -> NDArray[Any]:
    """Numbers from their planes: of 4 bytes where these are enough, else of 8."""
    size = 4 if len(planes) <= 4 else 8
    wide = np.zeros((planes.shape[1], size), np.uint8)
    for place, plane in enumerate(planes):
        wide[:, place] = plane
    return wide.view(f"<u{size}").reshape(-1)


def _undone(planes: Bytes) -> Bytes:
    """Planes of the numbers from planes of their differences."""
    width = len(planes)
    zigzag = _assemble(planes)
    one = zigzag.dtype.type(1)
    deltas = (zigzag >> one) ^ (~(zigzag & one) + one)
    numbers = np.cumsum(deltas, dtype=zigzag.dtype)
    return np.ascontiguousarray(numbers.view(np.uint8).reshape(len(numbers), -1)[:, :width].T)
