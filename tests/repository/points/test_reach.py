"""What points need, found in one pass, against every stream followed for itself."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from holdfast.model.errors import Damaged
from holdfast.repository import Repository
from holdfast.repository.deltas.programs import Program
from holdfast.repository.deltas.trees import PROGRAM, StreamRef
from holdfast.repository.points import frame_writing, stream_writing
from holdfast.repository.points.point_reading import ChainReader, PointReader
from holdfast.repository.points.reach import Needed, streams_of
from holdfast.repository.upkeep.marking import LiveChunks
from holdfast.storage.memory import MemoryStore


def _metadata(ref: StreamRef, extents: Any) -> Iterator[bytes]:
    """All nodes and blocks below a stream, one after the other."""
    if ref.level == PROGRAM:
        program: Program = extents.program(ref)
        yield ref.root
        yield from program.blocks
        for source in program.sources:
            yield from _metadata(source, extents)
    elif ref.length and ref.level:
        yield from _nodes(ref.root, ref.level, extents)


def _nodes(node: bytes, level: int, extents: Any) -> Iterator[bytes]:
    yield node
    ids, ends = extents.node(node, level)
    for n in range(len(ends)) if level > 1 else ():
        yield from _nodes(ids[16 * n : 16 * n + 16], level - 1, extents)


def _expected(ref: StreamRef, extents: Any) -> set[bytes]:
    found = extents.chunk_extents(ref, 0, ref.length)
    data = {found.chunks[number] for number in np.unique(found.rows[:, 0]).tolist()}
    return data | set(_metadata(ref, extents))


@pytest.fixture
def chain(repository: Repository, bacpac: Any, tools: Any, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """Ten points, of which some are gone: programs that only others use, of streams that no point has any more."""
    monkeypatch.setattr(stream_writing, "DEEPEST", 4)
    monkeypatch.setattr(stream_writing, "SHORTEST_EXTENT", 1)
    monkeypatch.setattr(frame_writing, "FRAME_BYTES", 64 << 10)
    chance = random.Random(5)
    rows = [tools.row(n, f"{chance.getrandbits(300):x}") for n in range(2_500)]
    many = {f"Table{number}": [tools.row(number, "x")] for number in range(150)}
    for day in range(1, 11):
        at = chance.randrange(len(rows) - 400)
        del rows[at : at + 150]
        rows[at + 200 : at + 200] = [tools.row(n, f"{chance.getrandbits(300):x}") for n in range(120)]
        for n in chance.sample(range(len(rows)), 25):
            rows[n] = tools.row(n, f"{chance.getrandbits(300):x}")
        file = bacpac({**many, "T": [b"".join(rows)]}, exported=day)
        repository.store_point(file, tools.header_of(day), owner="w")
    repository.delete_points([tools.header_of(day).id for day in (1, 2, 4, 5, 8)], owner="w")
    return repository


def _points(repository: Repository) -> list[PointReader]:
    reader = ChainReader(repository._chain("chain-a"))
    return [PointReader(reader, read) for read in repository.manifests("chain-a")[0]]


def test_one_pass_finds_what_every_stream_followed_alone_needs(chain: Repository) -> None:
    points = _points(chain)
    extents = points[0].reader.streams.extents
    refs = [ref for point in points for ref, _ in streams_of(point) if ref.length]
    assert max(extents.program(ref).depth for ref in refs if ref.level == PROGRAM) >= 3
    needed = Needed(extents)
    for ref in refs:
        needed.add(ref)
    given = b"".join(needed.chunks())
    found = {given[at : at + 16] for at in range(0, len(given), 16)}
    expected = set().union(*(_expected(ref, extents) for ref in refs))
    assert found == expected
    index = points[0].reader.index
    live = LiveChunks(index)
    assert live.mark(points, lambda: None) == 0
    assert sum(int(one.sum()) for one in live.frames()) == sum(index.find(one).length for one in expected)  # type: ignore[union-attr]
    # Something was left out: what the points that are gone needed alone.
    assert sum(int(pack.plain.sum()) for pack in index.packs) > sum(int(one.sum()) for one in live.frames())


def test_the_packs_of_a_point_are_those_of_its_chunks(chain: Repository) -> None:
    for point in _points(chain):
        extents, chunks = point.reader.streams.extents, point.reader.chunks
        refs = [ref for ref, _ in streams_of(point) if ref.length]
        expected = {chunks.locate(one).pack for ref in refs for one in _expected(ref, extents)}
        assert point.packs() == expected


def test_every_node_is_read_once_however_many_points_there_are(
    chain: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    points = _points(chain)
    extents = points[0].reader.streams.extents
    refs = {ref.root: ref for point in points for ref, _ in streams_of(point) if ref.length}
    decoded: list[tuple[bytes, int]] = []
    block = type(extents).block
    monkeypatch.setattr(
        type(extents),
        "block",
        lambda self, ref, program, n: decoded.append((ref.root, n)) or block(self, ref, program, n),
    )
    needed = Needed(extents)
    for ref in refs.values():
        needed.add(ref)
    for _ in needed.chunks():
        pass
    assert len(decoded) > 10
    assert len(decoded) == len(set(decoded))


def test_a_stream_that_leads_back_to_itself_is_damage(chain: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    point = _points(chain)[-1]
    extents = point.reader.streams.extents
    ref = next(stream.ref for stream in point.recipe.streams if stream.ref.level == PROGRAM)
    program = extents.program(ref)
    looped = Program(program.depth, (ref, *program.sources[1:]), program.blocks, program.ends)
    monkeypatch.setattr(extents, "program", lambda _: looped)
    needed = Needed(extents)
    needed.add(ref)
    with pytest.raises(Damaged, match="back to itself"):
        list(needed.chunks())


def test_a_check_names_only_points_that_take_what_is_damaged(
    chain: Repository, memory: MemoryStore, tools: Any
) -> None:
    """Against reading: every frame in turn is damaged, and exactly the points that cannot be read are named."""
    (name,) = [name for name in memory.objects if "/data/" in name][:1]
    whole = memory.objects[name].data
    for at in range(300, len(whole), len(whole) // 6):
        tools.flip(memory, name, at)
        named = set(chain.check(read_data=True).damaged_points)
        unreadable = set()
        for point in chain.points():
            try:
                chain.verify_point(point.id)
            except Damaged:
                unreadable.add(point.id)
        assert named == unreadable
        memory.objects[name].data = whole
