"""`types`: every type that table data can hold, NULL and not, at its extremes.

One table a type, each with a column that can be NULL and one that cannot; so a reader that errs says with which type.
"""

from __future__ import annotations

import datetime as dt
import struct
from collections.abc import Callable
from typing import Any

import numpy as np

from local.samples.chance import Ints
from local.samples.database import Database, Moment, TableRows
from local.samples.schema import Alias, Column, Key, Schema, Table, Type, aliased, column
from local.samples.values import DAYS_TO_1900, TICKS_PER_DAY, TICKS_PER_SECOND, Ragged, Values

_LAST_TICKS = dt.date.max.toordinal() * TICKS_PER_DAY - 1


def _ticks(*when: int) -> int:
    moment = dt.datetime(*when, tzinfo=dt.UTC) - dt.datetime(1, 1, 1, tzinfo=dt.UTC)  # type: ignore[misc, arg-type]
    return (moment.days * 86_400 + moment.seconds) * TICKS_PER_SECOND + moment.microseconds * 10


_LEAP = _ticks(2024, 2, 29, 23, 59, 59, 999999) + 9
_TEXTS = [
    "",
    " ",
    "plain",
    "Straße",
    "日本語テキスト",
    "😀 outside the first plane",
    "a\x00b",
    "quote ' and ]",
    "\ufeff",
    "\r\n\t",
]
_WKB_POINT = bytes.fromhex("e6100000010c3333333333b34740cdccccccccac5ec0")
_BLOBS = [b"", b"\x00", b"\xff" * 8, bytes(range(256)), b"\xff\xff"]

#: Per declaration: values of the type, extremes first. Whole numbers and times as `Values` takes them.
_NUMBERS: dict[str, list[Any]] = {
    "tinyint": [0, 255, 7],
    "smallint": [-32_768, 32_767, 0],
    "int": [-(2**31), 2**31 - 1, 0, -1],
    "bigint": [-(2**63), 2**63 - 1, 0, -1],
    "bit": [0, 1],
    "real": [-3.4028234663852886e38, 3.4028234663852886e38, 1.401298464324817e-45, 0.0, -0.0, 0.1],
    "float": [-1.7976931348623157e308, 1.7976931348623157e308, 5e-324, 0.0, -0.0, 0.1],
    "smallmoney": [-(2**31), 2**31 - 1, 0, 12_345],
    "money": [-(2**63), 2**63 - 1, 0, -1, 10_593_100],
    "decimal(38,0)": [10**38 - 1, -(10**38) + 1, 0, 1, -1],
    "decimal(38,38)": [10**38 - 1, -(10**38) + 1, 0],
    "decimal(9,2)": [999_999_999, -999_999_999, 0, 1],
    "numeric(19,4)": [10**18, -(10**18), 5],
    "date": [0, _LAST_TICKS, _LEAP],
    "time(7)": [0, TICKS_PER_DAY - 1, 12 * 3600 * TICKS_PER_SECOND],
    "time(0)": [0, TICKS_PER_DAY - TICKS_PER_SECOND],
    "datetime": [_ticks(1753, 1, 1), _ticks(9999, 12, 31, 23, 59, 59, 997000), _LEAP, _ticks(1899, 12, 31)],
    "smalldatetime": [DAYS_TO_1900 * TICKS_PER_DAY, _ticks(2079, 6, 6, 23, 59), _ticks(2024, 2, 29, 12, 30)],
    "datetime2(7)": [0, _LAST_TICKS, _LEAP],
    "datetime2(0)": [0, _LAST_TICKS - (TICKS_PER_SECOND - 1)],
    "datetimeoffset(7)": [(0, 0), (_LAST_TICKS, 0), (_LEAP, 840), (_LEAP, -840), (_LEAP, 345)],
    "uniqueidentifier": [bytes(16), b"\xff" * 16, bytes(range(16))],
}


def _padded(length: int) -> list[str]:
    return [text.ljust(length)[:length] for text in ("", "abc", "x" * length, "ÄÖÜ ß")]


_PIECES: dict[str, list[bytes]] = {
    **{f"{kind}({n})": [t.encode("utf-16-le") for t in _padded(n)] for kind, n in (("char", 12), ("nchar", 12))},
    "varchar(60)": [t.encode("utf-16-le") for t in ("", " ", "plain", "x" * 60, "Straße")],
    "nvarchar(60)": [t.encode("utf-16-le") for t in _TEXTS],
    "nvarchar(4000)": [("ẞ" * 4_000).encode("utf-16-le"), b""],
    "varchar(max)": [b"", ("plain " * 3_000).encode("utf-16-le")],
    "nvarchar(max)": [b"", *(t.encode("utf-16-le") for t in _TEXTS), ("長い文 " * 40_000).encode("utf-16-le")],
    "sysname": [t.encode("utf-16-le") for t in ("dbo", "x" * 128)],
    "binary(16)": [bytes(16), b"\xff" * 16, bytes(range(16))],
    "varbinary(300)": _BLOBS,
    "varbinary(max)": [*_BLOBS, bytes(range(256)) * 300],
    "text": [b"", "old text".encode("utf-16-le")],
    "ntext": [b"", "alter Text ß".encode("utf-16-le")],
    "image": _BLOBS,
    "xml": ['<a b="c">d</a>'.encode("utf-16-le"), "<größe/>".encode("utf-16-le")],
    "geography": [_WKB_POINT],
    "geometry": [bytes(4) + _WKB_POINT[4:]],
    "hierarchyid": [b"", b"\x58", b"\x5a\xc0"],
    # Type, length of its properties, properties, value; text in the code page of its collation.
    "sql_variant": [
        b"\x38\x00" + struct.pack("<i", -5),
        b"\xa7\x07" + bytes.fromhex("0904d00034") + struct.pack("<H", 20) + "Größe".encode("cp1252"),
        b"\xe7\x07" + bytes.fromhex("0904d00034") + struct.pack("<H", 20) + "λόγος".encode("utf-16-le"),
        b"\x6a\x02\x09\x02\x01" + struct.pack("<I", 12_345),
    ],
}
HUGE_BYTES = 5_500_000
"""Above 5 MiB, so it is written in chunks without saying its length first."""

