"""A typed frame gives back every byte, whatever rows it was made of, and takes nothing for granted when it is read."""

from __future__ import annotations

import random
import struct
import subprocess
import sys
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from holdfast.bacpac.columns import Column, RowsNotDecodable
from holdfast.bacpac.package import Bacpac
from holdfast.bacpac.rows import RowCounter
from holdfast.model.errors import Damaged
from holdfast.repository.frames import column_decoding, row_vectors, typed_decoding, typed_encoding
from holdfast.repository.frames.codecs import Codec, decode_frame
from holdfast.repository.frames.frame_groups import expand
from holdfast.repository.frames.row_shape import RowShape
from holdfast.repository.frames.typed_decoding import decode_column
from holdfast.repository.frames.typed_frames import RowSpan, decode_typed, encode_typed
from holdfast.repository.varints import VarintReader, varint
from tests.bacpac.sql_rows import columns, encode, mutated, tables, values

LEVEL = 1


@pytest.fixture(autouse=True)
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Frames of a few rows are typed too, and where plain zstd would be shorter."""
    monkeypatch.setattr(typed_encoding, "_plain_is_better", lambda *_: False)
    monkeypatch.setattr(typed_encoding, "LEAST_ROWS", 1)


def shape_of(of: list[Column]) -> bytes:
    shape = RowShape.of(of)
    assert shape is not None
    return shape.encode()


def spans_of(of: list[Column], data: bytes, places: list[int]) -> list[RowSpan]:
    """The bytes cut at these places; where rows begin is found by the walk, as a writer does."""
    counter = RowCounter(of)
    edges = [0, *sorted({place for place in places if 0 < place < len(data)}), len(data)]
    spans: list[RowSpan] = []
    lost = False
    for a, b in pairwise(edges):
        try:
            start = b - a if lost else counter.feed(data[a:b])
        except RowsNotDecodable:
            # The walk has come as far as the contradiction; a writer knows where the first row of the span began.
            lost, start = True, 0
        spans.append(RowSpan(b - a, shape_of(of), start))
    return spans


def there_and_back(plain: bytes, spans: list[RowSpan]) -> bytes | None:
    coded = encode_typed(plain, spans, LEVEL)
    if coded is not None:
        assert decode_typed(coded, len(plain), "frame") == plain
        assert decode_frame(bytes([Codec.TYPED_COLUMNS]) + coded, len(plain), "frame") == plain
        with pytest.raises(Damaged):
            decode_typed(coded, len(plain) - 1, "frame")
    return coded


@settings(max_examples=300)
@given(table=tables(), data=st.data(), places=st.lists(st.integers(0, 300), max_size=3))
def test_any_rows_of_any_types_come_back(table: tuple[list[Column], list[bytes]], data: Any, places: list[int]) -> None:
    of, rows = table
    plain = data.draw(mutated(b"".join(rows)))
    assume(plain)
    there_and_back(plain, spans_of(of, plain, places))


@settings(max_examples=100)
@given(of=st.lists(columns(), min_size=1, max_size=4), data=st.data(), repeats=st.integers(3, 60))
def test_rows_that_repeat_come_back(of: list[Column], data: Any, repeats: int) -> None:
    """Few values in many rows: dictionaries, planes that are one byte, lengths that are one."""
    known = [data.draw(st.lists(values(column), min_size=1, max_size=3)) for column in of]
    chance = random.Random(data.draw(st.integers()))
    plain = b"".join(encode(c, chance.choice(some)) for _ in range(repeats) for c, some in zip(of, known, strict=True))
    assert there_and_back(plain, [RowSpan(len(plain), shape_of(of), 0)]) is not None


@settings(max_examples=100)
@given(
    kind=st.sampled_from(["int", "bigint", "datetime", "money", "datetime2", "rowversion", "date", "decimal", "float"]),
    nullable=st.booleans(),
    step=st.integers(-(1 << 40), 1 << 40),
    start=st.integers(0, (1 << 64) - 1),
    rows=st.integers(5, 700),
)
def test_numbers_that_grow_and_fall_and_overflow_come_back(
    kind: str, nullable: bool, step: int, start: int, rows: int
) -> None:
    column = Column("n", kind, nullable)
    size = {"int": 4, "date": 3, "decimal": 19}.get(kind, 8)
    chance = random.Random(start)
    numbers = [(start + step * n + chance.randrange(3)) % (1 << 8 * size) for n in range(rows)]
    order = "big" if kind == "rowversion" else "little"
    plain = b"".join(
        encode(column, None if nullable and n % 7 == 3 else number.to_bytes(size, order))  # type: ignore[arg-type]
        for n, number in enumerate(numbers)
    )
    assert there_and_back(plain, [RowSpan(len(plain), shape_of([column]), 0)]) is not None


@given(data=st.binary(max_size=400), start=st.integers(0, 500), table=tables(), before=st.binary(max_size=20))
def test_bytes_that_are_no_rows_come_back(
    data: bytes, start: int, table: tuple[list[Column], list[bytes]], before: bytes
) -> None:
    """A shape that the bytes do not follow costs nothing but a look."""
    of, rows = table
    whole = b"".join(rows)
    spans = [RowSpan(len(before), None, len(before)), RowSpan(len(data), shape_of(of), min(start, len(data)))]
    there_and_back(before + data + whole, [*spans, RowSpan(len(whole), shape_of(of), 0)])


def made(rows: int = 400) -> tuple[list[Column], bytes]:
    """A table with something of everything."""
    chance = random.Random(7)
    of = [
        Column("id", "int", nullable=False),
        Column("at", "datetime2", nullable=True),
        Column("status", "nvarchar", nullable=True, length=20),
        Column("text", "nvarchar", nullable=True, is_max=True),
        Column("guid", "uniqueidentifier", nullable=False),
        Column("stamp", "rowversion", nullable=False),
        Column("code", "char", nullable=False, length=4),
        Column("blob", "varbinary", nullable=True, length=40),
    ]
    out = b""
    for n in range(rows):
        text = "".join(chance.choice("abcäöü漢字 ") for _ in range(chance.randrange(40)))
        row: list[bytes | None] = [
            struct.pack("<i", 1000 + n),
            None if n % 9 == 4 else chance.randbytes(5) + b"\x10\x20\x00",
            [None, *(word.encode("utf-16-le") for word in ("new", "paid", "sent"))][chance.randrange(4)],
            None if n % 11 == 3 else text.encode("utf-16-le"),
            chance.randbytes(16),
            struct.pack(">Q", 70_000 + 3 * n),
            f"{n % 10_000:04}".encode("utf-16-le"),
            chance.randbytes(chance.randrange(40)) if n % 3 else None,
        ]
        out += b"".join(encode(column, value) for column, value in zip(of, row, strict=True))
    return of, out


def test_a_column_is_read_alone() -> None:
    of, plain = made()
    coded = encode_typed(plain, [RowSpan(len(plain), shape_of(of), 0)], LEVEL)
    assert coded is not None
    for place in range(len(of)):
        assert len(decode_column(coded, 0, place, len(plain), "frame")) == 400
    assert decode_column(coded, 0, 0, len(plain), "frame") == [struct.pack("<i", 1000 + n) for n in range(400)]
    assert decode_column(coded, 0, 1, len(plain), "frame")[4] is None
    assert set(decode_column(coded, 0, 2, len(plain), "frame")) == {
        None, *(word.encode("utf-16-le") for word in ("new", "paid", "sent"))
    }  # fmt: skip
    with pytest.raises(Damaged):
        decode_column(coded, 1, 0, len(plain), "frame")
    with pytest.raises(Damaged):
        decode_column(coded, 0, len(of), len(plain), "frame")


def test_rows_of_one_shape_in_several_spans_share_their_columns() -> None:
    """A frame of many small pieces of a table is about as small as one of a single piece."""
    of, plain = made()
    whole = there_and_back(plain, [RowSpan(len(plain), shape_of(of), 0)])
    cut = there_and_back(plain, spans_of(of, plain, [5_000, 5_050, 9_000, 20_000]))
    assert whole is not None
    assert cut is not None
    assert len(cut) < 1.05 * len(whole)


def test_a_frame_is_not_typed_where_that_saves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    of, plain = made(3)
    assert encode_typed(plain, [RowSpan(len(plain), shape_of(of), 0)], LEVEL) is None
    assert encode_typed(b"x" * 100, [RowSpan(100, None, 100)], LEVEL) is None
    of, plain = made(400)
    coded = encode_typed(plain, [RowSpan(len(plain), shape_of(of), 0)], LEVEL)
    assert coded is not None
    assert len(coded) < len(zstandard.compress(plain, level=LEVEL))


def test_every_truncation_is_noticed() -> None:
    of, plain = made(40)
    coded = encode_typed(plain, [RowSpan(len(plain), shape_of(of), 0)], LEVEL)
    assert coded is not None
    for length in range(len(coded)):
        with pytest.raises(Damaged):
            decode_typed(coded[:length], len(plain), "frame")
    with pytest.raises(Damaged):
        decode_typed(coded + b"\0", len(plain), "frame")


def stored_head(coded: bytes) -> tuple[bytes, bytes]:
    """The plain head of a frame, and what comes after it."""
    reader = VarintReader(coded, "frame")
    length, stored = reader.varint(1 << 30), reader.varint(1 << 30)
    return expand(reader.take(stored), length, "frame"), coded[reader.at :]


def with_head(head: bytes, rest: bytes) -> bytes:
    """A frame with that head, stored as it is."""
    return varint(len(head)) + varint(len(head)) + head + rest


@settings(max_examples=600)
@given(data=st.data())
def test_a_changed_frame_is_damaged_or_other_bytes(data: Any) -> None:
    """Sealed frames cannot be changed without the key; what reads them keeps its bounds all the same."""
    of, plain = made(60)
    extra = bytes(range(50))
    coded = encode_typed(extra + plain, [RowSpan(50, None, 50), RowSpan(len(plain), shape_of(of), 0)], LEVEL)
    assert coded is not None
    # Half of the changes hit the head, which is where the numbers are that lie; the groups may be stored plain too.
    head, rest = stored_head(coded)
    changed = with_head(data.draw(mutated(head)), rest) if data.draw(st.booleans()) else data.draw(mutated(coded))
    with suppress(Damaged):
        assert len(decode_typed(changed, len(plain) + 50, "frame")) <= len(plain) + 50
    with suppress(Damaged):
        decode_column(changed, 0, 3, len(plain) + 50, "frame")


@settings(max_examples=300)
@given(coded=st.binary(max_size=200), most=st.integers(0, 1 << 28))
def test_any_bytes_are_refused_or_read(coded: bytes, most: int) -> None:
    for one in (coded, with_head(coded, b"")):
        with suppress(Damaged):
            assert len(decode_typed(one, most, "frame")) <= most


def test_a_small_frame_that_says_it_is_huge_is_refused_before_anything_is_made() -> None:
    """A column of one value takes a few bytes, whatever the number of rows: rows are bounded by the bytes they become."""
    column = Column("n", "int", nullable=False)
    plain = bytes(4) * 5000
    coded = encode_typed(plain, [RowSpan(len(plain), shape_of([column]), 0)], LEVEL)
    assert coded is not None
    assert len(coded) < 60
    head, rest = stored_head(coded)
    assert b"\x88\x27" in head  # 5000 rows
    for rows in (b"\x89\x27", b"\xff\xff\x7f", b"\xff\xff\xff\xff\x7f"):
        with pytest.raises(Damaged):
            decode_typed(with_head(head.replace(b"\x88\x27", rows), rest), len(plain), "frame")


@settings(max_examples=200)
@given(table=tables(chunks=False), data=st.data())
def test_loops_and_vectors_put_rows_together_alike(table: tuple[list[Column], list[bytes]], data: Any) -> None:
    of, rows = table
    plain = b"".join(rows * 3)
    assume(plain)
    coded = encode_typed(plain, [RowSpan(len(plain), shape_of(of), 0)], LEVEL)
    assert coded is not None
    with pytest.MonkeyPatch.context() as patch:
        for name in ("scatter_bytes", "scatter_planes", "scatter_prefixes", "scatter_text"):
            patch.setattr(column_decoding, name, getattr(row_vectors, name))
        patch.setattr(typed_decoding, "place_cells", row_vectors.place_cells)
        assert decode_typed(coded, len(plain), "frame") == plain


def test_frames_are_read_without_numba(tmp_path: Path) -> None:
    """The same bytes from the interpreter alone, only slower."""
    of, plain = made(60)
    coded = encode_typed(plain, [RowSpan(len(plain), shape_of(of), 0)], LEVEL)
    assert coded is not None
    (tmp_path / "coded").write_bytes(coded)
    script = (
        "import sys; sys.modules['numba'] = None\n"
        "from pathlib import Path\n"
        "from holdfast.bacpac.compiled import COMPILED\n"
        "from holdfast.repository.frames.typed_frames import decode_typed\n"
        "assert not COMPILED\n"
        f"sys.stdout.buffer.write(decode_typed(Path('coded').read_bytes(), {len(plain)}, 'frame'))\n"
    )
    path = str(Path(__file__).parents[3])
    ran = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env={"PYTHONPATH": path}, capture_output=True, check=True
    )
    assert ran.stdout == plain


@settings(max_examples=100)
@given(of=st.lists(columns(), min_size=1, max_size=8), data=st.data())
def test_a_shape_is_read_as_it_was_written(of: list[Column], data: Any) -> None:
    shape = RowShape.of(of)
    assert shape is not None
    encoded = shape.encode()
    assert RowShape.decode(encoded, "shape") == shape
    with suppress(Damaged):
        RowShape.decode(data.draw(mutated(encoded)), "shape")


def test_real_tables_come_back(real_bacpacs: dict[str, Path]) -> None:
    for path in real_bacpacs.values():
        with Bacpac.open(path) as bacpac:
            for table in bacpac.tables():
                if not table.columns or not table.parts:
                    continue
                plain = b"".join(piece for part in table.parts for piece in bacpac.pieces(part))
                if plain:
                    there_and_back(plain, spans_of(list(table.columns), plain, [len(plain) // 3, len(plain) // 2]))
                    whole = there_and_back(plain, [RowSpan(len(plain), shape_of(list(table.columns)), 0)])
                    assert whole is not None, (path.name, table.name)
