"""Makes typed frames: finds whole rows in the spans, has their columns stored, and says where everything lies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from holdfast.repository.frames.column_coding import ColumnWriter
from holdfast.repository.frames.frame_groups import Bytes, Content, GroupWriter, squeeze
from holdfast.repository.frames.row_kernels import count_rows, find_cells
from holdfast.repository.frames.row_shape import RowShape
from holdfast.repository.frames.typed_frames import RowSpan
from holdfast.repository.frames.zstd_frames import compress
from holdfast.repository.varints import varint

#: Fewer rows than this of one shape are kept as they are: describing their columns would cost more.
LEAST_ROWS = 4
#: Bytes of a large frame that are compressed as they are, to see whether columns are better.
_LOOK = 16 << 10


@dataclass(frozen=True)
class _Rows:
    """Rows of one shape that lie back to back."""

    shape: bytes
    at: int
    rows: int


def encode(plain: bytes, spans: Sequence[RowSpan], level: int) -> bytes | None:
    """Coded bytes; None where there are no rows to take apart, or where plain zstd is as good."""
    data = np.frombuffer(plain, np.uint8)
    shapes: dict[bytes, RowShape] = {}
    runs = _find_rows(data, spans, shapes)
    totals: dict[bytes, int] = {}
    for run in runs:
        totals[run.shape] = totals.get(run.shape, 0) + run.rows
    runs = [run for run in runs if totals[run.shape] >= LEAST_ROWS]
    if not runs:
        return None
    head, stored = _encode(data, runs, shapes, level)
    packed = squeeze(head, level)
    coded = b"".join((varint(len(head)), varint(len(packed)), packed, *stored))
    return None if _plain_is_better(plain, len(coded), level) else coded


def _find_rows(data: Bytes, spans: Sequence[RowSpan], shapes: dict[bytes, RowShape]) -> list[_Rows]:
    """Where whole rows lie."""
    runs: list[_Rows] = []
    at = 0
    for span in spans:
        if span.shape is not None and span.row_start < span.length:
            shape = shapes.get(span.shape)
            if shape is None:
                shape = shapes[span.shape] = RowShape.decode(span.shape, "shape")
            rows, _ = count_rows(data, at + span.row_start, at + span.length, *shape.arrays)
            if rows:
                runs.append(_Rows(span.shape, at + span.row_start, rows))
        at += span.length
    return runs


def _encode(data: Bytes, runs: Sequence[_Rows], shapes: dict[bytes, RowShape], level: int) -> tuple[bytes, list[bytes]]:
    groups = GroupWriter()
    used = list(dict.fromkeys(run.shape for run in runs))
    writer = ColumnWriter(data, groups)
    ends: dict[int, int] = {}
    for encoded in used:
        shape = shapes[encoded]
        mine = [run for run in runs if run.shape == encoded]
        total = sum(run.rows for run in mine)
        starts = np.empty((len(shape.columns), total), np.int32)
        lengths = np.empty_like(starts)
        prefixes, fixed = shape.arrays
        first = 0
        for run in mine:
            ends[run.at] = find_cells(data, run.at, prefixes, fixed, starts, lengths, first, run.rows)
            first += run.rows
        for place, column in enumerate(shape.columns):
            writer.column(column, starts[place], lengths[place])
    head = bytearray(varint(len(used)))
    for encoded in used:
        head += varint(len(encoded)) + encoded
    pieces = _pieces(len(data), runs, used, ends)
    head += varint(len(pieces))
    for kind, count in pieces:
        head += varint(kind) + varint(count)
    raw = _raw(data, runs, ends)
    tail = bytearray()
    if len(raw):
        tail += varint(groups.put(raw, Content.RAW))
    table, stored = groups.encode(level)
    return bytes(head) + table + bytes(writer.head) + bytes(tail), stored


def _pieces(length: int, runs: Sequence[_Rows], used: Sequence[bytes], ends: dict[int, int]) -> list[tuple[int, int]]:
    """The frame from its beginning to its end: 0 and bytes that are kept as they are, or a shape from 1 and rows."""
    pieces: list[tuple[int, int]] = []
    at = 0
    for run in runs:
        if run.at > at:
            pieces.append((0, run.at - at))
        pieces.append((used.index(run.shape) + 1, run.rows))
        at = ends[run.at]
    if at < length:
        pieces.append((0, length - at))
    return pieces


def _raw(data: Bytes, runs: Sequence[_Rows], ends: dict[int, int]) -> Bytes:
    found: list[Bytes] = []
    at = 0
    for run in runs:
        found.append(data[at : run.at])
        at = ends[run.at]
    found.append(data[at:])
    return np.concatenate(found)


def _plain_is_better(plain: bytes, coded: int, level: int) -> bool:
    """The middle of a large frame says at once where columns are far ahead; elsewhere all of it is compressed to see."""
    if len(plain) >= 16 * _LOOK:
        middle = plain[len(plain) // 2 :][:_LOOK]
        if len(compress(middle, 1)) * len(plain) > 1.3 * coded * _LOOK:
            return False
    return len(compress(plain, level)) <= coded
