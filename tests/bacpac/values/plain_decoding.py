"""Rows read by the book, value by value, with nothing of the product: what its arrays are judged by."""

from __future__ import annotations

import datetime as dt
import struct
import uuid
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

_YEAR_1 = dt.datetime(1, 1, 1)  # noqa: DTZ001
_YEAR_1900 = dt.datetime(1900, 1, 1)  # noqa: DTZ001
_NUMBERS = {"tinyint": "<B", "smallint": "<h", "int": "<i", "bigint": "<q", "real": "<f", "float": "<d"}
_BYTES = {
    "tinyint": 1,
    "smallint": 2,
    "int": 4,
    "bigint": 8,
    "real": 4,
    "float": 8,
    "smallmoney": 4,
    "money": 8,
    "smalldatetime": 4,
    "datetime": 8,
    "date": 3,
    "time": 5,
    "datetime2": 8,
    "datetimeoffset": 10,
}
_TEXT = ("char", "nchar", "varchar", "nvarchar", "text", "ntext", "xml")


def plain_rows(columns: Any, data: bytes) -> Iterator[dict[str, Any]]:
    """Each row as the dictionary that Arrow would give."""
    at = 0
    while at < len(data):
        row: dict[str, Any] = {}
        for column in columns:
            value, at = _take(column, data, at)
            row |= _shown(column, value)
        yield row


def _take(column: Any, data: bytes, at: int) -> tuple[bytes | None, int]:
    kind = column.type
    if kind in _BYTES and not column.nullable:
        return data[at : at + _BYTES[kind]], at + _BYTES[kind]
    if kind == "char" and not column.nullable and not column.is_max:
        length = 2 * (column.length or 1)
        return data[at : at + length], at + length
    prefix = _prefix(column)
    length = int.from_bytes(data[at : at + prefix], "little")
    at += prefix
    if length == (1 << 8 * prefix) - 1:
        return None, at
    if prefix == 8 and length == (1 << 64) - 2:
        pieces = []
        while size := int.from_bytes(data[at : at + 4], "little"):
            pieces.append(data[at + 4 : at + 4 + size])
            at += 4 + size
        return b"".join(pieces), at + 4
    return data[at : at + length], at + length


def _prefix(column: Any) -> int:
    kind = column.type
    if kind in _BYTES or kind in ("bit", "uniqueidentifier", "decimal", "numeric"):
        return 1
    if column.is_max or kind in ("xml", "geography", "geometry", "hierarchyid"):
        return 8
    return 4 if kind in ("text", "ntext", "image", "sql_variant") else 2


def _shown(column: Any, value: bytes | None) -> dict[str, Any]:
    name, kind = column.name, column.type
    if kind == "datetimeoffset":
        moment = minutes = None
        if value is not None:
            moment, minutes = _datetime2(value).replace(tzinfo=dt.UTC), struct.unpack("<h", value[8:])[0]
        return {name: moment, f"{name} (offset minutes)": minutes}
    return {name: None if value is None else _value(kind, value)}


def _value(kind: str, value: bytes) -> Any:
    if kind in _NUMBERS:
        return struct.unpack(_NUMBERS[kind], value)[0]
    if kind in _TEXT:
        # Half a pair alone is the one thing that UTF-8 has no form for.
        return (
            value.decode("utf-16-le", "surrogatepass").encode("utf-8", "replace").decode()
            if _halves(value)
            else value.decode("utf-16-le")
        )
    if kind == "bit":
        return value != b"\0"
    if kind == "uniqueidentifier":
        return str(uuid.UUID(bytes_le=value)).upper()
    if kind in ("decimal", "numeric"):
        number = int.from_bytes(value[3:], "little")
        return _decimal(number if value[2] else -number, value[1])
    if kind == "money":
        return _decimal(int.from_bytes(value[4:] + value[:4], "little", signed=True), 4)
    if kind == "smallmoney":
        return _decimal(int.from_bytes(value, "little", signed=True), 4)
    if kind == "date":
        return dt.date.fromordinal(1 + int.from_bytes(value, "little"))
    if kind == "time":
        return int.from_bytes(value, "little") * 100
    if kind == "datetime2":
        return _datetime2(value)
    if kind == "datetime":
        days, parts = struct.unpack("<iI", value)
        return _YEAR_1900 + dt.timedelta(days, milliseconds=round(parts * 10 / 3))
    if kind == "smalldatetime":
        days, minutes = struct.unpack("<HH", value)
        return _YEAR_1900 + dt.timedelta(days, minutes=minutes)
    return value


def _datetime2(value: bytes) -> dt.datetime:
    ticks = int.from_bytes(value[:5], "little")
    return _YEAR_1 + dt.timedelta(int.from_bytes(value[5:8], "little"), microseconds=ticks // 10)


def _halves(value: bytes) -> bool:
    try:
        value.decode("utf-16-le")
    except UnicodeDecodeError:
        return True
    return False


def _decimal(number: int, scale: int) -> Decimal:
    return Decimal((int(number < 0), tuple(map(int, str(abs(number)))), -scale))
