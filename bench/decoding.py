"""Table data cut into rows, for the floor and for purges: the bench's own walk, which judges the engine from outside."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from struct import Struct

from holdfast.bacpac.columns import UNKNOWN_LENGTH, Column, layout_of
from holdfast.bacpac.package import Bacpac, TableData

_READ = {n: Struct(code).unpack_from for n, code in ((1, "<B"), (2, "<H"), (4, "<I"), (8, "<Q"))}


def row_ends(columns: Sequence[Column], data: bytes) -> list[int]:
    """Where each row ends. Raises ValueError where the data does not end with a row."""
    plan = [(layout.prefix_bytes, layout.value_bytes or 0) for layout in map(layout_of, columns)]
    steps = [(size, _READ.get(size), (1 << 8 * size) - 1, fixed) for size, fixed in _merged(plan)]
    ends: list[int] = []
    at, end = 0, len(data)
    while at < end:
        for size, read, null, fixed in steps:
            if read is None:
                at += fixed
                continue
            (length,) = read(data, at)
            at += size
            if size == 8 and length == UNKNOWN_LENGTH:
                at = _past_chunks(data, at)
            elif length != null:
                at += length
        ends.append(at)
    if at != end:
        raise ValueError(f"the data ends at {end:,}, within a row that would end at {at:,}")
    return ends


def rows_of(columns: Sequence[Column], data: bytes) -> Iterator[bytes]:
    """The rows, one after the other."""
    start = 0
    for end in row_ends(columns, data):
        yield data[start:end]
        start = end


def table_bytes(package: Bacpac, table: TableData) -> bytes:
    """The table's rows in key order: its parts, end to end."""
    return b"".join(piece for part in table.parts for piece in package.pieces(part))


def _merged(plan: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Neighbours without prefix as one step."""
    merged: list[tuple[int, int]] = []
    for size, fixed in plan:
        if merged and not size and not merged[-1][0]:
            merged[-1] = (0, merged[-1][1] + fixed)
        else:
            merged.append((size, fixed))
    return merged


def _past_chunks(data: bytes, at: int) -> int:
    while True:
        (length,) = _READ[4](data, at)
        at += 4 + length
        if not length:
            return at
