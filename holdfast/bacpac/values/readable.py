"""A table's rows as text that loses nothing, for CSV and for the screen.

NULL is told apart from an empty text: it is None here. Binary is 0x and hexadecimal digits, as T-SQL writes it; a `float`
is the shortest text that reads back as the same number; times have the digits that their type declares.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from holdfast.bacpac.columns import Column, layout_of
from holdfast.bacpac.values import moments
from holdfast.bacpac.values.arrow import BINARY, TEXT, ArrowRows
from holdfast.bacpac.values.cells import Cells, present
from holdfast.bacpac.values.row_batches import RowBatch


class ReadableRows:
    """Makes rows of texts of row batches."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self.columns = columns
        self.alone = 0
        """Halves of surrogate pairs that stood alone and became U+FFFD: no file of UTF-8 can hold them."""
        self._arrow = [ArrowRows([column]) for column in columns]

    def rows(self, batch: RowBatch) -> list[tuple[str | None, ...]]:
        """The rows, each a text or None a column."""
        return list(zip(*(self._column(number, batch) for number in range(len(self.columns))), strict=True))

    def _column(self, number: int, batch: RowBatch) -> list[str | None]:
        column = self.columns[number]
        cells = Cells(batch.data, batch.starts[number], batch.lengths[number])
        kind = column.type
        if kind in TEXT:
            return [None if v is None else self._text(v) for v in cells.listed()]
        if kind in BINARY:
            return [None if v is None else f"0x{v.hex().upper()}" for v in cells.listed()]
        if kind in moments.MOMENTS or kind == "time":
            return _moments(column, cells)
        narrow = RowBatch(batch.data, batch.starts[number : number + 1], batch.lengths[number : number + 1], batch.ends)
        array = self._arrow[number].batch(narrow).column(0)
        if kind in ("real", "float", "bit"):
            return [None if v is None else _number(kind, v) for v in array.to_pylist()]
        return [None if v is None else str(v) for v in array.cast(pa.large_string()).to_pylist()]

    def _text(self, value: bytes) -> str:
        try:
            return value.decode("utf-16-le")
        except UnicodeDecodeError:
            text = value.decode("utf-16-le", "surrogatepass")
            halves = [character for character in text if "\ud800" <= character <= "\udfff"]
            self.alone += len(halves)
            return "".join("\ufffd" if "\ud800" <= character <= "\udfff" else character for character in text)


def _number(kind: str, value: float | bool) -> str:
    if kind == "bit":
        return "1" if value else "0"
    return str(np.float32(value)) if kind == "real" else repr(value)


def _moments(column: Column, cells: Cells) -> list[str | None]:
    values, null = present(cells, layout_of(column).value_bytes or 0)
    scale = 7 if column.scale is None else column.scale
    if column.type == "time":
        texts = moments.iso_time(moments.unsigned(values), scale)
    else:
        moment, most = moments.MOMENTS[column.type]
        ticks = moment(values)
        if column.type == "datetimeoffset":
            minutes = moments.offset_minutes(values)
            ticks = ticks + minutes * 60 * moments.TICKS_PER_SECOND
            offsets = moments.iso_offset(minutes)
            texts = [f"{t} {o}" for t, o in zip(moments.iso(ticks, min(scale, most)), offsets, strict=True)]
        else:
            texts = moments.iso(ticks, min(scale, most) if most == 7 else most)
    return [None if gone else text for text, gone in zip(texts, null.tolist(), strict=True)]
