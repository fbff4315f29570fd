"""Columns of every SQL type and rows of them as an exporter writes them, made from the published table of types.

Shares nothing with the product but the class that names a column.
"""

from __future__ import annotations

import struct

from hypothesis import strategies as st

from holdfast.bacpac.columns import Column

FIXED = {
    "tinyint": 1, "smallint": 2, "int": 4, "bigint": 8, "real": 4, "float": 8, "smallmoney": 4, "money": 8,
    "smalldatetime": 4, "datetime": 8, "date": 3, "time": 5, "datetime2": 8, "datetimeoffset": 10,
}  # fmt: skip
ALWAYS = {"bit": 1, "uniqueidentifier": 16, "decimal": 19, "numeric": 19}
SHORT = ("nchar", "varchar", "nvarchar", "binary", "varbinary")
LONG = ("text", "ntext", "image", "sql_variant")
LARGE = ("xml", "geography", "geometry", "hierarchyid")
CODES = {1: "<B", 2: "<H", 4: "<I", 8: "<Q"}


def column_prefix(column: Column) -> int:
    """Bytes of the prefix."""
    kind = column.type
    if kind in FIXED:
        return 1 if column.nullable else 0
    if kind in ALWAYS:
        return 1
    if kind == "char" and not column.is_max:
        return 2 if column.nullable else 0
    if kind == "rowversion" or (kind in SHORT and not column.is_max):
        return 2
    return 4 if kind in LONG else 8


def fixed_bytes(column: Column) -> int | None:
    """The length of every value, where there is one."""
    if column.type == "char" and not column.nullable and not column.is_max:
        return 2 * (column.length or 1)
    return FIXED.get(column.type) or ALWAYS.get(column.type) or (8 if column.type == "rowversion" else None)


def longest_bytes(column: Column) -> int | None:
    """What the declared length allows."""
    if column.is_max or column.type not in (*SHORT, "char"):
        return None
    return (1 if column.type in ("binary", "varbinary") else 2) * (column.length or 1)


def encode(column: Column, value: bytes | None, *, chunked: bool = False) -> bytes:
    """A value as the exporter writes it."""
    prefix = column_prefix(column)
    if value is None:
        return b"\xff" * prefix
    if chunked and prefix == 8:
        pieces = [value[at : at + 3] for at in range(0, len(value), 3)]
        return b"\xfe" + b"\xff" * 7 + b"".join(struct.pack("<I", len(p)) + p for p in pieces) + bytes(4)
    return (struct.pack(CODES[prefix], len(value)) if prefix else b"") + value


@st.composite
def columns(draw: st.DrawFn) -> Column:
    """Any column of a known type."""
    kind = draw(st.sampled_from([*FIXED, *ALWAYS, *SHORT, *LONG, *LARGE, "char", "rowversion"]))
    is_max = kind in ("varchar", "nvarchar", "varbinary") and draw(st.booleans())
    length = None if is_max else draw(st.integers(1, 40)) if kind in (*SHORT, "char") else None
    return Column(f"c {kind}", kind, draw(st.booleans()), length, is_max)


@st.composite
def values(draw: st.DrawFn, column: Column) -> bytes | None:
    """Any value of a column, as bytes."""
    if column.nullable and draw(st.booleans()):
        return None
    width = 1 if column.type in ("binary", "varbinary") else 2
    size = fixed_bytes(column)
    if size:
        return draw(st.binary(min_size=size, max_size=size))
    if column.type == "char":
        size = 2 * (column.length or 1)
        return draw(st.binary(min_size=size, max_size=size))
    most = width * column.length if column.length else 60
    return draw(st.binary(max_size=most).map(lambda raw: raw[: len(raw) // width * width]))


@st.composite
def tables(draw: st.DrawFn, chunks: bool = True) -> tuple[list[Column], list[bytes]]:
    """Columns, and rows of them."""
    of = draw(st.lists(columns(), min_size=1, max_size=6))
    count = draw(st.integers(0, 8))
    rows = [
        b"".join(encode(c, draw(values(c)), chunked=chunks and draw(st.booleans())) for c in of) for _ in range(count)
    ]
    return of, rows


@st.composite
def mutated(draw: st.DrawFn, data: bytes) -> bytes:
    """The bytes; or with some of them changed, cut out or put in."""
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(data)))
        gone = draw(st.integers(0, 3))
        data = data[:at] + draw(st.binary(max_size=3)) + data[at + gone :]
    return data
