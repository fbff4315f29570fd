"""A backup and an archive repository in memory, objects of every kind, and what each of their points must give back."""

from __future__ import annotations

import dataclasses
import hashlib
import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from holdfast.repository import Password, PruneRules, RecoveryKey, Repository
from holdfast.repository.deltas.trees import PROGRAM
from holdfast.repository.format import Kind, object_name
from holdfast.repository.objects.packs import table_of_pack
from holdfast.repository.points import frame_writing, writing
from holdfast.repository.upkeep import repacking
from holdfast.storage import Tier
from holdfast.storage.memory import MemoryStore

BACKUP, ARCHIVE = "backup", "archive"
#: Small enough that a few hundred kilobytes make many frames and several packs.
_FRAME, _PACK = 24 << 10, 96 << 10
#: Recipes and layouts of a few tables are streams of their own, as those of hundreds are.
_INLINE = 256
_NAMES = {
    Kind.MANIFEST: "manifest",
    Kind.REMOVAL: "record",
    Kind.DATA_PACK: "data pack",
    Kind.RECIPE_PACK: "recipe pack",
}
_NAMES |= {Kind.INDEX: "index object", Kind.LOCATOR: "locator"}

Place = tuple[str, str]
"""A repository's name and an object's."""


@dataclass(frozen=True)
class Truth:
    """What a point is, by the file that it was made from."""

    where: str
    sha256: str
    entries: dict[str, bytes]


@dataclass
class World:
    """Never changed once it is built: every mutation is of a view."""

    tools: Any
    clock: Any
    opened: dict[str, Repository]
    credentials: dict[str, list[Any]]
    points: dict[str, Truth] = field(default_factory=dict)
    older: dict[Place, bytes] = field(default_factory=dict)  # what else there was once under the same name
    kinds: dict[str, list[Place]] = field(default_factory=dict)
    condemned: set[str] = field(default_factory=set)
    needing: dict[Place, list[str]] = field(default_factory=dict)  # points that each object is needed for

    def data(self, place: Place) -> bytes:
        """The bytes of an object as they should be."""
        return self._store(place[0]).objects[place[1]].data

    def view(self, where: str, changed: dict[str, bytes]) -> MemoryStore:
        """The repository's objects, some of them with other bytes."""
        store = self._store(where)
        view = MemoryStore(url=store.url, clock=self.clock)
        other = {name: dataclasses.replace(store.objects[name], data=data) for name, data in changed.items()}
        view.objects = {**store.objects, **other}
        return view

    def open(self, where: str, store: MemoryStore) -> Repository:
        """Opens a view with the keys that are known already."""
        known = self.opened[where]
        return Repository(store, known.description, known._keys, self.clock, where)

    def _store(self, where: str) -> MemoryStore:
        store = self.opened[where].store
        assert isinstance(store, MemoryStore)
        return store


