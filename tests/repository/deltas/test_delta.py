"""A delta gives back the new stream, whatever the old one was, and takes little where they are alike."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.repository.deltas import delta as deltas
from holdfast.repository.deltas import delta_loops as loops
from holdfast.repository.deltas.delta import LITERALS, StreamDelta
from holdfast.repository.deltas.programs import Program, ProgramWriter, decode_block
from holdfast.repository.deltas.trees import PROGRAM, StreamRef


class Store:
    """Chunks by number."""

    def __init__(self) -> None:
        self.chunks: list[bytes] = []

    def put(self, chunk: bytes) -> bytes:
        self.chunks.append(chunk)
        return len(self.chunks).to_bytes(16, "big")

    def get(self, name: bytes) -> bytes:
        return self.chunks[int.from_bytes(name, "big") - 1]


NAMES = (b"o", b"r", b"l")


class Kept:
    """What a delta tells: runs, literals, and all bytes in order."""

    def __init__(self) -> None:
        self.runs = self.literals = self.order = b""

    def run(self, data: bytes) -> None:
        self.runs += data
        self.order += data

    def passed(self, data: bytes) -> None:
        self.order += data

    def literal(self, data: bytes) -> None:
        self.literals += data


class Made:
    """A delta of two byte strings, and what it costs."""

    def __init__(self, old: bytes, new: bytes, piece: int = 1 << 20) -> None:
        self.store = Store()
        self.sink = Kept()
        writer = ProgramWriter(self.store.put, last=LITERALS)
        old_bytes = np.frombuffer(old, np.uint8)
        delta = StreamDelta(lambda start, end: old_bytes[start:end], len(old), self.sink, writer)
        for at in range(0, len(new), piece):
            delta.feed(new[at : at + piece])
        delta.finish()
        assert len(self.sink.order) == len(new), "every byte passes once, in order"
        assert self.sink.order == new
        self.literal = self.sink.runs + self.sink.literals
        data = (old, self.sink.runs, self.sink.literals)
        self.sources = [
            StreamRef(len(one), 0, name * 16 if one else b"") for one, name in zip(data, NAMES, strict=True)
        ]
        self.ref = writer.finish(self.sources, depth=1)
        self.bytes = self._applied(data)

    def _applied(self, data: tuple[bytes, bytes, bytes]) -> bytes:
        if self.ref in self.sources:
            return data[self.sources.index(self.ref)]
        if self.ref.level != PROGRAM:
            return b""
        program = Program.decode(self.store.get(self.ref.root), self.ref.length, "t")
        found = []
        for number, block in enumerate(program.blocks):
            ops = decode_block(self.store.get(block), program, number, "t")
            for source, offset, length in zip(ops.source, ops.offset, ops.length, strict=True):
                found.append(data[source][offset : offset + length])
        return b"".join(found)


def table(count: int, seed: int = 0) -> list[bytes]:
    """Rows of about a hundred bytes: a key, a text of varying length, and columns that are the same in every row."""
    chance = np.random.default_rng(seed)
    constant = b"\x04\x00\x00\x00\x01\x00\x00\x00N/A\x00" * 4
    return [
        n.to_bytes(8, "little") + constant + chance.bytes(int(chance.integers(8, 60))) + constant[:20]
        for n in range(count)
    ]


edits = st.lists(
    st.tuples(st.sampled_from(["change", "insert", "delete", "move"]), st.floats(0, 1), st.integers(1, 4000)),
    max_size=8,
)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), size=st.integers(0, 30_000), alphabet=st.sampled_from([2, 7, 256]), edits=edits)
def test_whatever_was_done_to_the_old_stream_the_new_one_comes_back(
    seed: int, size: int, alphabet: int, edits: list[tuple[str, float, int]]
) -> None:
    chance = np.random.default_rng(seed)
    old = chance.integers(0, alphabet, size).astype(np.uint8).tobytes()
    new = bytearray(old)
    for kind, where, length in edits:
        at = int(where * len(new))
        fresh = chance.integers(0, alphabet, length).astype(np.uint8).tobytes()
        if kind == "change":
            new[at : at + length] = fresh[: len(new) - at]
        elif kind == "insert":
            new[at:at] = fresh
        elif kind == "delete":
            del new[at : at + length]
        else:
            part = bytes(new[at : at + length])
            del new[at : at + length]
            new[:0] = part
    made = Made(old, bytes(new), piece=7_001)
    assert made.bytes == bytes(new)


@settings(max_examples=40, deadline=None)
@given(old=st.binary(max_size=300), new=st.binary(max_size=300))
def test_short_streams_come_back(old: bytes, new: bytes) -> None:
    assert Made(old, new).bytes == new


def test_an_equal_stream_is_the_old_one_itself() -> None:
    data = b"".join(table(30_000))
    made = Made(data, data)
    assert (made.ref, made.literal) == (made.sources[0], b"")


def changed(rows: list[bytes], seed: int) -> list[bytes]:
    """One row in a hundred with another text of another length."""
    chance = np.random.default_rng(seed)
    found = list(rows)
    for n in chance.integers(0, len(rows), len(rows) // 100):
        found[n] = found[n][:56] + chance.bytes(int(chance.integers(8, 60))) + found[n][-20:]
    return found


ROWS = table(60_000)


def cost(made: Made) -> int:
    """Literal bytes and metadata."""
    return len(made.literal) + sum(map(len, made.store.chunks))


ORDINARY = cost(Made(b"".join(ROWS), b"".join(changed(ROWS, 1))))


def test_scattered_changes_cost_what_they_bring() -> None:
    new = changed(ROWS, 1)
    brought = sum(len(b) for a, b in zip(ROWS, new, strict=True) if a != b)
    assert brought * 0.3 < ORDINARY < brought * 0.8, "the changed columns, not the whole rows, and the operations"


@pytest.mark.parametrize("place", [0.0, 0.4, 0.9])
def test_a_purge_of_a_tenth_costs_no_more_than_an_ordinary_day(place: float) -> None:
    at = int(place * len(ROWS))
    left = changed(ROWS, 1)
    del left[at : at + len(ROWS) // 10]
    made = Made(b"".join(ROWS), b"".join(left))
    assert made.bytes == b"".join(left)
    assert cost(made) <= ORDINARY


def test_many_new_rows_in_the_middle_cost_themselves() -> None:
    fresh = table(6_000, seed=9)
    new = ROWS[:20_000] + fresh + ROWS[20_000:]
    assert cost(Made(b"".join(ROWS), b"".join(new))) < sum(map(len, fresh)) * 1.1


def test_halves_that_change_places_are_found() -> None:
    new = b"".join(ROWS[30_000:] + ROWS[:30_000])
    made = Made(b"".join(ROWS), new)
    assert made.bytes == new
    assert cost(made) < len(new) // 3


def test_a_column_that_every_row_gains_costs_its_bytes_and_little_more() -> None:
    new = [row[:40] + b"\x01\x00\x00\x00new!" + row[40:] for row in ROWS]
    made = Made(b"".join(ROWS), b"".join(new))
    assert made.bytes == b"".join(new)
    assert cost(made) < len(ROWS) * 20


def test_rows_of_one_length_do_not_keep_the_walk_on_a_wrong_step() -> None:
    """After one inserted row every row resembles its neighbour at the old step: constant columns match, keys do not."""
    rows = [n.to_bytes(8, "big") + b"\x00" * 60 + (n * 2654435761 % 2**32).to_bytes(4, "big") for n in range(40_000)]
    new = [*rows[:100], b"\xff" * 72, *rows[100:]]
    assert cost(Made(b"".join(rows), b"".join(new))) < 1_000


def test_a_rebuilt_stream_is_literal_and_whole() -> None:
    old, new = np.random.default_rng(1).bytes(3 << 20), np.random.default_rng(2).bytes(3 << 20)
    made = Made(old, new)
    assert made.bytes == new
    assert len(made.literal) == len(new)


def test_the_loops_say_the_same_without_numba() -> None:
    """The loop in plain Python, over a small stream."""
    if not hasattr(loops.walk, "py_func"):
        pytest.skip("numba is not installed")
    old, new = (np.frombuffer(b"".join(r), np.uint8) for r in (ROWS[:60], changed(ROWS[:60], 3)))
    found = []
    for walk in (loops.walk, loops.walk.py_func):
        copies = np.zeros((2_000, 3), np.int64)
        hashes = np.full(1 << loops.TABLE_BITS, deltas._EMPTY, np.int64)
        with np.errstate(over="ignore"):
            told = walk(new, 0, len(new), old, 0, False, 0, hashes, 0, copies)
        found.append((tuple(map(int, told)), copies[: told[0]].tolist()))
    assert found[0] == found[1]


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**32), common=st.integers(20, 60), before=st.integers(0, 40), stop=st.integers(1, 90))
def test_a_walk_ends_wherever_it_is_stopped(seed: int, common: int, before: int, stop: int) -> None:
    """A match that begins shortly before the end of a walk is taken up to there; once it was tried again for ever."""
    chance = np.random.default_rng(seed)
    shared = chance.integers(0, 256, common, dtype=np.uint8)
    old = np.concatenate(
        [chance.integers(0, 256, 64 + before, dtype=np.uint8), shared, chance.integers(0, 256, 900, dtype=np.uint8)]
    )
    new = np.concatenate(
        [chance.integers(0, 256, before, dtype=np.uint8), shared, chance.integers(0, 256, 900, dtype=np.uint8)]
    )
    hashes = np.full(1 << loops.TABLE_BITS, deltas._EMPTY, np.int64)
    copies = np.zeros((2_000, 3), np.int64)
    for j in (0, 64 + before):
        count, literal, i, _, _ = loops.walk(new, 0, stop, old, 0, False, j, hashes, 0, copies)
        assert literal <= i <= stop
        assert copies[:count, 0].sum() + copies[:count, 2].sum() == literal
        hashes[:] = deltas._EMPTY
