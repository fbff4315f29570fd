"""How much of a repository one table costs to read, counted in bytes and requests; and tables beside damage."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from holdfast.model.errors import Cancelled, Damaged
from holdfast.model.table_ask import TableAsk
from holdfast.repository import PointTables, Repository, answer_about_tables
from holdfast.repository.deltas.chunks import ID_BYTES
from holdfast.repository.points.reach import Needed
from holdfast.storage.memory import MemoryStore

Build = Callable[..., Path]


class CountingStore(MemoryStore):
    """Counts the requests and the bytes that readers take, by the kind of object."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.requests = 0
        self.bytes: Counter[str] = Counter()

    def get(self, name: str) -> bytes:
        return self._counted(name, super().get(name))

    def get_range(self, name: str, offset: int, length: int) -> bytes:
        return self._counted(name, MemoryStore.get(self, name)[offset : offset + length])

    def list(self, prefix: str = "") -> Any:
        self.requests += 1
        return super().list(prefix)

    def _counted(self, name: str, data: bytes) -> bytes:
        self.requests += 1
        self.bytes[name.split("/")[2] if name.count("/") > 1 else name] += len(data)
        return data

    def reset(self) -> None:
        """Counts from here."""
        self.requests = 0
        self.bytes.clear()


def stored_bytes(tables: PointTables, schema: str, name: str) -> float:
    """What the table takes in the storage: of every frame its part, by the plain bytes that are the table's."""
    point = tables._point
    needed = Needed(point.reader.streams.extents)
    needed.add(tables._streams[schema, name].ref)
    ids = b"".join(needed.chunks())
    total = 0.0
    for chunk in {ids[at : at + ID_BYTES] for at in range(0, len(ids), ID_BYTES)}:
        at = point.reader.chunks.locate(chunk)
        pack = point.reader.index.packs[at.pack]
        total += at.length * int(pack.stored[at.frame]) / int(pack.plain[at.frame])
    return total


