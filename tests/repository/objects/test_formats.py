"""The formats, each by itself: chunks, trees, pack tables, index, seals, recipes."""

from __future__ import annotations

import contextlib
import struct
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.model.errors import Damaged
from holdfast.model.point import Entry
from holdfast.repository.deltas.chunks import Chunker, ChunkNamer, ChunkSizes
from holdfast.repository.deltas.extents import ExtentReader
from holdfast.repository.deltas.trees import StreamRef, TreeBuilder
from holdfast.repository.format import HEADER_BYTES, Header, Kind
from holdfast.repository.frames.codecs import decode_frame, encode_frame
from holdfast.repository.keys.keys import RepositoryKeys
from holdfast.repository.objects.index import ChunkIndex
from holdfast.repository.objects.packs import PackBuilder, PackTable, decode_index, encode_index
from holdfast.repository.objects.seal import Sealer, open_document, seal_document
from holdfast.repository.points.recipes import Layout, Recipe, StreamRecipe

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


def _table(seed: int, chunks: int = 5) -> PackTable:
    seal = SEALER.new(Kind.DATA_PACK, "c", f"chains/c/data/{seed:032x}")
    builder = PackBuilder(seal, f"{seed:032x}", Kind.DATA_PACK)
    for section, first in enumerate(range(0, chunks, 2)):
        ids = _ids(seed * 1000 + first, min(2, chunks - first))
        plain = bytes(10 * len(ids))
        frame = encode_frame(plain)
        builder.add(seal.seal(section, frame), frame[0], len(plain), ids, [10] * len(ids))
    return builder.finish()[1]


