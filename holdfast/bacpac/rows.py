"""Walks the rows of a table's data parts as a stream: counts them, and finds contradictions with the model."""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct

from holdfast.bacpac.columns import UNKNOWN_LENGTH, Column, Layout, RowsNotDecodable, layout_of

_READ = {n: Struct(code).unpack_from for n, code in ((1, "<B"), (2, "<H"), (4, "<I"), (8, "<Q"))}
_NULL = {n: (1 << 8 * n) - 1 for n in (1, 2, 4, 8)}
_CHUNK = (4, _READ[4], -1, None, None, False)


class RowCounter:
    """Counts rows. Feed it a table's bytes in key order, cut anywhere; then `finish`. Memory is constant.

    Raises RowsNotDecodable from the constructor for a type that is not known, from `feed` and `finish` where the bytes
    contradict the columns; the detail names the column and the row.
    """

    def __init__(self, columns: Sequence[Column]) -> None:
        if not columns:
            raise RowsNotDecodable("the table has no columns that stand in the data")
        self._steps = _merge_fixed(columns)
        self._names = [name for name, _ in self._steps]
        self._plan = [
            (
                s.prefix_bytes,
                _READ[s.prefix_bytes] if s.prefix_bytes else None,
                _NULL.get(s.prefix_bytes, -1),
                s.value_bytes,
                s.longest_bytes,
                s.nullable,
            )
            for _, s in self._steps
        ]
        self._rows = 0
        self._step = 0
        self._in_chunks = False
        # What of the last piece is not read yet (the start of a prefix), and how many bytes of the next are to be passed.
        self._held = b""
        self._pass = 0
        self._fed = 0
        self._border = 0

    @property
    def rows(self) -> int:
        """Whole rows so far."""
        return self._rows

    @property
    def border(self) -> int:
        """Where the last whole row ended, in bytes from the beginning."""
        return self._border

    def feed(self, piece: bytes) -> None:
        """Takes the next bytes."""
        self._fed += len(piece)
        if len(self._plan) == 1 and not self._plan[0][0]:
            self._feed_fixed(len(piece))
            return
        data = self._held + piece if self._held else piece
        end = len(data)
        ended = -1
        at = self._pass
        plan, last = self._plan, len(self._plan)
        step, rows = self._step, self._rows
        while at <= end:
            if step == last:
                rows += 1
                step = 0
                ended = at
            prefix, read, null, fixed, longest, nullable = _CHUNK if self._in_chunks else plan[step]
            if at == end or end - at < prefix:
                break
            if read is None:
                at += fixed or 0
                step += 1
                continue
            length = read(data, at)[0]
            at += prefix
            if self._in_chunks:
                at += length
                self._in_chunks = length > 0
                step += not length
                continue
            if length == null:
                if not nullable:
                    raise self._contradiction(step, rows, "is NULL and must not be")
            elif length == UNKNOWN_LENGTH:
                self._in_chunks = True
                continue
            elif (fixed is not None and length != fixed) or (longest is not None and length > longest):
                raise self._contradiction(step, rows, f"is {length} bytes long, not as declared")
            else:
                at += length
            step += 1
        self._step, self._rows = step, rows
        if ended >= 0:
            self._border = self._fed - end + ended
        self._held = data[at:] if at < end else b""
        self._pass = max(at - end, 0)

    def finish(self) -> int:
        """The number of rows. Raises RowsNotDecodable where the data ends within one."""
        if self._held or self._pass or self._in_chunks or self._step:
            raise RowsNotDecodable(f"the data ends within row {self._rows + 1}")
        return self._rows

    def _feed_fixed(self, length: int) -> None:
        size = self._plan[0][3] or 1
        rows, left = divmod(self._pass + length, size)
        # Here `_pass` counts the bytes of the row that has begun.
        self._rows += rows
        self._pass = left
        self._border = self._fed - left

    def _contradiction(self, step: int, rows: int, what: str) -> RowsNotDecodable:
        return RowsNotDecodable(f"row {rows + 1}: column {self._names[step]} {what}")


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
