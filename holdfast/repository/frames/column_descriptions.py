"""What the head of a typed frame says of its columns: how each is stored, and where its streams lie in the groups.

Read without decompressing any of them, so that one column can be read and the others passed over.
"""

from __future__ import annotations

from dataclasses import dataclass

from holdfast.model.errors import Damaged
from holdfast.repository.frames.frame_groups import GroupReader, Stream
from holdfast.repository.frames.row_shape import Form, ShapeColumn
from holdfast.repository.varints import VarintReader

#: Ways to store numbers, and a flag beside them.
PLANES, DELTAS, INTERLEAVED = 0, 1, 2
REVERSED = 4
#: Presence of values of one length.
ALL, NONE, SOME = 0, 1, 2
#: What values are stored as that are no numbers.
BYTES, TEXT = 0, 1
MOST_DISTINCT = 1 << 16


@dataclass(frozen=True)
class Numbers:
    """Numbers of one width: planes, each a stream or the one byte that it consists of; or all of them in one stream."""

    count: int
    width: int
    planes: list[Stream | int]
    interleaved: Stream | None
    deltas: bool
    big: bool


@dataclass(frozen=True)
class Text:
    """Characters: low bytes, and high ones where they are not all zero."""

    low: Stream
    high: Stream | None


@dataclass(frozen=True)
class Values:
    """Values, each stored; what is None is not there."""

    column: ShapeColumn
    rows: int
    count: int
    """Of those of one length, how many are not NULL."""
    present: Stream | None
    lengths: Numbers | None
    total: int
    """Bytes of all values."""
    fields: list[Numbers]
    text: Text | None
    flat: Stream | None


@dataclass(frozen=True)
class Dictionary:
    """Values of which each is stored once, and which of them each row has."""

    numbers: Numbers
    values: Values


class DescriptionReader:
    """Reads descriptions of columns in the order in which they stand in the head. Everything raises Damaged."""

    def __init__(self, head: VarintReader, groups: GroupReader, most: int, name: str) -> None:
        self._head, self._groups, self._most, self._name = head, groups, most, name

    def column(self, column: ShapeColumn, rows: int) -> Values | Dictionary:
        """The next column, which has so many rows."""
        if not self._flag(1):
            return self._values(column, rows)
        distinct = self._head.varint(min(MOST_DISTINCT, rows))
        numbers = self._numbers(rows, 1 if distinct <= 256 else 2)
        return Dictionary(numbers, self._values(column, distinct))

    def stream(self, length: int) -> Stream:
        """The next stream, which is so long."""
        return self._groups.place(self._head.varint(self._most + 1), length)

    def _values(self, column: ShapeColumn, rows: int) -> Values:
        size = column.value_bytes
        if not rows:
            raise self._wrong()
        if not size:
            return self._varying(column, rows)
        count, present = rows, None
        presence = self._flag(SOME) if column.prefix else ALL
        if presence == NONE:
            count = 0
        elif presence == SOME:
            count = self._head.varint(rows)
            present = self.stream((rows + 7) // 8)
        total = count * size
        if total > self._most:
            raise Damaged(f"{self._name}: a typed frame is longer than it says")
        fields: list[Numbers] = []
        text, flat = None, None
        if not count:
            pass
        elif column.form >= Form.NUMBERS:
            fields = [self._numbers(count, width) for width in column.fields]
        else:
            text, flat = self._content(self._flag(BYTES if size % 2 else TEXT), total)
        return Values(column, rows, count, present, None, total, fields, text, flat)

    def _varying(self, column: ShapeColumn, rows: int) -> Values:
        kind, width = self._flag(TEXT), self._flag(4)
        if not width:
            raise self._wrong()
        lengths = self._numbers(rows, width)
        total = self._head.varint(self._most)
        text, flat = self._content(kind, total) if total else (None, None)
        # An empty text has no characters, but its lengths are halved all the same.
        if kind == TEXT and text is None:
            text = Text((0, 0, 0), None)
        return Values(column, rows, rows, None, lengths, total, [], text, flat)

    def _content(self, kind: int, total: int) -> tuple[Text | None, Stream | None]:
        if kind == BYTES:
            return None, self.stream(total)
        if total % 2:  # each length is even, so their sum must be
            raise self._wrong()
        wide = self._flag(1)
        low = self.stream(total // 2)
        return Text(low, self.stream(total // 2) if wide else None), None

    def _numbers(self, count: int, width: int) -> Numbers:
        way = self._flag(DELTAS | REVERSED)
        if way == INTERLEAVED:
            return Numbers(count, width, [], self.stream(count * width), deltas=False, big=False)
        big, way = bool(way & REVERSED), way & ~REVERSED
        if way not in (PLANES, DELTAS):
            raise self._wrong()
        varies = self._flag((1 << width) - 1)
        planes: list[Stream | int] = [
            self.stream(count) if varies >> place & 1 else self._head.byte() for place in range(width)
        ]
        return Numbers(count, width, planes, None, deltas=way == DELTAS, big=big)

    def _flag(self, most: int) -> int:
        value = self._head.byte()
        if value > most:
            raise self._wrong()
        return value

    def _wrong(self) -> Damaged:
        return Damaged(f"{self._name}: a typed frame describes a column that cannot be")
