"""docs/repository-format.md is enough to read a typed frame: a reader of its own, written from the page, gets every byte.

The reader uses nothing of holdfast. It reads what today's writer makes, and the frames in the golden folder, which no change
of the writer may make unreadable.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.bacpac.columns import Column
from holdfast.repository.frames import typed_encoding
from holdfast.repository.frames.row_shape import RowShape
from holdfast.repository.frames.typed_frames import RowSpan, decode_typed, encode_typed
from tests.bacpac.sql_rows import mutated, tables

GOLDEN = Path(__file__).parents[1] / "golden" / "typed"


class Head:
    """A frame's head, read from its beginning to its end, and the groups behind it."""

    def __init__(self, coded: bytes) -> None:
        self.data = coded
        length, stored = self.varint(), self.varint()
        head, groups = self.data[:stored], self.data[stored:]
        self.data = self.plain(head, length)
        self.shapes = [self.take(self.varint()) for _ in range(self.varint())]
        self.pieces = [(self.varint(), self.varint()) for _ in range(self.varint())]
        sizes = [(self.varint(), self.varint()) for _ in range(self.varint())]
        self.groups: list[bytes] = []
        for length, stored in sizes:
            self.groups.append(self.plain(groups[:stored], length))
            groups = groups[stored:]
        assert not groups

    @staticmethod
    def plain(stored: bytes, length: int) -> bytes:
        return stored if len(stored) == length else zstandard.decompress(stored)

    def take(self, length: int) -> bytes:
        taken, self.data = self.data[:length], self.data[length:]
        return taken

    def u8(self) -> int:
        return self.take(1)[0]

    def varint(self) -> int:
        byte = self.u8()
        return byte if byte < 128 else byte - 128 + 128 * self.varint()

    def stream(self, length: int) -> bytes:
        group = self.varint()
        taken, self.groups[group] = self.groups[group][:length], self.groups[group][length:]
        assert len(taken) == length
        return taken

    def numbers(self, count: int, width: int) -> list[bytes]:
        """Numbers as they stand in rows."""
        way = self.u8()
        if way == 2:
            flat = self.stream(count * width)
            return [flat[width * n : width * (n + 1)] for n in range(count)]
        varies = self.u8()
        planes = [self.stream(count) if varies >> k & 1 else self.take(1) * count for k in range(width)]
        found = [int.from_bytes(bytes(plane[n] for plane in planes), "little") for n in range(count)]
        if way & 1:
            before = 0
            for n, z in enumerate(found):
                before += z // 2 if z % 2 == 0 else -(z + 1) // 2
                found[n] = before % (1 << 8 * width)
        return [number.to_bytes(width, "big" if way & 4 else "little") for number in found]

    def content(self, kind: int, length: int) -> bytes:
        if not kind:
            return self.stream(length)
        wide = self.u8()
        low = self.stream(length // 2)
        high = self.stream(length // 2) if wide else bytes(length // 2)
        return bytes(byte for pair in zip(low, high, strict=True) for byte in pair)

    def values(self, size: int, prefixed: bool, fields: bytes, rows: int) -> list[bytes | None]:
        if not size:
            kind, width = self.u8(), self.u8()
            said = [int.from_bytes(number, "little") for number in self.numbers(rows, width)]
            total = self.varint()
            content = iter(self.content(kind, total) if total else b"")
            found = [bytes(islice(content, (one - 1) * (1 + kind))) if one else None for one in said]
            assert not list(content)
            return found
        present = [True] * rows
        if prefixed:
            presence = self.u8()
            if presence == 1:
                return [None] * rows
            if presence == 2:
                count = self.varint()
                bits = self.stream((rows + 7) // 8)
                present = [bits[n // 8] >> n % 8 & 1 == 1 for n in range(rows)]
                assert sum(present) == count
        count = sum(present)
        if fields:
            there: Iterator[bytes] = map(b"".join, zip(*[self.numbers(count, width) for width in fields], strict=True))
        else:
            flat = self.content(self.u8(), count * size)
            there = iter([flat[size * n : size * (n + 1)] for n in range(count)])
        return [next(there) if one else None for one in present]

    def column(self, size: int, prefixed: bool, fields: bytes, rows: int) -> list[bytes | None]:
        if not self.u8():
            return self.values(size, prefixed, fields, rows)
        distinct = self.varint()
        numbers = self.numbers(rows, 1 if distinct <= 256 else 2)
        values = self.values(size, prefixed, fields, distinct)
        return [values[int.from_bytes(number, "little")] for number in numbers]


def read(coded: bytes) -> bytes:
    """The frame's bytes, as the page says."""
    head = Head(coded)
    tables: list[Iterator[tuple[bytes, ...]]] = []
    for number, shape in enumerate(head.shapes):
        rows = sum(count for kind, count in head.pieces if kind == number + 1)
        columns: list[list[bytes]] = []
        rest, head.data = head.data, shape
        described: list[tuple[int, int, bytes]] = []
        while head.data:
            byte = head.u8()
            size = head.varint()
            described.append((byte & 15, size, head.take(head.u8()) if byte >> 4 >= 2 else b""))
        head.data = rest
        for prefix, size, fields in described:
            width = (0, 1, 2, 4, 8)[prefix]
            columns.append(
                [
                    b"\xff" * width if value is None else len(value).to_bytes(width, "little") * (width > 0) + value
                    for value in head.column(size, width > 0, fields, rows)
                ]
                if width
                else [value or b"" for value in head.column(size, False, fields, rows)]
            )
        tables.append(zip(*columns, strict=True))
    kept = sum(count for kind, count in head.pieces if not kind)
    raw = head.stream(kept) if kept else b""
    assert not head.data
    assert not any(head.groups)
    out = b""
    for kind, count in head.pieces:
        if kind:
            out += b"".join(b"".join(row) for row in islice(tables[kind - 1], count))
        else:
            out, raw = out + raw[:count], raw[count:]
    return out


@settings(max_examples=200)
@given(both=st.tuples(tables(), tables()), repeats=st.integers(1, 30), data=st.data())
def test_a_reader_written_from_the_page_reads_any_frame(both: Any, repeats: int, data: Any) -> None:
    plain = b""
    spans: list[RowSpan] = []
    for columns, rows in both:
        part = data.draw(mutated(b"".join(rows) * repeats))
        shape = RowShape.of(columns)
        assert shape is not None
        plain += part
        spans.append(RowSpan(len(part), shape.encode(), 0))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(typed_encoding, "_plain_is_better", lambda *_: False)
        patch.setattr(typed_encoding, "LEAST_ROWS", 1)
        coded = encode_typed(plain, spans, 1)
    if coded is not None:
        assert read(coded) == plain


@pytest.mark.parametrize("name", ["orders", "mixed"])
def test_golden_frames_are_read_for_ever(name: str) -> None:
    coded, plain = (GOLDEN / f"{name}.frame").read_bytes(), (GOLDEN / f"{name}.plain").read_bytes()
    assert decode_typed(coded, len(plain), name) == plain
    assert read(coded) == plain


def test_the_shapes_on_the_page() -> None:
    shape = RowShape.of([Column("a", "nvarchar", nullable=True, length=50), Column("b", "datetime", nullable=True)])
    assert shape is not None
    assert shape.encode() == bytes.fromhex("12 00 21 08 02 04 04")
    page = (Path(__file__).parents[3] / "docs" / "repository-format.md").read_text()
    assert "`12 00`" in page
    assert "`21 08 02 04 04`" in page
