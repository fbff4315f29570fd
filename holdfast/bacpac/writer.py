"""Writes a valid BACPAC from its entries, as the .NET Framework writer lays it out, which every importer knows.

Each local header carries the room that the Open Packaging Conventions call growth hint (extra field 0xA220), so that an
entry that turns out to be larger than 4 GiB gets its ZIP64 sizes there when it ends.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import BinaryIO, Literal, Protocol

from isal import isal_zlib

from holdfast.bacpac.deflate import Deflater, Recipe
from holdfast.bacpac.directory import DEFLATED, STORED

Level = Literal["stored", "fast", "fastest-zlib", "normal"]
"""`fast`: isal, several times as fast as zlib; `fastest-zlib`: zlib 1; `normal`: zlib 6, as exporters do."""

_ALWAYS_STORED = frozenset({"_rels/.rels", "Origin.xml"})
"""The .NET Framework writer never deflates these two."""
_MOST32 = 0xFFFFFFFF
_DATE, _TIME = 0x21, 0  # 1980-01-01 00:00: a fixed time keeps the file the same for the same entries
_HINT_BYTES = 28


class _Deflater(Protocol):
    def feed(self, piece: bytes | memoryview) -> bytes: ...
    def finish(self) -> bytes: ...


class _Isal:
    def __init__(self) -> None:
        self._deflater = isal_zlib.compressobj(1, isal_zlib.DEFLATED, -15)

    def feed(self, piece: bytes | memoryview) -> bytes:
        return self._deflater.compress(piece)

    def finish(self) -> bytes:
        return self._deflater.flush()


@dataclass
class _Written:
    name: bytes
    flags: int
    method: int
    crc32: int
    packed: int
    plain: int
    offset: int


def write_package(out: BinaryIO, entries: Iterable[tuple[str, Iterable[bytes | memoryview]]], level: Level) -> None:
    """Writes the entries in the order given. `out` must be able to seek; sizes need not be known before.

    The same entries, level and library versions give the same bytes. ZIP64 is used where an entry, the file or the
    number of entries needs it.
    """
    written = [_write_entry(out, name, pieces, level) for name, pieces in entries]
    _write_directory(out, written)


def _write_entry(out: BinaryIO, name: str, pieces: Iterable[bytes | memoryview], level: Level) -> _Written:
    stored = level == "stored" or name in _ALWAYS_STORED
    raw = name.encode()
    entry = _Written(raw, 0 if name.isascii() else 1 << 11, STORED if stored else DEFLATED, 0, 0, 0, out.tell())
    out.write(_local_header(entry))
    deflater = None if stored else _deflater(level)
    for piece in pieces:
        entry.crc32 = isal_zlib.crc32(piece, entry.crc32)
        entry.plain += len(piece)
        _put(out, entry, piece if deflater is None else deflater.feed(piece))
    if deflater is not None:
        _put(out, entry, deflater.finish())
    end = out.tell()
    out.seek(entry.offset)
    out.write(_local_header(entry))
    out.seek(end)
    return entry


def _put(out: BinaryIO, entry: _Written, piece: bytes | memoryview) -> None:
    entry.packed += len(piece)
    out.write(piece)


def _deflater(level: Level) -> _Deflater:
    if level == "fast":
        return _Isal()
    recipe: Recipe = "zlib6" if level == "normal" else "zlib1"
    return Deflater(recipe)


def _local_header(entry: _Written) -> bytes:
    wide = entry.plain >= _MOST32 or entry.packed >= _MOST32
    packed, plain = (_MOST32, _MOST32) if wide else (entry.packed, entry.plain)
    zip64 = struct.pack("<2H2Q", 1, 16, entry.plain, entry.packed) if wide else b""
    room = _HINT_BYTES - len(zip64)
    hint = struct.pack("<4H", 0xA220, room - 4, 0xA028, 0).ljust(room, b"\0")
    fixed = struct.pack(
        "<4s5H3L2H",
        b"PK\x03\x04",
        45 if wide else 20,
        entry.flags,
        entry.method,
        _TIME,
        _DATE,
        entry.crc32,
        packed,
        plain,
        len(entry.name),
        _HINT_BYTES,
    )
    return fixed + entry.name + zip64 + hint


def _write_directory(out: BinaryIO, written: list[_Written]) -> None:
    start = out.tell()
    for entry in written:
        out.write(_central_header(entry))
    end = out.tell()
    count, length = len(written), end - start
    if count >= 0xFFFF or start >= _MOST32 or length >= _MOST32:
        out.write(struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, length, start))
        out.write(struct.pack("<4sLQL", b"PK\x06\x07", 0, end, 1))
    count, length, start = min(count, 0xFFFF), min(length, _MOST32), min(start, _MOST32)
    out.write(struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, count, count, length, start, 0))


def _central_header(entry: _Written) -> bytes:
    fields = [entry.plain, entry.packed, entry.offset]
    wide = [value for value in fields if value >= _MOST32]
    extra = struct.pack(f"<2H{len(wide)}Q", 1, 8 * len(wide), *wide) if wide else b""
    plain, packed, offset = (min(value, _MOST32) for value in fields)
    fixed = struct.pack(
        "<4s6H3L5H2L",
        b"PK\x01\x02",
        45,
        45 if wide else 20,
        entry.flags,
        entry.method,
        _TIME,
        _DATE,
        entry.crc32,
        packed,
        plain,
        len(entry.name),
        len(extra),
        0,
        0,
        0,
        0,
        offset,
    )
    return fixed + entry.name + extra