def build_world(folder: Path, tools: Any) -> World:
    """Two chains with increments, deleted points and condemned objects; copies of three points in the archive."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(frame_writing, "FRAME_BYTES", _FRAME)
        patch.setattr(repacking, "FRAME_BYTES", _FRAME)
        patch.setattr(writing, "PACK_BYTES", _PACK)
        patch.setattr(writing, "ARCHIVE_PACK_BYTES", _PACK)
        patch.setattr(writing, "MAX_INLINE", _INLINE)
        return _Builder(folder, tools).build()


class _Builder:
    def __init__(self, folder: Path, tools: Any) -> None:
        self.folder, self.tools, self.clock = folder, tools, tools.clock()
        self.chance = random.Random(1)
        self.rows = [self._row(n) for n in range(700)]
        self.made = 0
        recovery = RecoveryKey.new()
        self.world = World(tools, self.clock, {}, {})
        for where in (BACKUP, ARCHIVE):
            password = Password(f"{where} {tools.password}", tools.cost)
            store = MemoryStore(url=f"memory:{where}", clock=self.clock)
            opened = Repository.init(store, password, clock=self.clock, name=where, archive=where == ARCHIVE)
            opened.slots.add(recovery, "paper")
            self.world.opened[where], self.world.credentials[where] = opened, [password, recovery]
        self.backup, self.archive = self.world.opened[BACKUP], self.world.opened[ARCHIVE]

    def build(self) -> World:
        for number in (1, 2, 3, 4):
            self._store(number, self._day(reloaded=number == 3))
        self._fork(lambda fork: fork.delete_points([self.tools.header_of(3).id], owner="fork"))
        self.backup.delete_points([self.tools.header_of(2).id], owner="w")
        # Rewrites and condemns; what is condemned stays for its grace.
        self.backup.prune(PruneRules(grace=timedelta(days=1), dead_percent=1), owner="w")
        for number in (5, 6):
            day, other = self._day(), self._day()
            self._fork(lambda fork, n=number, file=other: fork.store_point(file, self._header(n), owner="fork"))
            self._store(number, day)
        for number in (1, 2):
            self._store(number, self._day(reloaded=True), chain="chain-b")
        for number, chain in ((1, "chain-a"), (6, "chain-a"), (2, "chain-b")):
            self._archive(self.tools.header_of(number, chain).id)
        self._sort()
        self._is_complete()
        return self.world

    def _header(self, number: int, chain: str = "chain-a") -> Any:
        return self.tools.header_of(number, chain)

    def _row(self, number: int) -> bytes:
        return self.tools.row(number, f"row {number}: {self.chance.getrandbits(200):x}")

    def _day(self, reloaded: bool = False) -> Path:
        """A database a day later. `reloaded`: many rows side by side are new, which makes a run."""
        for _ in range(20):
            number = self.chance.randrange(len(self.rows))
            self.rows[number] = self._row(number)
        if reloaded:
            self.rows[200:500] = [self._row(number) for number in range(200, 500)]
        self.made += 1
        small = {f"Table{n}{self.chance.getrandbits(64):x}": [self.tools.row(n, "x")] for n in range(4)}
        tables = {"Orders": [b"".join(self.rows[:400]), b"".join(self.rows[400:])], "Fixed": [self.tools.rows(150)]}
        return Path(
            self.tools.build_bacpac(self.folder / f"{self.made}.bacpac", {**small, **tables}, exported=self.made)
        )

    def _store(self, number: int, file: Path, chain: str = "chain-a") -> None:
        self.clock.move(days=1)
        point = self.backup.store_point(file, self._header(number, chain), owner="w")
        self._learn(point.id, BACKUP, file)

    def _learn(self, point: str, where: str, file: Path) -> None:
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        self.world.points[point] = Truth(where, digest, dict(self.tools.entries_of(file)))

    def _archive(self, point: str) -> None:
        copied = self.backup.copy_point(point, self.archive, flags=["M"], session="s", owner="w")
        self.world.points[copied.id] = dataclasses.replace(self.world.points[point], where=ARCHIVE)
        for one in self.archive.store.objects.values():  # type: ignore[attr-defined]
            one.tier = Tier.HOT  # rehydrated, as whoever restores has it done

    def _fork(self, act: Any) -> None:
        """What is written under the same names where the repository's past is another one."""
        store = self.world.view(BACKUP, {})
        before = set(store.objects)
        act(self.world.open(BACKUP, store))
        for name in set(store.objects) - before:
            self.world.older[BACKUP, name] = store.objects[name].data

    def _sort(self) -> None:
        world = self.world
        deleted = set(world.points) - {point.id for opened in world.opened.values() for point in opened.points()}
        for point in deleted:
            del world.points[point]
        for where, opened in world.opened.items():
            for name, one in opened.store.objects.items():  # type: ignore[attr-defined]
                world.kinds.setdefault(f"{where}: {_kind(name, one.data)}", []).append((where, name))
                world.needing[where, name] = []
        for point in world.points:
            self._needs(point)
        world.older = {place: data for place, data in world.older.items() if place in world.needing}

    def _needs(self, point: str) -> None:
        """Packs and the manifest that it leads to; of its chain and of the repository what is of no point."""
        where = self.world.points[point].where
        read = self.world.opened[where]._readable(point)
        chain = read.reader.chain.id
        tables = [read.reader.index.packs[number] for number in read.packs()]
        own = {read.read.name, *(object_name(chain, table.kind, table.pack) for table in tables)}
        for (place, name), needing in self.world.needing.items():
            kind, foreign = name.split("/"), name.startswith("chains/") and name.split("/")[1] != chain
            shared = not foreign and (kind[0] != "chains" or kind[2] == "index" or _is_record(self.world, place, name))
            if place == where and (name in own or shared):
                needing.append(point)

    def _is_complete(self) -> None:
        """What the proof is to reach is there: every kind of object, codec, stream and source."""
        world = self.world
        kinds = ["description", "password slot", "recovery slot", *_NAMES.values(), "lock"]
        there = {f"{BACKUP}: {kind}" for kind in kinds} | {f"{ARCHIVE}: {kind}" for kind in kinds if kind != "record"}
        assert set(world.kinds) == there
        codecs: Counter[int] = Counter()
        for where, name in world.kinds[f"{BACKUP}: data pack"] + world.kinds[f"{BACKUP}: recipe pack"]:
            kind = Kind.DATA_PACK if "/data/" in name else Kind.RECIPE_PACK
            sealer, data, chain = world.opened[where].sealer, world.data((where, name)), name.split("/")[1]
            codecs.update(
                table_of_pack(sealer.of(data[:52], kind, chain, name), chain, kind, name, data).codecs.tolist()
            )
        assert codecs.keys() >= {1, 3}, codecs
        read = self.backup._readable(self._header(4).id)
        (orders,) = [stream.ref for stream in read.recipe.streams if stream.name == "Data/dbo.Orders"]
        assert orders.level == PROGRAM
        assert read.reader.streams.extents.program(orders).depth > 1
        assert read.read.manifest.layout.inline is None
        record = self.backup._chain("chain-a").state()
        assert record is not None
        assert record.gaps
        world.condemned = {one.object for one in record.condemned}
        assert world.condemned & {name for _, name in world.kinds[f"{BACKUP}: data pack"]}
        assert {kind for _, name in world.older for kind in [name.split("/")[-2]]} >= {"manifests"}


def _is_record(world: World, where: str, name: str) -> bool:
    """Whether the object is a removal record."""
    return "/manifests/" in name and world.data((where, name))[9] == Kind.REMOVAL


def _kind(name: str, data: bytes) -> str:
    if name == "repository.json":
        return "description"
    if name.startswith("keys/"):
        return "password slot" if b'"kind":"password"' in data else "recovery slot"
    return "lock" if name.startswith("locks/") else _NAMES[Kind(data[9])]
