"""Programs as bytes, and read through as many levels as they have."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.model.errors import Damaged
from holdfast.repository.deltas.extents import ExtentReader
from holdfast.repository.deltas.programs import (
    BLOCK_OPS,
    MAX_SOURCES,
    Operations,
    Program,
    ProgramWriter,
    decode_block,
    encode_block,
)
from holdfast.repository.deltas.trees import PROGRAM, StreamRef, TreeBuilder


class Chunks:
    """Chunks by number; streams made of them."""

    def __init__(self) -> None:
        self.chunks: list[bytes] = []

    def put(self, chunk: bytes) -> bytes:
        self.chunks.append(chunk)
        return len(self.chunks).to_bytes(16, "big")

    def get(self, name: bytes) -> bytes:
        return self.chunks[int.from_bytes(name, "big") - 1]

    def tree(self, data: bytes, size: int = 100) -> StreamRef:
        builder = TreeBuilder(self.put)
        for at in range(0, len(data), size):
            builder.add(self.put(data[at : at + size]), len(data[at : at + size]))
        return builder.finish()

    def program(self, sources: list[StreamRef], ops: list[tuple[int, int, int]], depth: int = 1) -> StreamRef:
        writer = ProgramWriter(self.put, last=len(sources) - 1)
        for op in ops:
            writer.add(operations([op]))
        return writer.finish(sources, depth)

    def read(self, ref: StreamRef, start: int, end: int) -> bytes:
        found = ExtentReader(self.get, "t").chunk_extents(ref, start, end)
        return b"".join(self.get(found.chunks[c])[at : at + size] for c, at, size in found.rows.tolist())


def operations(ops: list[tuple[int, int, int]]) -> Operations:
    columns = np.array(ops, np.int64).reshape(-1, 3)
    return Operations(columns[:, 0].astype(np.int32), columns[:, 1].copy(), columns[:, 2].copy())


@st.composite
def programs(draw: st.DrawFn) -> tuple[list[int], list[tuple[int, int, int]]]:
    """Lengths of sources, and operations on them."""
    sizes = draw(st.lists(st.integers(1, 2**40), min_size=1, max_size=6))
    ops = []
    for _ in range(draw(st.integers(1, 30))):
        source = draw(st.integers(0, len(sizes) - 1))
        offset = draw(st.integers(0, sizes[source] - 1))
        ops.append((source, offset, draw(st.integers(1, sizes[source] - offset))))
    return sizes, ops


def program_of(sizes: list[int], ops: list[tuple[int, int, int]]) -> Program:
    refs = tuple(StreamRef(size, 1, bytes(16)) for size in sizes)
    total = sum(length for *_, length in ops)
    return Program(1, refs, (b"b" * 16,), np.array([total], np.int64))


@given(made=programs())
def test_a_block_comes_back(made: tuple[list[int], list[tuple[int, int, int]]]) -> None:
    program, ops = program_of(*made), operations(made[1])
    back = decode_block(encode_block(ops, len(program.sources) - 1), program, 0, "t")
    for name in ("source", "offset", "length"):
        assert getattr(back, name).tolist() == getattr(ops, name).tolist()


@settings(max_examples=300)
@given(made=programs(), cut=st.floats(0, 1), flips=st.lists(st.integers(0, 1 << 20), max_size=3))
def test_a_block_that_was_changed_is_damage_or_other_operations_within_the_sources(
    made: tuple[list[int], list[tuple[int, int, int]]], cut: float, flips: list[int]
) -> None:
    program = program_of(*made)
    data = bytearray(encode_block(operations(made[1]), len(program.sources) - 1))
    for flip in flips:
        data[flip // 8 % len(data)] ^= 1 << flip % 8
    del data[round(cut * len(data)) :]
    try:
        ops = decode_block(bytes(data), program, 0, "t")
    except Damaged:
        return
    sizes = np.array(made[0])[ops.source]
    assert (ops.offset >= 0).all()
    assert (ops.offset + ops.length <= sizes).all()
    assert ops.length.sum() == program.ends[0]


@given(data=st.binary(max_size=200))
def test_bytes_that_are_no_node_are_damage(data: bytes) -> None:
    with pytest.raises(Damaged):
        Program.decode(data, 10, "t")
    with pytest.raises(Damaged):
        Program.decode(bytes((PROGRAM, 1)) + data, 10, "t")


def test_a_node_comes_back_and_keeps_its_bounds() -> None:
    refs = (StreamRef(10, 0, b"a" * 16), StreamRef(0, 0, b""), StreamRef(7, PROGRAM, b"p" * 16))
    program = Program(3, refs, (b"1" * 16, b"2" * 16), np.array([4, 9], np.int64))
    back = Program.decode(program.encode(), 9, "t")
    assert (back.depth, back.sources, back.blocks, back.ends.tolist()) == (3, refs, program.blocks, [4, 9])
    with pytest.raises(Damaged):
        Program.decode(program.encode(), 10, "t")
    many = Program(1, refs[:1] * (MAX_SOURCES + 1), (b"1" * 16,), np.array([4], np.int64))
    with pytest.raises(Damaged):
        Program.decode(many.encode(), 4, "t")


def test_many_operations_are_many_blocks_and_neighbours_become_one() -> None:
    chunks = Chunks()
    source = chunks.tree(bytes(range(256)) * 400, 1000)
    ops = [(0, 2 * n % 100_000, 1) for n in range(3 * BLOCK_OPS)]
    ref = chunks.program([source], ops)
    program = Program.decode(chunks.get(ref.root), ref.length, "t")
    assert len(program.blocks) == 3
    assert chunks.read(ref, 0, ref.length) == bytes((2 * n % 100_000) % 256 for n in range(3 * BLOCK_OPS))
    whole = chunks.program([source], [(0, n * 100, 100) for n in range(1024)])
    assert whole == source, "a program that takes its source as it is, is its source"


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**32), levels=st.integers(1, 6), count=st.integers(1, 40))
def test_programs_on_programs_read_like_their_bytes(seed: int, levels: int, count: int) -> None:
    """Against the bytes themselves, made level by level."""
    chance = np.random.default_rng(seed)
    chunks = Chunks()
    plain = chance.bytes(int(chance.integers(1, 3000)))
    known: list[tuple[StreamRef, bytes]] = [(chunks.tree(plain), plain)]
    for level in range(levels):
        fresh = chance.bytes(int(chance.integers(1, 500)))
        sources = [
            known[-1],
            *([known[int(chance.integers(len(known)))]] if level else []),
            (chunks.tree(fresh), fresh),
        ]
        ops, made = [], b""
        for _ in range(count):
            n = int(chance.integers(len(sources)))
            data = sources[n][1]
            offset = int(chance.integers(len(data)))
            length = int(chance.integers(1, min(400, len(data) - offset) + 1))
            ops.append((n, offset, length))
            made += data[offset : offset + length]
        known.append((chunks.program([ref for ref, _ in sources], ops, level + 1), made))
    ref, data = known[-1]
    assert chunks.read(ref, 0, len(data)) == data
    start = int(chance.integers(len(data)))
    end = int(chance.integers(start, len(data))) + 1
    assert chunks.read(ref, start, end) == data[start:end]


def test_a_program_that_leads_back_to_itself_is_damage() -> None:
    """No writer makes one, since a name is a hash of what it names; a forged one must not hang the reader."""
    chunks = Chunks()
    name = (2).to_bytes(16, "big")
    ref = StreamRef(5, PROGRAM, name)
    block = chunks.put(encode_block(operations([(0, 0, 5)]), 0))
    assert chunks.put(Program(1, (ref,), (block,), np.array([5], np.int64)).encode()) == name
    with pytest.raises(Damaged, match="leads back"):
        chunks.read(ref, 0, 5)
