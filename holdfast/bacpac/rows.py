"""Walks the rows of a table's data parts as a stream: counts them, and finds contradictions with the model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from holdfast.bacpac.columns import Column, Layout, RowsNotDecodable, layout_of
from holdfast.bacpac.compiled import COMPILED

# Places in the state of the walk.
STEP, ROWS, PASS, IN_CHUNKS, AT, ENDED, BEGAN, WRONG = range(8)
_IS_NULL = 1


class RowCounter:
    """Counts rows. Feed it a table's bytes in key order, cut anywhere; then `finish`. Memory is constant.

    Raises RowsNotDecodable from the constructor for a type that is not known, from `feed` and `finish` where the bytes
    contradict the columns; the detail names the column and the row.
    """

    def __init__(self, columns: Sequence[Column]) -> None:
        if not columns:
            raise RowsNotDecodable("the table has no columns that stand in the data")
        steps = _merge_fixed(columns)
        self._names = [name for name, _ in steps]
        self._plan = [
            _numbers([layout.prefix_bytes for _, layout in steps]),
            _numbers([_or_none(layout.value_bytes) for _, layout in steps]),
            _numbers([_or_none(layout.longest_bytes) for _, layout in steps]),
            _numbers([int(layout.nullable) for _, layout in steps]),
        ]
        self._row_bytes = steps[0][1].value_bytes if len(steps) == 1 and not steps[0][1].prefix_bytes else None
        self._state = _numbers([0] * 8)
        from holdfast.bacpac.row_walk import walk  # loads numba

        self._walk = walk
        # What of the last piece is not read yet: the start of a prefix.
        self._held = b""
        self._fed = 0
        self._border = 0

    @property
    def rows(self) -> int:
        """Whole rows so far."""
        return int(self._state[ROWS])

    @property
    def border(self) -> int:
        """Where the last whole row ended, in bytes from the beginning."""
        return self._border

    def feed(self, piece: bytes) -> int:
        """Takes the next bytes. The offset in them of the first that begins a row; their number where none does."""
        if not piece:
            return 0
        self._fed += len(piece)
        if self._row_bytes is not None:
            return self._feed_fixed(len(piece), self._row_bytes)
        state = self._state
        begins = not (self._held or state[STEP] or state[PASS] or state[IN_CHUNKS])
        held = len(self._held)
        data = self._held + piece if held else piece
        wrong = self._walk(np.frombuffer(data, np.uint8) if COMPILED else data, *self._plan, state)
        if wrong:
            what = "is NULL and must not be" if wrong == _IS_NULL else f"is {state[WRONG]} bytes long, not as declared"
            raise RowsNotDecodable(f"row {state[ROWS] + 1}: column {self._names[state[STEP]]} {what}")
        if state[ENDED] >= 0:
            self._border = self._fed - len(data) + int(state[ENDED])
        self._held = data[state[AT] :] if state[AT] < len(data) else b""
        if begins:
            return 0
        return int(state[BEGAN]) - held if state[BEGAN] >= 0 else len(piece)

    def finish(self) -> int:
        """The number of rows. Raises RowsNotDecodable where the data ends within one."""
        state = self._state
        if self._held or state[PASS] or state[IN_CHUNKS] or state[STEP]:
            raise RowsNotDecodable(f"the data ends within row {self.rows + 1}")
        return self.rows

    def _feed_fixed(self, length: int, row_bytes: int) -> int:
        # Here PASS counts the bytes of the row that has begun.
        begun = int(self._state[PASS])
        rows, left = divmod(begun + length, row_bytes)
        self._state[ROWS] += rows
        self._state[PASS] = left
        self._border = self._fed - left
        return min(-begun % row_bytes, length)


def _numbers(values: list[int]) -> Any:
    """Compiled loops want arrays; interpreted ones are faster on lists."""
    return np.array(values, np.int64) if COMPILED else values


def _or_none(value: int | None) -> int:
    return -1 if value is None else value


def _merge_fixed(columns: Sequence[Column]) -> list[tuple[str, Layout]]:
    """The columns' layouts, neighbours without prefix as one: the walk then passes them in one step."""
    merged: list[tuple[str, Layout]] = []
    for column in columns:
        layout = layout_of(column)
        if merged and not layout.prefix_bytes and not merged[-1][1].prefix_bytes:
            name, before = merged[-1]
            total = (before.value_bytes or 0) + (layout.value_bytes or 0)
            merged[-1] = (f"{name}, {column.name}", Layout(0, total, nullable=False))
        else:
            merged.append((column.name, layout))
    return merged
