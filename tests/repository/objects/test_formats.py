"""The formats, each by itself: pack tables, index, frames, seals, recipes."""

from __future__ import annotations

import contextlib
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.model.errors import Damaged
from holdfast.model.point import Entry
from holdfast.repository.deltas.trees import StreamRef
from holdfast.repository.format import HEADER_BYTES, Header, Kind
from holdfast.repository.frames.codecs import decode_frame, encode_frame
from holdfast.repository.keys.keys import RepositoryKeys
from holdfast.repository.objects.index import ChunkIndex
from holdfast.repository.objects.packs import PackBuilder, PackTable, decode_index, encode_index
from holdfast.repository.objects.seal import Sealer, open_document, seal_document
from holdfast.repository.points.recipes import Layout, Recipe, StreamRecipe

KEYS = RepositoryKeys(bytes(range(32)))
SEALER = Sealer(KEYS, "ab" * 16)


def _ids(seed: int, count: int) -> list[bytes]:
    random = np.random.default_rng(seed)
    return [random.bytes(16) for _ in range(count)]


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
