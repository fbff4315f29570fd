"""A column of rows becomes streams of bytes of one kind each, and a description of them: the writing half.

What is chosen for a column (deltas or not, a dictionary or not) follows from a look at some of its rows; any choice can be
read.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from holdfast.repository.frames.column_descriptions import (
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
from holdfast.repository.frames.column_kernels import cut_planes, estimate, measure_lengths, number_distinct
from holdfast.repository.frames.frame_groups import Bytes, Content, GroupWriter
from holdfast.repository.frames.row_kernels import gather_bytes, gather_numbers, gather_text
from holdfast.repository.frames.row_shape import Form, ShapeColumn
from holdfast.repository.varints import varint

Places = NDArray[np.int32]

#: Rows that are looked at before a choice between planes and deltas.
_LOOK = 512
_PRODUCT = np.array([n * np.log2(n) if n else 0.0 for n in range(_LOOK + 1)])
#: Rows that are looked at for a dictionary, and most of them that may differ.
_GLANCE, _DIFFER = 192, 190


class ColumnWriter:
    """Describes columns of one frame in `head`, and puts what they are made of into groups."""

    def __init__(self, data: Bytes, groups: GroupWriter) -> None:
        self._data, self._groups = data, groups
        self.head = bytearray()
        self._counts = np.empty((2, 8, 256), np.int32)
        self._bits = np.empty(2)

    def column(self, column: ShapeColumn, starts: Places, lengths: Places) -> None:
        """All values of a column, in the order of the rows. NULL has the length -1."""
        found = self._distinct(column, starts, lengths)
        if found is None:
            self.head.append(0)
            self._values(column, starts, lengths)
            return
        firsts, numbers = found
        self.head.append(1)
        self.head += varint(len(firsts))
        width = 1 if len(firsts) <= 256 else 2
        self._numbers(numbers.astype(np.int64), width, Content.LOW_PLANE)
        self._values(column, starts[firsts], lengths[firsts])

    def _values(self, column: ShapeColumn, starts: Places, lengths: Places) -> None:
        there, total, longest, odd = measure_lengths(lengths)
        size = column.value_bytes
        if not size:
            self._varying(column, starts, lengths, total, longest, odd)
            return
        if column.prefix:
            presence = ALL if there == len(starts) else SOME if there else NONE
            self.head.append(presence)
            if presence == SOME:
                self.head += varint(there)
                self._stream(np.packbits(lengths >= 0, bitorder="little"), Content.PLANES)
        if not there:
            return
        if column.form in (Form.TEXT, Form.BYTES):
            text = column.form is Form.TEXT and not size % 2
            self.head.append(TEXT if text else BYTES)
            self._text(starts, lengths, total) if text else self._bytes(starts, lengths, total)
            return
        at = 0
        big = column.form is Form.BIG_ENDIAN
        for width in column.fields:
            numbers = np.empty(there, np.int64)
            gather_numbers(self._data, starts, lengths, at, width, big, numbers)
            self._numbers(numbers, width, Content.LOW_PLANE, big=big)
            at += width

    def _varying(
        self, column: ShapeColumn, starts: Places, lengths: Places, total: int, longest: int, odd: int
    ) -> None:
        text = column.form is Form.TEXT and not odd
        # NULL is 0, the empty value 1.
        said = (np.maximum(lengths >> 1, -1) if text else lengths) + 1
        width = (((longest >> 1 if text else longest) + 1).bit_length() + 7) // 8
        self.head.append(TEXT if text else BYTES)
        self.head.append(width)
        self._numbers(said.astype(np.int64), width, Content.LENGTHS)
        self.head += varint(total)
        if total:
            self._text(starts, lengths, total) if text else self._bytes(starts, lengths, total)

    def _text(self, starts: Places, lengths: Places, total: int) -> None:
        low, high = np.empty(total // 2, np.uint8), np.empty(total // 2, np.uint8)
        wide = gather_text(self._data, starts, lengths, low, high)
        self.head.append(1 if wide else 0)
        self._stream(low, Content.TEXT)
        if wide:
            self._stream(high, Content.PLANES)

    def _bytes(self, starts: Places, lengths: Places, total: int) -> None:
        out = np.empty(total, np.uint8)
        gather_bytes(self._data, starts, lengths, out)
        self._stream(out, Content.BYTES)

    def _numbers(self, numbers: NDArray[np.int64], width: int, content: Content, *, big: bool = False) -> None:
        """Numbers of that width, which are not needed any more."""
        way = PLANES
        if width > 1:
            estimate(numbers, width, _PRODUCT, self._counts, self._bits)
            plain, deltas = self._bits
            if deltas < 0.95 * plain:
                way = DELTAS
            elif width == 8 and plain > 0.9 * 64 * min(len(numbers), _LOOK):
                way = INTERLEAVED
        self.head.append(way | (REVERSED if big and way != INTERLEAVED else 0))
        if way == INTERLEAVED:
            self._stream((numbers.byteswap() if big else numbers).view(np.uint8), Content.BYTES)
            return
        planes = np.empty((width, len(numbers)), np.uint8)
        varies = cut_planes(numbers, width, way == DELTAS, planes)
        self.head.append(varies)
        for place, plane in enumerate(planes):
            if varies >> place & 1:
                self._stream(plane, content if not place else Content.PLANES)
            else:
                self.head.append(int(plane[0]))

    def _stream(self, stream: Bytes, content: Content) -> None:
        self.head += varint(self._groups.put(stream, content))

    def _distinct(
        self, column: ShapeColumn, starts: Places, lengths: Places
    ) -> tuple[NDArray[np.int32], NDArray[np.int32]] | None:
        """First rows of the values of a column that has few, and each row's value; None where a dictionary saves nothing."""
        rows = len(starts)
        if rows < 16 or 0 < column.value_bytes < 3:
            return None
        step = max(1, rows // _GLANCE)
        glance = min(_GLANCE, rows // step)
        some = slice(0, glance * step, step)
        if self._number(starts[some].copy(), lengths[some].copy(), max(1, glance * _DIFFER // _GLANCE)) is None:
            return None
        return self._number(starts, lengths, min(MOST_DISTINCT, rows // 2))

    def _number(self, starts: Places, lengths: Places, most: int) -> tuple[NDArray[np.int32], NDArray[np.int32]] | None:
        table = np.full(1 << (2 * most).bit_length(), -1, np.int32)
        firsts, numbers = np.empty(most, np.int32), np.empty(len(starts), np.int32)
        known = number_distinct(self._data, starts, lengths, table, firsts, numbers)
        return None if known < 0 else (firsts[:known], numbers)