class World:
    """A database of one large table among many of all sizes, stored day after day."""

    def __init__(self, tools: Any, bacpac: Build) -> None:
        self.tools, self.bacpac, self.clock = tools, bacpac, tools.clock()
        self.store = CountingStore(clock=self.clock)
        self.repository = Repository.init(self.store, tools.password, clock=self.clock, cost=tools.cost)
        self.point = ""

    def back_up(self, day: int, sizes: dict[str, int]) -> None:
        """Every table has half a hundredth more rows each day."""
        tables = {
            name: [self.tools.rows(size, seed=number), self.tools.rows(day * size // 200, seed=1000 * day + number)]
            for number, (name, size) in enumerate(sizes.items())
        }
        file = self.bacpac(tables, exported=day + 1)
        self.point = self.repository.store_point(file, self.tools.header_of(day), owner="t").id
        file.unlink()

    def tables(self) -> PointTables:
        """Of the newest point, by somebody who has read nothing yet."""
        opened = Repository.open(self.store, self.tools.password, clock=self.clock)
        self.store.reset()
        return opened.tables(self.point)


def mixed(others: int, large: int = 35_000) -> dict[str, int]:
    """Names and rows: most tables are small, some are not."""
    names = {f"T{number:03}": 8_000 if number % 20 == 7 else 20 * (number % 30) for number in range(others)}
    return {**dict(list(names.items())[: others // 2]), "large": large, **dict(list(names.items())[others // 2 :])}


@pytest.mark.parametrize("days", [1, 4])
def test_one_table_is_read_with_at_most_a_fifth_more_than_it_takes(tools: Any, bacpac: Build, days: int) -> None:
    """Everything counts: description, manifests, indexes, recipe, model, and what shares a frame with the table."""
    world = World(tools, bacpac)
    for day in range(days):
        world.back_up(day, mixed(60))
    tables = world.tables()
    found = tables.table("dbo", "large")
    read = sum(len(piece) for piece in tables.pieces(found))
    assert read == found.bytes > 4_000_000
    taken = sum(world.store.bytes.values())
    stored = stored_bytes(tables, "dbo", "large")
    assert taken <= 1.2 * stored, f"{taken:,} bytes for {stored:,.0f}"
    whole = sum(len(one.data) for one in world.store.objects.values())
    assert taken < 0.6 * whole, "the test says nothing where the table is all there is"


def test_the_first_row_costs_the_same_whatever_else_there_is(tools: Any, bacpac: Build) -> None:
    """Requests and bytes of data stay what they are; only what tells of every table grows, and that is small."""
    seen = []
    for others, large in ((4, 10_000), (40, 10_000), (40, 40_000)):
        world = World(tools, bacpac)
        world.back_up(0, mixed(others, large))
        whole = sum(len(one.data) for one in world.store.objects.values())
        tables = world.tables()
        rows = answer_about_tables(lambda _, own=tables: own, world.point, TableAsk(act="show", table="large", rows=1))
        assert len(rows) == 1
        model = sum(entry.bytes for entry in tables._point.recipe.entries if entry.name == "model.xml")
        told = sum(count for kind, count in world.store.bytes.items() if kind != "data")
        assert told < 20_000 + 600 * others + whole / 200, "what tells of all tables is a small part of them"
        seen.append((world.store.requests, world.store.bytes["data"] - model))
    requests = [one for one, _ in seen]
    assert max(requests) <= min(requests) + 1, requests
    data = [count for _, count in seen]
    assert max(data) <= 600_000, "a frame of the table, one more at most, and the model"


def damaged(tools: Any, bacpac: Build) -> World:
    """A flipped bit in the middle of what the large table takes."""
    world = World(tools, bacpac)
    world.back_up(0, mixed(12))
    tables = world.tables()
    list(tables.pieces(tables.table("dbo", "large"), few=True))
    stream = tables._streams["dbo", "large"]
    needed = Needed(tables._point.reader.streams.extents)
    needed.add(stream.ref)
    ids = b"".join(needed.chunks())
    chunks = [tables._point.reader.chunks.locate(ids[at : at + ID_BYTES]) for at in range(0, len(ids), ID_BYTES)]
    index = tables._point.reader.index
    at = max((one for one in chunks if index.packs[one.pack].kind.name == "DATA_PACK"), key=lambda one: one.frame)
    name = next(n for n in world.store.objects if n.endswith(index.packs[at.pack].pack))
    tools.flip(world.store, name, int(index.packs[at.pack].offsets[at.frame]) + 40)
    return world


def test_a_damaged_table_names_itself_and_what_can_still_be_read(tools: Any, bacpac: Build) -> None:
    world = damaged(tools, bacpac)
    tables = world.tables()
    with pytest.raises(Damaged) as raised:
        list(tables.pieces(tables.table("dbo", "large")))
    assert raised.value.detail.startswith("table dbo.large: ")
    named = raised.value.help
    assert "dbo.T007" in named
    assert "12 of the 12 other tables" in named
    for other in tables.listed():
        if other.name != "large":
            assert sum(len(piece) for piece in tables.pieces(other)) == other.bytes


def test_where_a_whole_pack_is_gone_nothing_is_promised(tools: Any, bacpac: Build) -> None:
    world = World(tools, bacpac)
    world.back_up(0, mixed(4))
    for name in [name for name in world.store.objects if "/data/" in name]:
        del world.store.objects[name]
    tables = world.tables()
    listed = tables.listed()
    assert [one.columns for one in listed] == [None] * 5
    assert all("model is damaged" in str(one.reason) for one in listed)
    with pytest.raises(Damaged, match=r"dbo\.large.*model"):
        tables.table("dbo", "large")


def test_reading_a_table_can_be_stopped(tools: Any, bacpac: Build) -> None:
    world = World(tools, bacpac)
    world.back_up(0, {"T": 20_000})
    told: list[int] = []
    tables = world.repository.tables(world.point, lambda progress: told.append(progress.bytes), lambda: len(told) > 0)
    with pytest.raises(Cancelled):
        list(tables.pieces(tables.table("dbo", "T"), few=True))
    assert len(told) == 1
