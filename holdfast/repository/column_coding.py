"""A column of rows becomes streams of bytes of one kind each, and a description of them: the writing half.

What is chosen for a column (deltas or not, a dictionary or not) follows from a look at some of its rows; any choice can be
read.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from holdfast.repository.frame_groups import Bytes, Content, GroupWriter
from holdfast.repository.row_kernels import byte_changes, gather_bytes, gather_fixed, gather_text, number_distinct
from holdfast.repository.row_shape import Form, ShapeColumn
from holdfast.repository.varints import varint

Places = NDArray[np.int32]

#: Ways to store numbers, and a flag beside them.
PLANES, DELTAS, INTERLEAVED = 0, 1, 2
REVERSED = 4
#: Presence of values of one length.
ALL, NONE, SOME = 0, 1, 2
#: Kinds of values whose length varies.
NULLS, BYTES, TEXT = 0, 1, 2

#: Rows that are looked at before a choice.
_LOOK = 1024
#: Rows that are looked at for a dictionary, and most of them that may differ.
_GLANCE, _DIFFER = 192, 96
MOST_DISTINCT = 1 << 16


class ColumnWriter:
    """Describes columns of one frame in `head`, and puts what they are made of into groups."""

    def __init__(self, data: Bytes, groups: GroupWriter) -> None:
        self._data, self._groups = data, groups
        self.head = bytearray()

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
        self._numbers(numbers.view(np.uint8).reshape(-1, 4)[:, :width], Content.LOW_PLANE)
        self._values(column, starts[firsts], lengths[firsts])

    def _values(self, column: ShapeColumn, starts: Places, lengths: Places) -> None:
        if not column.value_bytes:
            self._varying(column, starts, lengths)
            return
        count = len(starts)
        if column.prefix:
            present = lengths >= 0
            count = int(np.count_nonzero(present))
            presence = ALL if count == len(starts) else SOME if count else NONE
            self.head.append(presence)
            if presence == SOME:
                self.head += varint(count)
                self._stream(np.packbits(present, bitorder="little"), Content.BITS)
        if not count:
            return
        if column.form in (Form.TEXT, Form.BYTES):
            text = column.form is Form.TEXT and not column.value_bytes % 2
            self.head.append(TEXT if text else BYTES)
            self._text(starts, lengths) if text else self._bytes(starts, lengths)
            return
        values = np.empty((count, column.value_bytes), np.uint8)
        gather_fixed(self._data, starts, lengths, column.value_bytes, values)
        at = 0
        for width in column.fields:
            self._numbers(values[:, at : at + width], Content.LOW_PLANE, big=column.form is Form.BIG_ENDIAN)
            at += width

    def _varying(self, column: ShapeColumn, starts: Places, lengths: Places) -> None:
        if not np.any(lengths >= 0):
            self.head.append(NULLS)
            return
        text = column.form is Form.TEXT and not np.any(lengths[lengths > 0] & 1)
        self.head.append(TEXT if text else BYTES)
        # NULL is 0, the empty value 1.
        said = np.where(lengths < 0, 0, (lengths >> 1 if text else lengths) + 1).astype("<u4")
        width = max(1, (int(said.max()).bit_length() + 7) // 8)
        self.head.append(width)
        self._numbers(said.view(np.uint8).reshape(-1, 4)[:, :width], Content.LENGTHS)
        total = int(lengths[lengths > 0].sum())
        self.head += varint(total)
        if total:
            self._text(starts, lengths) if text else self._bytes(starts, lengths)

    def _text(self, starts: Places, lengths: Places) -> None:
        total = int(np.maximum(lengths, 0).sum()) // 2
        low, high = np.empty(total, np.uint8), np.empty(total, np.uint8)
        wide = gather_text(self._data, starts, lengths, low, high)
        self.head.append(1 if wide else 0)
        self._stream(low, Content.TEXT)
        if wide:
            self._stream(high, Content.HIGH)

    def _bytes(self, starts: Places, lengths: Places) -> None:
        out = np.empty(int(np.maximum(lengths, 0).sum()), np.uint8)
        gather_bytes(self._data, starts, lengths, out)
        self._stream(out, Content.BYTES)

    def _numbers(self, values: Bytes, content: Content, *, big: bool = False) -> None:
        """Numbers of one width, a row each."""
        count, width = values.shape
        if big:
            values = values[:, ::-1]
        planes = np.ascontiguousarray(values.T)
        cost = _cost(planes)
        way = PLANES
        if width > 1 and count > 4:
            deltas = _deltas(values)
            if _cost(deltas) < 0.95 * cost:
                planes, way = deltas, DELTAS
            elif width == 8 and cost > 0.9 * 64 * min(count, _LOOK):
                way = INTERLEAVED
        self.head.append(way | (REVERSED if big else 0))
        if way == INTERLEAVED:
            self._stream(np.ascontiguousarray(values).reshape(-1), Content.NOISE)
            return
        varies = [bool(np.any(plane != plane[0])) for plane in planes]
        self.head.append(sum(1 << place for place, one in enumerate(varies) if one))
        for place, plane in enumerate(planes):
            if varies[place]:
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
        return self._number(starts, lengths, min(MOST_DISTINCT, rows // 4))

    def _number(
        self, starts: Places, lengths: Places, most: int
    ) -> tuple[NDArray[np.int32], NDArray[np.int32]] | None:
        table = np.full(1 << (2 * most).bit_length(), -1, np.int32)
        firsts, numbers = np.empty(most, np.int32), np.empty(len(starts), np.int32)
        known = number_distinct(self._data, starts, lengths, table, firsts, numbers)
        return None if known < 0 else (firsts[:known], numbers)


def _cost(planes: Bytes) -> float:
    """About how many bits the planes compress to, judged by their first rows: what does not change costs nothing."""
    bits = 0.0
    for plane in planes:
        looked = plane[:_LOOK]
        counts = np.zeros(256, np.int64)
        changes = byte_changes(looked, counts)
        if changes > 1:
            some = counts[counts > 0]
            bits += float(changes * np.log2(changes) - (some * np.log2(some)).sum())
            kept = len(looked) - changes
            if kept:
                bits += len(looked) * np.log2(len(looked)) - kept * np.log2(kept) - changes * np.log2(changes)
    return bits


def _deltas(values: Bytes) -> Bytes:
    """Planes of the differences from the number before (the first: from 0), the sign in the lowest bit."""
    count, width = values.shape
    wide = np.zeros((count, 8), np.uint8)
    wide[:, :width] = values
    numbers = wide.view("<u8").reshape(-1)
    shift = np.uint64(64 - 8 * width)
    moved = (np.diff(numbers, prepend=np.uint64(0)) << shift).view(np.int64)
    zigzag = ((moved << 1) ^ (moved >> 63)).view(np.uint64) >> shift
    return np.ascontiguousarray(zigzag.view(np.uint8).reshape(-1, 8)[:, :width].T)
