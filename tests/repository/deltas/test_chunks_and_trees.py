"""Chunks are cut and named as the page says; trees share all that did not change."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.repository.deltas.chunks import Chunker, ChunkNamer, ChunkSizes
from holdfast.repository.deltas.extents import ExtentReader
from holdfast.repository.deltas.trees import StreamRef, TreeBuilder
from holdfast.repository.keys.keys import RepositoryKeys
from holdfast.repository.objects.seal import Sealer

SIZES = ChunkSizes(64, 128, 512)
KEYS = RepositoryKeys(bytes(range(32)))
SEALER = Sealer(KEYS, "ab" * 16)

#: Bytes as tables have them: random, repeated, all alike.
data_like = st.one_of(
    st.binary(max_size=6000),
    st.tuples(st.binary(min_size=1, max_size=40), st.integers(1, 400)).map(lambda pair: pair[0] * pair[1]),
    st.integers(0, 2**32).map(lambda seed: np.random.default_rng(seed).integers(0, 256, 9000, np.uint8).tobytes()),
)


def chunker(key: bytes = b"k" * 32) -> Chunker:
    return Chunker(key, SIZES)


def slow_cut(key: bytes, data: bytes) -> list[bytes]:
    """The rule of the format page, word for word, without numpy."""
    multiplier = int.from_bytes(key[:8], "little") | 1
    limit = 2**64 // SIZES.average
    chunks, start = [], 0
    while start < len(data):
        end = min(len(data), start + SIZES.maximum)
        for place in range(start + SIZES.minimum, end + 1):
            if place < 8:
                continue
            window = int.from_bytes(data[place - 8 : place], "little")
            if window * multiplier % 2**64 < limit:
                end = place
                break
        chunks.append(data[start:end])
        start = end
    return chunks


@given(data=data_like, key=st.binary(min_size=32, max_size=32))
def test_chunks_are_cut_as_the_format_page_says(data: bytes, key: bytes) -> None:
    assert list(chunker(key).cut([data])) == slow_cut(key, data)


@given(data=data_like, borders=st.lists(st.integers(0, 9000), max_size=8))
def test_chunks_do_not_depend_on_the_pieces_that_they_come_in(data: bytes, borders: list[int]) -> None:
    cuts = [0, *sorted(min(border, len(data)) for border in borders), len(data)]
    pieces = [data[begin:end] for begin, end in pairwise(cuts)]
    assert list(chunker().cut(pieces)) == list(chunker().cut([data]))


def test_chunks_of_real_size_across_many_blocks() -> None:
    """Windows that lie across the blocks that numpy looks at are not missed."""
    data = np.random.default_rng(5).integers(0, 256, 3 << 20, np.uint8).tobytes()
    whole = list(Chunker(b"z" * 32, ChunkSizes(2 << 10, 6 << 10, 32 << 10)).cut([data]))
    assert b"".join(whole) == data
    pieces = [data[at : at + 99_991] for at in range(0, len(data), 99_991)]
    assert list(Chunker(b"z" * 32, ChunkSizes(2 << 10, 6 << 10, 32 << 10)).cut(pieces)) == whole
    assert 6_000 < len(data) / len(whole) < 10_000


def test_boundaries_and_names_depend_on_the_key() -> None:
    data = np.random.default_rng(1).integers(0, 256, 20_000, np.uint8).tobytes()
    assert list(chunker(b"a" * 32).cut([data])) != list(chunker(b"b" * 32).cut([data]))
    assert ChunkNamer(b"a" * 32).name(data) != ChunkNamer(b"b" * 32).name(data)


def test_a_chunk_is_named_as_the_repository_says() -> None:
    import hashlib
    import hmac

    from blake3 import blake3

    from holdfast.repository import NewerFormat

    assert ChunkNamer(b"k" * 32).name(b"chunk") == blake3(b"chunk", key=b"k" * 32).digest()[:16]
    old = ChunkNamer(b"k" * 32, "cdc8-v1").name(b"chunk")
    assert old == hmac.digest(b"k" * 32, b"chunk", hashlib.sha256)[:16]
    with pytest.raises(NewerFormat, match="cdc9"):
        ChunkNamer(b"k" * 32, "cdc9")


def _ids(seed: int, count: int) -> list[bytes]:
    random = np.random.default_rng(seed)
    return [random.bytes(16) for _ in range(count)]


@settings(deadline=None)
@given(
    count=st.integers(0, 3000),
    seed=st.integers(0, 2**31),
    start=st.floats(0, 1),
    length=st.floats(0, 1),
)
def test_a_tree_gives_back_its_chunks_and_any_slice(count: int, seed: int, start: float, length: float) -> None:
    ids = _ids(seed, count)
    lengths = np.random.default_rng(seed).integers(1, 1000, count).tolist()
    nodes: dict[bytes, bytes] = {}
    namer = ChunkNamer(b"t" * 32)

    def put(node: bytes) -> bytes:
        nodes[namer.name(node)] = node
        return namer.name(node)

    builder = TreeBuilder(put)
    for one, size in zip(ids, lengths, strict=True):
        builder.add(one, size)
    ref = builder.finish()
    assert ref.length == sum(lengths)

    def read(first: int, last: int) -> list[tuple[bytes, int]]:
        if first >= last:
            return []
        found = ExtentReader(nodes.__getitem__, "t").chunk_extents(ref, first, last)
        return list(zip(found.chunks, found.lengths.tolist(), strict=True))

    assert read(0, ref.length) == list(zip(ids, lengths, strict=True))
    begin = int(start * ref.length)
    end = min(ref.length, begin + int(length * ref.length))
    ends = np.cumsum(lengths).tolist()
    wanted = [
        one
        for one, size, stop in zip(ids, lengths, ends, strict=True)
        if stop > begin and stop - size < end and begin < end
    ]
    assert [chunk for chunk, _ in read(begin, end)] == wanted
    assert StreamRef.from_json(ref.to_json(), "t") == ref


def test_a_changed_chunk_changes_few_nodes() -> None:
    ids = _ids(3, 60_000)
    made: list[set[bytes]] = []
    namer = ChunkNamer(b"t" * 32)
    for changed in (ids, [*ids[:30_000], *_ids(4, 3), *ids[30_000:]]):
        nodes: set[bytes] = set()
        builder = TreeBuilder(lambda node, nodes=nodes: (nodes.add(node), namer.name(node))[1])  # type: ignore[misc]
        for one in changed:
            builder.add(one, 100)
        assert builder.finish().level == 2 or builder.finish().level == 3
        made.append(nodes)
    assert len(made[0]) > 300
    assert len(made[1] - made[0]) <= 6
