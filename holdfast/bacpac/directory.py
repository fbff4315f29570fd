"""The ZIP central directory, read with suspicion.

Our own reader, because `zipfile` takes what we must refuse (bytes before the archive, overlapping entries, local headers
that say otherwise, names used twice) and hides what a bit-identical rebuild needs (where each entry's bytes lie).
Rules: PKWARE APPNOTE 6.3.10, sections 4.3.6-4.5.3.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from holdfast.bacpac.limits import Limits
from holdfast.model.errors import BadBacpac

ReadAt = Callable[[int, int], bytes]
"""(offset, length) to bytes; fewer at the end of the file."""

STORED, DEFLATED = 0, 8
_END, _END64, _LOCATOR64 = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"
_CENTRAL, _LOCAL = b"PK\x01\x02", b"PK\x03\x04"
_LOCAL_FIELDS = struct.Struct("<6x2H16x2H")
_MOST_COMMENT = 0xFFFF
_UTF8_FLAG, _ENCRYPTED_FLAGS = 1 << 11, 1 | 1 << 6 | 1 << 13


@dataclass(frozen=True)
class DirectoryEntry:
    """One entry as the central directory describes it, its place checked against its local header."""

    name: str
    method: Literal[0, 8]
    crc32: int
    compressed_bytes: int
    bytes: int
    header_offset: int
    data_offset: int

    @property
    def data_end(self) -> int:
        """The first byte after the entry's data."""
        return self.data_offset + self.compressed_bytes


def read_directory(read_at: ReadAt, size: int, limits: Limits | None = None) -> tuple[DirectoryEntry, ...]:
    """The entries in the directory's order. Raises BadBacpac, saying what is wrong with which entry."""
    limits = limits or Limits()
    if size == 0:
        raise BadBacpac("the file is empty")
    start = read_at(0, 4)
    end = _find_end(read_at, size, looks_like_zip=start == _LOCAL)
    if start != _LOCAL:
        raise BadBacpac("there are bytes before the ZIP, or its first entry is damaged")
    count, directory_bytes, directory_offset = _end_record(read_at, end)
    if count > limits.entries:
        raise BadBacpac(f"it lists {count:,} entries; at most {limits.entries:,} are taken (ZIP bomb?)")
    if directory_offset + directory_bytes > end:
        raise BadBacpac("the ZIP directory runs past its end: the file is truncated or damaged")
    raw = read_at(directory_offset, directory_bytes)
    entries = _entries(raw, count, read_at, limits, directory_offset)
    _refuse_overlaps(entries)
    return entries


def _find_end(read_at: ReadAt, size: int, *, looks_like_zip: bool) -> int:
    tail_bytes = min(size, 22 + _MOST_COMMENT)
    tail = read_at(size - tail_bytes, tail_bytes)
    at = tail.rfind(_END)
    while at >= 0:
        if len(tail) - at >= 22 and at + 22 + struct.unpack_from("<H", tail, at + 20)[0] == len(tail):
            return size - tail_bytes + at
        at = tail.rfind(_END, 0, at)
    if looks_like_zip:
        raise BadBacpac("the file is truncated: the ZIP directory at its end is missing")
    raise BadBacpac("the file is not a ZIP, so no BACPAC")


def _end_record(read_at: ReadAt, end: int) -> tuple[int, int, int]:
    """(entries, bytes, offset) of the directory; the ZIP64 record's where there is one."""
    disk, directory_disk, here, count, length, offset, _ = struct.unpack("<4x4H2LH", read_at(end, 22))
    if end >= 20 and read_at(end - 20, 4) == _LOCATOR64:
        at = struct.unpack("<4xLQL", read_at(end - 20, 20))[1]
        record = read_at(at, 56)
        if len(record) < 56 or record[:4] != _END64:
            raise BadBacpac("the ZIP64 record is missing or damaged")
        disk, directory_disk, here, count, length, offset = struct.unpack("<16x2L4Q", record)
    if disk or directory_disk or here != count:
        raise BadBacpac("the ZIP is split over several files, which no BACPAC is")
    return count, length, offset


