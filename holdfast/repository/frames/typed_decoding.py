"""Reads typed frames (codec 3): all of their bytes, or one column."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from holdfast.bacpac.compiled import COMPILED
from holdfast.model.errors import Damaged
from holdfast.repository.frames.column_decoding import ColumnReader, ColumnValues
from holdfast.repository.frames.column_descriptions import DescriptionReader
from holdfast.repository.frames.frame_groups import Bytes, GroupReader, expand
from holdfast.repository.frames.row_shape import RowShape
from holdfast.repository.varints import VarintReader

if COMPILED:
    from holdfast.repository.frames.row_kernels import place_cells
else:
    from holdfast.repository.frames.row_vectors import place_cells


@dataclass(frozen=True)
class _Frame:
    """What the head of a frame says."""

    shapes: list[RowShape]
    pieces: list[tuple[int, int]]
    """From the beginning to the end: 0 and bytes that are kept as they are, or a shape from 1 and rows."""
    rows: list[int]
    raw: int
    head: VarintReader
    groups: GroupReader


def decode(coded: bytes | memoryview, most: int, name: str) -> memoryview:
    """The bytes that were encoded. Raises Damaged for anything else, and where they are more than `most`."""
    frame = _open(coded, most, name)
    descriptions = DescriptionReader(frame.head, frame.groups, most, name)
    described = [
        [descriptions.column(column, rows) for column in shape.columns]
        for shape, rows in zip(frame.shapes, frame.rows, strict=True)
    ]
    kept = descriptions.stream(frame.raw) if frame.raw else (0, 0, 0)
    frame.groups.finish()
    if not frame.head.done:
        raise Damaged(f"{name}: a typed frame has more in its head than it needs")
    raw = frame.groups.read(kept)
    reader = ColumnReader(frame.groups, most, name)
    tables: list[list[ColumnValues]] = []
    total = frame.raw
    for shape, rows, columns in zip(frame.shapes, frame.rows, described, strict=True):
        tables.append([reader.column(one) for one in columns])
        total += sum(one.total for one in tables[-1]) + rows * sum(one.prefix for one in shape.columns)
    if total > most:
        raise Damaged(f"{name}: a typed frame is longer than it says")
    return _put_together(frame, tables, raw, total)


def decode_column(coded: bytes, shape: int, column: int, most: int, name: str) -> list[bytes | None]:
    """The values of one column of the frame's rows of that shape, None for NULL; other columns are not decompressed
    but for those that share a group with it. Raises Damaged, also where there is no such column.
    """
    frame = _open(coded, most, name)
    if shape >= len(frame.shapes) or column >= len(frame.shapes[shape].columns):
        raise Damaged(f"{name}: a typed frame has no column {column} of shape {shape}")
    descriptions = DescriptionReader(frame.head, frame.groups, most, name)
    for number, (one, rows) in enumerate(zip(frame.shapes, frame.rows, strict=True)):
        for place, each in enumerate(one.columns):
            described = descriptions.column(each, rows)
            if (number, place) == (shape, column):
                return ColumnReader(frame.groups, most, name).column(described).listed()
    raise AssertionError("the column was there")


def _put_together(frame: _Frame, tables: list[list[ColumnValues]], raw: Bytes, total: int) -> memoryview:
    out = np.empty(total, np.uint8)
    lengths = [np.stack([values.lengths for values in table]) for table in tables]
    starts = [np.empty_like(one) for one in lengths]
    prefixes = [shape.arrays[0] for shape in frame.shapes]
    done = [0] * len(tables)
    at = taken = 0
    for kind, count in frame.pieces:
        if not kind:
            out[at : at + count] = raw[taken : taken + count]
            at, taken = at + count, taken + count
            continue
        shape = kind - 1
        at = place_cells(lengths[shape], prefixes[shape], at, done[shape], count, starts[shape])
        done[shape] += count
    for shape, table in enumerate(tables):
        for place, values in enumerate(table):
            values.put(out, starts[shape][place], frame.shapes[shape].columns[place].prefix)
    return out.data.toreadonly()


def _open(coded: bytes | memoryview, most: int, name: str) -> _Frame:
    # What streams take is bounded by what comes of them, but for dictionaries, which may hold what is there but once.
    bound = 2 * most + 4096
    outer = VarintReader(coded, name)
    length, stored = outer.varint(bound), outer.varint(bound)
    head = VarintReader(expand(outer.take(stored), length, name), name)
    shapes = [RowShape.decode(head.take(head.varint(bound)), name) for _ in range(head.varint(most))]
    rows = [0] * len(shapes)
    raw = 0
    pieces: list[tuple[int, int]] = []
    for _ in range(head.varint(most)):
        kind, count = head.varint(len(shapes)), head.varint(most)
        pieces.append((kind, count))
        if kind:
            rows[kind - 1] += count
        else:
            raw += count
    least = raw + sum(count * shape.least_bytes for count, shape in zip(rows, shapes, strict=True))
    if least > most or not all(rows):
        raise Damaged(f"{name}: a typed frame is longer than it says")
    table = GroupReader.table(head, bound, name)
    groups = GroupReader(table, memoryview(coded)[outer.at :], name)
    return _Frame(shapes, pieces, rows, raw, head, groups)