def test_the_index_finds_every_chunk_of_every_pack() -> None:
    tables = [_table(seed, chunks=seed % 7) for seed in range(200)]
    index = ChunkIndex()
    for table in decode_index(encode_index(tables), "i"):
        index.add(table)
        index.add(table)
    for table in tables:
        for number in range(len(table.lengths)):
            at = index.find(table.ids[16 * number : 16 * number + 16])
            assert at is not None
            assert index.packs[at.pack].pack == table.pack
            assert (at.frame, at.offset, at.length) == (number // 2, 10 * (number % 2), 10)
    assert index.find(b"n" * 16) is None
    assert index.pack(tables[3].pack) is not None
    assert index.pack("ff" * 16) is None


def test_large_runs_of_the_index_lie_in_files(monkeypatch: pytest.MonkeyPatch) -> None:
    import holdfast.repository.objects.index as module

    monkeypatch.setattr(module, "LARGE_RUN", 64)
    index = ChunkIndex()
    tables = [_table(seed, chunks=50) for seed in range(40)]
    for table in tables:
        index.add(table)
        assert table.ids[:16] in index
    assert all(table.ids[-16:] in index for table in tables)
    assert any(isinstance(run.high, np.memmap) for run in index._runs)


@given(cut=st.integers(1, 400), at=st.integers(0, 400), bit=st.integers(0, 7))
def test_a_table_that_was_changed_is_damaged_or_another(cut: int, at: int, bit: int) -> None:
    table = _table(1)
    encoded = table.encode()

    def decode(data: bytes) -> PackTable:
        return PackTable.decode(data, table.pack, table.kind, table.pack_bytes, table.header, "i")

    assert decode(encoded).encode() == encoded
    with pytest.raises(Damaged):
        decode(encoded[: -min(cut, len(encoded))])
    flipped = bytearray(encoded)
    flipped[at % len(encoded)] ^= 1 << bit
    with contextlib.suppress(Damaged):
        assert decode(bytes(flipped)).encode() == bytes(flipped)


@given(plain=st.binary(max_size=3000))
def test_frames_come_back(plain: bytes) -> None:
    frame = encode_frame(plain)
    assert decode_frame(frame, len(plain), "f") == plain
    assert len(frame) <= len(plain) + 1
    if plain:
        with pytest.raises(Damaged, match="longer"):
            decode_frame(frame, len(plain) - 1, "f")


@given(frame=st.binary(max_size=200))
def test_any_bytes_as_a_frame_are_told_not_crashed_on(frame: bytes) -> None:
    from holdfast.repository import NewerFormat

    with contextlib.suppress(Damaged, NewerFormat):
        assert len(decode_frame(frame, 1000, "f")) <= 1000


def test_a_seal_opens_nowhere_but_in_its_place() -> None:
    """Repository, chain, name, kind, header and section are all bound."""
    name = "chains/c/manifests/0000000001"
    sealed = seal_document(SEALER, Kind.MANIFEST, "c", name, b"plain")
    assert open_document(SEALER, Kind.MANIFEST, "c", name, sealed) == b"plain"
    elsewhere = [
        (Sealer(KEYS, "cd" * 16), Kind.MANIFEST, "c", name, sealed),
        (Sealer(RepositoryKeys(b"x" * 32), "ab" * 16), Kind.MANIFEST, "c", name, sealed),
        (SEALER, Kind.INDEX, "c", name, sealed),
        (SEALER, Kind.INDEX, "c", name, sealed[:9] + bytes((Kind.INDEX,)) + sealed[10:]),
        (SEALER, Kind.MANIFEST, "d", name, sealed),
        (SEALER, Kind.MANIFEST, "c", name[:-1] + "2", sealed),
        (SEALER, Kind.MANIFEST, "c/", name[1:], sealed),
    ]
    for place in elsewhere:
        with pytest.raises(Damaged):
            open_document(*place)
    seal = SEALER.new(Kind.DATA_PACK, "c", name)
    first = seal.seal(0, b"frame")
    with pytest.raises(Damaged, match="section 1"):
        seal.open(1, first)


def test_no_key_and_nonce_are_ever_used_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every object has a key of its own, every section a number of its own."""
    used: set[tuple[bytes, bytes]] = set()
    from cryptography.hazmat.primitives.ciphers import aead

    import holdfast.repository.objects.seal as module

    class Watched:
        def __init__(self, key: bytes) -> None:
            self.key, self.cipher = key, aead.AESGCM(key)

        def encrypt(self, nonce: bytes, plain: bytes, bound: bytes) -> bytes:
            assert (self.key, nonce) not in used
            used.add((self.key, nonce))
            return self.cipher.encrypt(nonce, plain, bound)

    monkeypatch.setattr(module, "AESGCM", Watched)
    for number in range(50):
        name = "chains/c/data/" + "0" * 32  # even under one name
        seal = SEALER.new(Kind.DATA_PACK, "c", name)
        builder = PackBuilder(seal, "0" * 32, Kind.DATA_PACK)
        for section in range(number % 5):
            builder.add(seal.seal(section, encode_frame(b"same")), 0, 4, [b"i" * 16], [4])
        builder.finish()
        seal_document(SEALER, Kind.INDEX, "c", name, b"same")
    assert len(used) == 50 * 2 + sum(number % 5 for number in range(50))


def test_the_header_is_52_bytes_as_the_page_says() -> None:
    encoded = Header(2, b"k" * 8, b"s" * 32).encode()
    assert len(encoded) == HEADER_BYTES == 52
    assert encoded == b"HOLDFAST" + bytes((1, 2, 0, 0)) + b"k" * 8 + b"s" * 32


_names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)


@given(
    names=st.lists(_names, min_size=1, max_size=8, unique=True),
    skeleton=st.binary(max_size=50),
    seed=st.integers(0, 99),
)
def test_recipes_and_layouts_come_back(names: list[str], skeleton: bytes, seed: int) -> None:
    streams = [
        StreamRecipe(
            name,
            StreamRef(number, 0, bytes([number]) * (16 if number else 0)),
            (
                Entry(name=f"{name}/1", bytes=number, sha256="00" * 32),
                Entry(name=f"{name}/2", bytes=0, sha256="11" * 32),
            ),
            (name, f"t{number}") if number % 2 else None,
            None if number % 3 else number if number % 2 else None,
        )
        for number, name in enumerate(names)
    ]
    recipe = Recipe.of(streams)
    assert Recipe.decode(recipe.encode(), "m") == recipe
    assert set(recipe.slices()) == {entry.name for entry in recipe.entries}
    order = [entry.name for entry in recipe.entries]
    np.random.default_rng(seed).shuffle(order)
    layout = Layout(tuple(order), skeleton)
    assert Layout.decode(layout.encode(recipe), recipe, "m") == layout
    with pytest.raises(Damaged):
        Layout.decode(struct.pack("<LL", 1, 0), recipe, "m")