def _entries(
    raw: bytes, count: int, read_at: ReadAt, limits: Limits, directory_offset: int
) -> tuple[DirectoryEntry, ...]:
    found: list[DirectoryEntry] = []
    names: dict[str, str] = {}
    at = 0
    for _ in range(count):
        if raw[at : at + 4] != _CENTRAL or len(raw) - at < 46:
            raise BadBacpac("the ZIP directory is damaged or truncated")
        flags, method, crc, packed, plain, name_bytes, extra_bytes, comment_bytes, header = struct.unpack_from(
            "<8x2H4x3L3H8xL", raw, at
        )
        name = _name(raw[at + 46 : at + 46 + name_bytes], flags)
        if flags & _ENCRYPTED_FLAGS:
            raise BadBacpac(f"{name} is encrypted, which no BACPAC's entry is")
        if method not in (STORED, DEFLATED):
            raise BadBacpac(f"{name} is compressed by method {method}; a BACPAC has stored and deflated entries only")
        extra = raw[at + 46 + name_bytes : at + 46 + name_bytes + extra_bytes]
        plain, packed, header = _zip64(name, extra, plain, packed, header)
        _check_name(name, names)
        limits.check(name, plain, packed)
        if method == STORED and plain != packed:
            raise BadBacpac(f"{name} is stored but its two sizes differ")
        data = _data_offset(read_at, name, header, method)
        if data + packed > directory_offset:
            raise BadBacpac(f"{name} runs past the end of the data: the file is truncated or damaged")
        found.append(DirectoryEntry(name, method, crc, packed, plain, header, data))
        at += 46 + name_bytes + extra_bytes + comment_bytes
    return tuple(found)


def _name(raw: bytes, flags: int) -> str:
    try:
        return raw.decode("utf-8" if flags & _UTF8_FLAG else "cp437")
    except UnicodeDecodeError as error:
        raise BadBacpac(f"the entry name {raw!r} is not text") from error


def _zip64(name: str, extra: bytes, plain: int, packed: int, header: int) -> tuple[int, int, int]:
    """Puts in what the ZIP64 extra field holds for each value that is all ones, in the order that the format fixes."""
    values = [plain, packed, header]
    if all(v != 0xFFFFFFFF for v in values):
        return plain, packed, header
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, at)
        if kind == 1:
            field = extra[at + 4 : at + 4 + length]
            wide = iter(struct.unpack(f"<{len(field) // 8}Q", field[: len(field) // 8 * 8]))
            values = [next(wide, v) if v == 0xFFFFFFFF else v for v in values]
            return values[0], values[1], values[2]
        at += 4 + length
    raise BadBacpac(f"{name} lacks its ZIP64 sizes")


def _check_name(name: str, seen: dict[str, str]) -> None:
    shown = repr(name)
    if not name:
        raise BadBacpac("an entry has no name")
    if name.startswith("/") or name[1:2] == ":" or "\\" in name:
        raise BadBacpac(f"the entry name {shown} is absolute or has a backslash")
    if any(ord(c) < 32 for c in name):
        raise BadBacpac(f"the entry name {shown} has control characters")
    steps = name.replace("%2e", ".").replace("%2E", ".").split("/")
    if any(step in ("", ".", "..") for step in steps):
        raise BadBacpac(f"the entry name {shown} has an empty step, `.` or `..`")
    # Part names differ by more than case in the Open Packaging Conventions (ECMA-376-2, 9.1.1).
    earlier = seen.setdefault(name.casefold(), name)
    if earlier is not name:
        raise BadBacpac(f"the entry name {shown} is there twice")


def _data_offset(read_at: ReadAt, name: str, header: int, method: int) -> int:
    local = read_at(header, 30)
    if len(local) < 30 or local[:4] != _LOCAL:
        raise BadBacpac(f"{name} has no local header where the ZIP directory says: the file is truncated or damaged")
    flags, local_method, name_bytes, extra_bytes = _LOCAL_FIELDS.unpack(local)
    if local_method != method or _name(read_at(header + 30, name_bytes), flags) != name:
        raise BadBacpac(f"{name}: its local header says otherwise than the ZIP directory")
    return header + 30 + int(name_bytes) + int(extra_bytes)


def _refuse_overlaps(entries: tuple[DirectoryEntry, ...]) -> None:
    end, before = 0, ""
    for entry in sorted(entries, key=lambda e: e.header_offset):
        if entry.header_offset < end:
            raise BadBacpac(f"{entry.name} lies over {before} (ZIP bomb?)")
        end, before = entry.data_end, entry.name
