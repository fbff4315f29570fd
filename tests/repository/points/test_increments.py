"""Points that are deltas of the points before them: they come back, they cost what changed, and they outlive damage."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from holdfast.repository import Repository
from holdfast.repository.points import stream_writing
from holdfast.storage.memory import MemoryStore

Build = Callable[..., Path]


class Days:
    """A table that changes a little from day to day, stored every day."""

    def __init__(self, repository: Repository, memory: MemoryStore, bacpac: Build, tools: Any, tmp_path: Path) -> None:
        self.repository, self.memory, self.bacpac, self.tools, self.folder = repository, memory, bacpac, tools, tmp_path
        self.chance = random.Random(7)
        self.rows = [tools.row(n, f"row {n}: {self.chance.getrandbits(300):x}") for n in range(12_000)]
        self.files: list[Path] = []
        self.added: list[int] = []

    def change(self, share: int = 100) -> None:
        """One row in `share` gets another text."""
        for _ in range(len(self.rows) // share):
            n = self.chance.randrange(len(self.rows))
            self.rows[n] = self.tools.row(n, f"row {n}: {self.chance.getrandbits(300):x}")

    def store(self, tables: dict[str, list[bytes]] | None = None, **more: int) -> Any:
        """Today's point."""
        if tables is None:
            half = len(self.rows) // 2
            tables = {"T": [b"".join(self.rows[:half]), b"".join(self.rows[half:])], "Fixed": [self.tools.rows(500)]}
        file = self.bacpac(tables, exported=len(self.files) + 1, shuffle=len(self.files), **more)
        before = self.tools.total(self.memory)
        point = self.repository.store_point(file, self.tools.header_of(len(self.files) + 1), owner="w")
        self.files.append(file)
        self.added.append(self.tools.total(self.memory) - before)
        return point

    def comes_back(self, number: int) -> None:
        """The point's file, bit for bit."""
        point = self.tools.header_of(number + 1).id
        self.repository.write_bacpac(point, self.folder / "back", identical=True)
        assert (self.folder / "back").read_bytes() == self.files[number].read_bytes()


@pytest.fixture
def days(repository: Repository, memory: MemoryStore, bacpac: Build, tools: Any, tmp_path: Path) -> Days:
    return Days(repository, memory, bacpac, tools, tmp_path)


def test_a_day_costs_what_changed_and_every_day_comes_back(days: Days) -> None:
    for _ in range(6):
        days.store()
        days.change()
    for number in range(6):
        days.comes_back(number)
    # A day changes 120 rows, 75 random digits in each, of half a byte of information; the rest is metadata.
    assert max(days.added[1:]) < 120 * 75 * 0.6 + 6_000
    assert days.added[0] > 30 * max(days.added[1:])
    assert days.repository.check(read_data=True).ok


def test_deep_chains_are_composed_and_read_as_before(days: Days, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_writing, "DEEPEST", 3)
    monkeypatch.setattr(stream_writing, "SHORTEST_EXTENT", 1)
    for _ in range(9):
        days.store()
        days.change()
    for number in range(9):
        days.comes_back(number)
        assert _depth(days, number) <= 4
    assert max(days.added[1:]) < days.added[0] / 4


def _depth(days: Days, number: int) -> int:
    read = days.repository._find(days.tools.header_of(number + 1).id)
    point = days.repository._reader(read)
    (ref,) = [stream.ref for stream in point.recipe.streams if stream.name == "Data/dbo.T"]
    return point.reader.streams.extents.program(ref).depth if ref.level == 255 else 0


def test_a_scattered_stream_is_stored_anew(days: Days, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading a stream of very many small pieces costs more than storing it again."""
    monkeypatch.setattr(stream_writing, "DEEPEST", 2)
    monkeypatch.setattr(stream_writing, "SHORTEST_EXTENT", 1 << 20)
    for _ in range(6):
        days.store()
        days.change()
    assert [_depth(days, number) for number in range(6)] == [0, 1, 2, 3, 4, 0]
    assert days.added[5] > days.added[0] / 2 > max(days.added[1:5])
    days.comes_back(5)


def test_an_unchanged_database_costs_a_few_kilobytes(days: Days) -> None:
    days.store()
    days.store()
    assert days.added[1] < 8_000
    days.comes_back(1)


def test_a_renamed_table_is_found_by_its_content(days: Days) -> None:
    data = b"".join(days.rows)
    days.store({"Orders": [data], "Other": [days.tools.rows(300)]})
    days.change()
    days.store({"Orders_2025": [b"".join(days.rows)], "Other": [days.tools.rows(300)]})
    assert days.added[1] < days.added[0] / 20
    days.comes_back(1)


def test_two_tables_that_change_names_are_found_by_their_content(days: Days) -> None:
    one, two = b"".join(days.rows), days.tools.rows(12_000, seed=5)
    days.store({"Live": [one], "Staging": [two]})
    days.store({"Live": [two], "Staging": [one]})
    assert days.added[1] < days.added[0] / 50
    days.comes_back(1)


def test_a_table_split_into_other_parts_costs_nothing(days: Days) -> None:
    data = b"".join(days.rows)
    days.store({"T": [data]})
    days.store({"T": [data[:100_001], data[100_001:600_000], data[600_000:]]})
    assert days.added[1] < 8_000
    days.comes_back(1)


def test_a_damaged_point_does_not_stop_the_next_one(days: Days) -> None:
    """What it cannot lend is stored anew, and the next point reads back."""
    days.store()
    packs = [name for name in days.memory.objects if "/data/" in name]
    for name in packs:
        days.tools.flip(days.memory, name, 2_000)
    days.change()
    days.store()
    days.comes_back(1)
    assert days.added[1] > days.added[0] / 2
    report = days.repository.check(read_data=True)
    assert set(report.damaged_points) == {days.tools.header_of(1).id}


def test_an_archive_point_is_whole_and_typed_as_its_original(days: Days, archive: Repository) -> None:
    days.store()
    days.change()
    point = days.store()
    copied = days.repository.copy_point(point.id, archive, flags=["M"], session="s", owner="w")
    assert copied.kind == "full"
    assert copied.stored_bytes < days.added[0] * 1.1
    archive.rehydrate(copied.id, "High")
    archive.store.finish_rehydration()  # type: ignore[attr-defined]
    assert archive.verify_point(copied.id) == copied.inflated_bytes
    assert all(ref.level != 255 for ref in (s.ref for s in archive._reader(archive._find(copied.id)).recipe.streams))


def test_a_damaged_layout_of_the_point_before_does_not_stop_the_next_one(days: Days) -> None:
    """The layout is a delta of the one before, too; its loss is no more than its own."""
    tables = {f"Table{n:03}": [days.tools.rows(3, seed=n)] for n in range(500)}
    days.store(tables)
    read = days.repository._find(days.tools.header_of(1).id)
    assert read.manifest.layout.root is not None, "the layout is a stream of its own"
    point = days.repository._reader(read)
    chunk = next(iter(point.reader.streams.extents.chunk_extents(read.manifest.layout.stream("t"), 0, 1).chunks))
    at = point.reader.chunks.locate(chunk)
    pack = point.reader.index.packs[at.pack]
    days.tools.flip(days.memory, f"chains/chain-a/recipes/{pack.pack}", int(pack.offsets[at.frame]) + 3)
    days.store({**tables, "Table007": [days.tools.rows(5, seed=7)]})
    days.comes_back(1)
