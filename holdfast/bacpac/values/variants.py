"""A sql_variant's value as text: its base type, that type's properties, the value ([MS-TDS] 2.2.5.5.4)."""

from __future__ import annotations

import struct
from collections.abc import Callable
from decimal import Decimal

import numpy as np

from holdfast.bacpac.values import moments
from holdfast.bacpac.values.cells import identifiers

#: ANSI code pages by language (the low 16 bits of a collation's LCID); every other language has 1252.
_CODE_PAGES = {
    "cp1250": (0x405, 0x40E, 0x415, 0x418, 0x41A, 0x41B, 0x41C, 0x424),
    "cp1251": (0x402, 0x419, 0x422, 0x423, 0x42F, 0x43F),
    "cp1253": (0x408,),
    "cp1254": (0x41F, 0x42C, 0x443),
    "cp1255": (0x40D,),
    "cp1256": (0x401, 0x420, 0x429),
    "cp1257": (0x425, 0x426, 0x427),
    "cp1258": (0x42A,),
    "cp874": (0x41E,),
    "cp932": (0x411,),
    "cp936": (0x804,),
    "cp949": (0x412,),
    "cp950": (0x404,),
}
_PAGE_OF = {language: page for page, languages in _CODE_PAGES.items() for language in languages}
_UTF8 = 1 << 26


def variant_text(value: bytes) -> tuple[str, bool]:
    """The value as text, and whether its type is known; 0x and its bytes where it is not."""
    try:
        kind, length = value[0], value[1]
        maker = _BY_TYPE[kind]
        return maker(value[2 : 2 + length], value[2 + length :]), True
    except (IndexError, KeyError, ValueError, struct.error):
        return f"0x{value.hex().upper()}", False


def _number(form: str) -> Callable[[bytes, bytes], str]:
    def make(_: bytes, value: bytes) -> str:
        return str(struct.unpack(form, value)[0])

    return make


def _decimal(properties: bytes, value: bytes) -> str:
    number = int.from_bytes(value[1:], "little")
    return _scaled_by(number if value[0] else -number, properties[1])


def _money(_: bytes, value: bytes) -> str:
    number = int.from_bytes(value[4:] + value[:4], "little", signed=True) if len(value) == 8 else _signed(value)
    return _scaled_by(number, 4)


def _scaled_by(number: int, scale: int) -> str:
    # Not by arithmetic: that rounds to the 28 digits of the context.
    return f"{Decimal((int(number < 0), tuple(map(int, str(abs(number)))), -scale)):f}"


def _signed(value: bytes) -> int:
    return int.from_bytes(value, "little", signed=True)


def _char(properties: bytes, value: bytes) -> str:
    collation = int.from_bytes(properties[:4], "little")
    if collation & _UTF8:
        return value.decode("utf-8")
    return value.decode(_PAGE_OF.get(collation & 0xFFFF, "cp1252"))


def _nchar(_: bytes, value: bytes) -> str:
    return value.decode("utf-16-le")


def _hex(_: bytes, value: bytes) -> str:
    return f"0x{value.hex().upper()}"


def _cells(value: bytes) -> np.ndarray:
    return np.frombuffer(value, np.uint8).reshape(1, -1)


def _plain(moment: moments.Moment, digits: int) -> Callable[[bytes, bytes], str]:
    def make(_: bytes, value: bytes) -> str:
        return moments.iso(moment(_cells(value)), digits)[0]

    return make


def _scaled(properties: bytes, value: bytes, day_and_more: int) -> tuple[int, int]:
    """Ticks of 100 ns, and the scale: unlike in columns, times stand at their own."""
    scale = properties[0]
    if scale > 7:
        raise ValueError("no time has that scale")
    return int.from_bytes(value[: len(value) - day_and_more], "little") * 10 ** (7 - scale), scale


def _date(_: bytes, value: bytes) -> str:
    return str(moments.days(_cells(value)).astype("datetime64[D]")[0])


def _time(properties: bytes, value: bytes) -> str:
    ticks, scale = _scaled(properties, value, 0)
    return moments.iso_time(np.array([ticks]), scale)[0]


def _datetime2(properties: bytes, value: bytes) -> str:
    ticks, scale = _scaled(properties, value, 3)
    day = moments.days(_cells(value[-3:])) * moments.TICKS_PER_DAY
    return moments.iso(day + ticks, scale)[0]


def _datetimeoffset(properties: bytes, value: bytes) -> str:
    ticks, scale = _scaled(properties, value, 5)
    minutes = _signed(value[-2:])
    day = moments.days(_cells(value[-5:-2])) * moments.TICKS_PER_DAY
    local = day + ticks + minutes * 60 * moments.TICKS_PER_SECOND
    return f"{moments.iso(local, scale)[0]} {moments.iso_offset(np.array([minutes]))[0]}"


_BY_TYPE: dict[int, Callable[[bytes, bytes], str]] = {
    0x24: lambda _, value: identifiers(_cells(value))[0],
    0x28: _date,
    0x29: _time,
    0x2A: _datetime2,
    0x2B: _datetimeoffset,
    0x30: _number("<B"),
    0x32: _number("<B"),
    0x34: _number("<h"),
    0x38: _number("<i"),
    0x3A: _plain(moments.smalldatetime, 0),
    0x3B: _number("<f"),
    0x3C: _money,
    0x3D: _plain(moments.datetime_ticks, 3),
    0x3E: _number("<d"),
    0x6A: _decimal,
    0x6C: _decimal,
    0x7A: _money,
    0x7F: _number("<q"),
    0xA5: _hex,
    0xA7: _char,
    0xAD: _hex,
    0xAF: _char,
    0xE7: _nchar,
    0xEF: _nchar,
}
