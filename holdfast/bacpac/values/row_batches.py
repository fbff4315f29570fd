"""A table's bytes as batches of whole rows, with the place of every value."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from holdfast.bacpac.columns import Column, RowsNotDecodable, layout_of
from holdfast.bacpac.compiled import COMPILED

#: Values of one batch: 16 bytes each go into telling where they lie.
BATCH_VALUES = 400_000
#: A row that is longer is not held in memory.
LONGEST_ROW = 512 << 20

Bytes = NDArray[np.uint8]
Places = NDArray[np.int64]


@dataclass(frozen=True)
class RowBatch:
    """Whole rows. A value lies in `data` from its place in `starts` (columns by rows) on; a length of -1 is NULL."""

    data: Bytes
    starts: Places
    lengths: Places
    ends: Places
    """Where each row ends in `data`; rows lie back to back from 0 on."""

    @property
    def rows(self) -> int:
        """How many."""
        return int(self.starts.shape[1])

    def value(self, column: int, row: int) -> bytes | None:
        """The bytes of one value, None for NULL."""
        length = int(self.lengths[column, row])
        if length < 0:
            return None
        start = int(self.starts[column, row])
        return self.data[start : start + length].tobytes()

    def only(self, rows: int) -> RowBatch:
        """The first rows."""
        return RowBatch(self.data, self.starts[:, :rows], self.lengths[:, :rows], self.ends[:rows])


def row_batches(columns: Sequence[Column], pieces: Iterable[bytes | memoryview]) -> Iterator[RowBatch]:
    """The rows of a table from its parts' bytes in key order, cut anywhere. A batch is not to be used after the next one.

    Raises RowsNotDecodable where the bytes contradict the columns or end within a row; it names the column and the row.
    """
    walk = _Walk(columns)
    held = np.empty(0, np.uint8)
    for piece in pieces:
        data = np.concatenate((held, np.frombuffer(piece, np.uint8))) if len(held) else np.array(memoryview(piece))
        if len(data) > LONGEST_ROW:
            raise RowsNotDecodable(
                f"row {walk.rows + 1} is longer than {LONGEST_ROW >> 20} MiB, which is not held in memory"
            )
        at = 0
        while True:
            batch, used = walk.batch(data[at:])
            if batch is None:
                break
            at += used
            yield batch
        held = data[at:].copy()
    if len(held):
        raise RowsNotDecodable(f"the data ends within row {walk.rows + 1}")


class _Walk:
    def __init__(self, columns: Sequence[Column]) -> None:
        if not columns:
            raise RowsNotDecodable("the table has no columns that stand in the data")
        layouts = [layout_of(column) for column in columns]
        self._names = [column.name for column in columns]
        self._plan = [
            np.array(numbers, np.int64)
            for numbers in (
                [layout.prefix_bytes for layout in layouts],
                [-1 if layout.value_bytes is None else layout.value_bytes for layout in layouts],
                [-1 if layout.longest_bytes is None else layout.longest_bytes for layout in layouts],
                [int(layout.nullable) for layout in layouts],
            )
        ]
        self._most = max(1, BATCH_VALUES // len(columns))
        self.rows = 0

    def batch(self, data: Bytes) -> tuple[RowBatch | None, int]:
        """As many whole rows as there are and fit, and their bytes; None where there is none."""
        from holdfast.bacpac.values import cell_walk  # loads numba

        columns = len(self._names)
        starts = np.empty((columns, self._most), np.int64)
        lengths = np.empty((columns, self._most), np.int64)
        ends = np.empty(self._most, np.int64)
        answer = np.zeros(4, np.int64)
        given = data if COMPILED else bytearray(data)
        stopped = cell_walk.find_cells(given, len(data), *self._plan, starts, lengths, ends, answer)
        if not COMPILED:
            data = np.frombuffer(given, np.uint8)
        rows = int(answer[cell_walk.ROWS])
        if stopped in (cell_walk.NULL, cell_walk.LENGTH):
            name, said = self._names[int(answer[cell_walk.COLUMN])], int(answer[cell_walk.SAID])
            what = "is NULL and must not be" if stopped == cell_walk.NULL else f"is {said} bytes long, not as declared"
            raise RowsNotDecodable(f"row {self.rows + rows + 1}: column {name} {what}")
        if not rows:
            return None, 0
        self.rows += rows
        used = int(ends[rows - 1])
        return RowBatch(data[:used], starts[:, :rows], lengths[:, :rows], ends[:rows]), used
