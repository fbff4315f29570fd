"""Follows the rows of a table while its bytes go by: how many there are, and where they begin."""

from __future__ import annotations

from collections.abc import Sequence

from holdfast.bacpac.columns import Column, RowsNotDecodable
from holdfast.bacpac.rows import RowCounter
from holdfast.repository.frames.row_shape import RowShape


class TableRows:
    """Feed it a stream's bytes in order. What cannot be decoded is no error: its rows are then not known.

    `shape` is what typed frames must know of the table; None where its columns or its bytes are not decodable.
    """

    def __init__(self, columns: Sequence[Column] | None, rows: int | None = None) -> None:
        """`columns` in the order of the data, None where they are not known; `rows` is what is known without looking."""
        self._known = rows
        self.shape: bytes | None = None
        self._counter: RowCounter | None = None
        if columns:
            try:
                shape = RowShape.of(columns)
                self._counter = RowCounter(columns)
            except RowsNotDecodable:
                return
            self.shape = shape.encode() if shape else None

    def feed(self, piece: bytes) -> int:
        """The next bytes. The offset in them of the first that begins a row; their number where none is known to."""
        if self._counter is not None:
            try:
                return self._counter.feed(piece)
            except RowsNotDecodable:
                self._counter = self.shape = None
        return len(piece)

    def finish(self) -> int | None:
        """The number of rows, None where it is not known."""
        if self._known is not None:
            return self._known
        try:
            return None if self._counter is None else self._counter.finish()
        except RowsNotDecodable:
            return None
