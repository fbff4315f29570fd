"""What a point is a delta of where the last point does not serve: an older one."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from holdfast.repository import Repository
from holdfast.repository.points import older_streams
from holdfast.storage.memory import MemoryStore

Build = Callable[..., Path]
CHAIN = "chains/chain-a"


class World:
    """A large table and many small ones, so that the recipe is a stream of its own."""

    def __init__(self, repository: Repository, memory: MemoryStore, bacpac: Build, tools: Any) -> None:
        self.repository, self.memory, self.bacpac, self.tools = repository, memory, bacpac, tools
        self.chance = random.Random(3)
        self.many = {f"Table{n:03}": [tools.rows(3, seed=n)] for n in range(300)}
        self.rows = [tools.row(n, f"row {n}: {self.chance.getrandbits(300):x}") for n in range(8_000)]
        self.files: dict[str, Path] = {}

    def change(self) -> None:
        for _ in range(len(self.rows) // 100):
            n = self.chance.randrange(len(self.rows))
            self.rows[n] = self.tools.row(n, f"row {n}: {self.chance.getrandbits(300):x}")

    def store(self, *, large: bool = True) -> tuple[Any, int]:
        """Today's point, and the bytes that it added."""
        number = len(self.files) + 1
        tables = {**self.many, "Table007": [self.tools.rows(5, seed=number)]}
        file = self.bacpac({**tables, "Large": [b"".join(self.rows)]} if large else tables, exported=number)
        before = self.tools.total(self.memory)
        point = self.repository.store_point(file, self.tools.header_of(number), owner="w")
        self.files[point.id] = file
        return point, self.tools.total(self.memory) - before

    def damage_recipe(self, point: str) -> None:
        """Flips a bit in the frame that holds the recipe's own bytes."""
        read = self.repository._find(point)
        reader = self.repository._reader(read)
        ref = read.manifest.recipe.stream("t")
        extents = reader.reader.streams.extents.chunk_extents(ref, 0, ref.length)
        at = reader.reader.chunks.locate(extents.chunks[int(extents.rows[-1, 0])] if ref.level != 255 else ref.root)
        pack = reader.reader.index.packs[at.pack]
        self.tools.flip(self.memory, f"{CHAIN}/recipes/{pack.pack}", int(pack.offsets[at.frame]) + 3)


@pytest.fixture
def world(repository: Repository, memory: MemoryStore, bacpac: Build, tools: Any) -> World:
    return World(repository, memory, bacpac, tools)


def test_where_the_newest_recipe_is_damaged_an_older_point_is_the_base(world: World, tmp_path: Path) -> None:
    first, whole = world.store()
    world.change()
    second, _ = world.store()
    world.damage_recipe(second.id)
    world.change()
    third, added = world.store()
    assert added < whole / 4, "the large table is a delta of the first point's"
    (warning,) = third.warnings
    assert second.id in warning
    assert first.id in warning
    for point in (first.id, third.id):
        world.repository.write_bacpac(point, tmp_path / "back", identical=True)
        assert (tmp_path / "back").read_bytes() == world.files[point].read_bytes()
    assert set(world.repository.check(read_data=True).damaged_points) == {second.id}
    world.change()
    fourth, _ = world.store()
    assert fourth.warnings == []


def test_where_no_recipe_can_be_read_the_point_is_stored_whole_and_says_so(world: World, tmp_path: Path) -> None:
    first, whole = world.store()
    world.damage_recipe(first.id)
    second, added = world.store()
    assert added > whole / 2
    assert "stored whole" in second.warnings[0]
    world.repository.write_bacpac(second.id, tmp_path / "back", identical=True)
    assert (tmp_path / "back").read_bytes() == world.files[second.id].read_bytes()


def test_a_table_that_comes_back_is_a_delta_of_what_it_was(world: World, tmp_path: Path) -> None:
    _, whole = world.store()
    for _ in range(3):
        world.store(large=False)
    world.change()
    point, added = world.store()
    assert added < whole / 10
    world.repository.write_bacpac(point.id, tmp_path / "back", identical=True)
    assert (tmp_path / "back").read_bytes() == world.files[point.id].read_bytes()
    # The base outlives the point that it was found in.
    world.repository.delete_points([one for one in world.files if one != point.id], owner="w")
    assert world.repository.check(read_data=True).ok
    assert world.repository.verify_point(point.id) == point.inflated_bytes


def test_a_table_is_not_looked_for_in_all_points_there_ever_were(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(older_streams, "MOST_POINTS", 2)
    _, whole = world.store()
    for _ in range(3):
        world.store(large=False)
    world.change()
    _, added = world.store()
    assert added > whole / 4