ALIASES = (Alias("dbo", "Flag", Type("bit"), nullable=False), Alias("dbo", "AccountNumber", Type("nvarchar", 15)))


def _of_numbers(kind: Type, chosen: list[Any], null: list[bool]) -> Values:
    if kind.name == "uniqueidentifier":
        data: Any = np.frombuffer(b"".join(chosen), dtype=np.uint8).reshape(-1, 16)
    elif kind.name in ("decimal", "numeric"):
        data = np.array(chosen, dtype=object)
    elif kind.name in ("real", "float"):
        data = np.array(chosen, dtype=np.float64)
    else:
        data = np.array(chosen, dtype=np.int64)
    return Values(data, np.array(null, dtype=np.bool_) if any(null) else None)


def _table(declaration: str, place: int) -> Table:
    label = declaration.replace("(", "_").replace(",", "_").rstrip(")")
    return Table(
        "dbo",
        label,
        (
            column("ID", "int"),
            column("CanBeNull", f"{declaration} null"),
            column("CannotBeNull", declaration),
            column("After", "smallint"),
        ),
        Key(f"PK_{place:02}", ("ID",)),
    )


def _rows(moment: Moment, declaration: str, values: list[Any]) -> TableRows:
    kind = Type.parse(declaration)
    count = moment.count(len(values) + 2)
    make: Callable[[list[Any], list[bool]], Values | Ragged]
    if declaration in _NUMBERS:
        make = lambda chosen, null: _of_numbers(kind, chosen, null)  # noqa: E731
    else:
        make = lambda chosen, null: Ragged.of(None if n else c for c, n in zip(chosen, null, strict=True))  # noqa: E731

    def build(keys: Ints) -> dict[str, Values | Ragged]:
        # The day moves the values by one row: they change, and the table does not grow.
        places = [(key + moment.day) % len(values) for key in keys.tolist()]
        null = [key % (len(values) + 1) == 0 for key in keys.tolist()]
        return {
            "ID": Values(keys),
            "CanBeNull": make([values[p] for p in places], null),
            "CannotBeNull": make([values[-1 - p] for p in places], [False] * len(places)),
            "After": Values(keys % 30_000),
        }

    return TableRows(np.arange(1, count + 1, dtype=np.int64), build)


def _alias_table(moment: Moment) -> tuple[Table, TableRows]:
    flag, number = ALIASES
    columns: tuple[Column, ...] = (
        column("ID", "int"),
        aliased("Flag", flag, nullable=False),
        aliased("Account", number, nullable=True),
        column("Version", "rowversion"),
        column("Spare", "int null"),
    )

    def build(keys: Ints) -> dict[str, Values | Ragged]:
        stamps = [(1_000 * moment.day + key).to_bytes(8, "big") for key in keys.tolist()]
        return {
            "ID": Values(keys),
            "Flag": Values(keys % 2),
            "Account": Ragged.text(None if key % 3 == 0 else f"AC-{key:06}" for key in keys.tolist()),
            "Version": Ragged.of(stamps),
            "Spare": Values(keys, np.ones(len(keys), dtype=np.bool_)),
        }

    table = Table("dbo", "Aliases, ünïcode & ]brackets[", columns, Key("PK_Aliases", ("ID",)))
    return table, TableRows(np.arange(1, 11, dtype=np.int64), build)


def _huge_table() -> tuple[Table, TableRows]:
    pattern = bytes(range(251)) * (HUGE_BYTES // 251 + 1)
    values = [pattern[:HUGE_BYTES], None, b"small", pattern[: 5 << 20]]

    def build(keys: Ints) -> dict[str, Values | Ragged]:
        return {"ID": Values(keys), "Content": Ragged.of(values[key - 1] for key in keys.tolist())}

    table = Table(
        "dbo", "Huge", (column("ID", "int"), column("Content", "varbinary(max) null")), Key("PK_Huge", ("ID",))
    )
    return table, TableRows(np.arange(1, len(values) + 1, dtype=np.int64), build)


def types(moment: Moment) -> Database:
    """The database of that day."""
    tables, rows = [], {}
    for place, (declaration, values) in enumerate({**_NUMBERS, **_PIECES}.items()):
        table = _table(declaration, place)
        tables.append(table)
        rows["dbo", table.name] = _rows(moment, declaration, list(values))
    for table, content in (_alias_table(moment), _huge_table()):
        tables.append(table)
        rows["dbo", table.name] = content
    nothing = Table("dbo", "NoRows", (column("ID", "int"), column("Name", "nvarchar(10) null")), Key(None, ("ID",)))
    return Database(Schema(aliases=ALIASES, tables=(*tables, nothing)), rows)
