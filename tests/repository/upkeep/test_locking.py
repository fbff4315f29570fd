"""Points are locked and held with everything that they need, and no longer or wider than that."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from holdfast.model.errors import NotFound
from holdfast.repository import Repository
from holdfast.repository.format import Kind
from holdfast.repository.upkeep.lock_planning import GENERATION
from holdfast.storage import LockMode, NoImmutability, WriteOnce
from holdfast.storage.memory import FaultyStore, MemoryStore

DAY = timedelta(days=1)


class World:
    """A repository in memory with a chain of points that share most of their rows."""

    def __init__(self, tools: Any, folder: Path) -> None:
        self.tools, self.folder = tools, folder
        self.clock = tools.clock()
        self.store = MemoryStore(clock=self.clock)
        self.repository = Repository.init(self.store, tools.password, clock=self.clock, cost=tools.cost)
        self.number = 0

    def point(self, chain: str = "chain-a", **tables: int) -> str:
        """Stores a point of tables with these seeds; a day passes."""
        self.number += 1
        data = {name: [self.tools.rows(300, seed=seed)] for name, seed in (tables or {"T": 1}).items()}
        file = self.tools.build_bacpac(self.folder / f"{self.number}.bacpac", data, exported=self.number)
        header = self.tools.header_of(self.number, chain)
        point = self.repository.store_point(file, header, owner="w")
        self.clock.move(days=1)
        return str(point.id)

    def locks(self) -> dict[str, datetime | None]:
        return {info.name: info.locked_until for info in self.store.list()}

    def held(self) -> set[str]:
        return {info.name for info in self.store.list() if info.held}

    def survives(self, point: str) -> bool:
        """Whether the point can be read with every object gone that can be deleted."""
        bare = MemoryStore(clock=self.clock)
        for info in self.store.list():
            if info.write_once(self.clock.now()):
                bare.objects[info.name] = self.store.objects[info.name]
        opened = Repository.open(bare, self.tools.password, clock=self.clock)
        opened.verify_point(point)
        return point in [one.id for survey in [opened.survey("chain-a")] for one in survey.points]


@pytest.fixture
def world(tools: Any, tmp_path: Path) -> World:
    return World(tools, tmp_path)


def test_a_locked_point_survives_the_deletion_of_all_that_can_be_deleted(world: World) -> None:
    first = world.point(A=1, B=1)
    second = world.point(A=1, B=2)
    world.point(A=1, B=3)
    end = world.clock.now() + 30 * DAY
    report = world.repository.locks.lock({second: end}, LockMode.LOCKED)
    assert (report.points, report.problems) == (1, [])
    assert sorted(report.changed) == sorted(name for name, lock in world.locks().items() if lock is not None)
    assert len(report.changed) == report.objects
    for lock in world.locks().values():
        assert lock is None or end <= lock <= end + GENERATION
    locks = world.locks()
    assert locks["repository.json"] is not None
    assert [lock is not None for name, lock in locks.items() if name.startswith("keys/")] == [True]
    assert [name for name in locks if "/manifests/" in name and locks[name]] == ["chains/chain-a/manifests/0000000002"]
    assert world.survives(second)
    assert first is not None
    for name, lock in locks.items():
        if lock is not None:
            with pytest.raises(WriteOnce):
                world.store.delete(name)


def test_what_the_locked_point_does_not_need_stays_free(world: World) -> None:
    first = world.point(A=1)
    world.repository.locks.lock({first: world.clock.now() + 5 * DAY}, LockMode.LOCKED)
    world.point(A=2)
    free = {name for name, lock in world.locks().items() if lock is None}
    assert any("/data/" in name for name in free)
    assert "chains/chain-a/manifests/0000000002" in free


def test_daily_runs_touch_an_object_once_a_generation(world: World) -> None:
    ends: dict[str, datetime] = {}
    touched: dict[str, int] = {}
    for day in range(25):
        ends[world.point(A=1, B=day)] = world.clock.now() + 14 * DAY
        report = world.repository.locks.lock(ends, LockMode.LOCKED)
        for name in report.changed:
            touched[name] = touched.get(name, 0) + 1
        assert world.repository.locks.lock(ends, LockMode.LOCKED).changed == []
    assert max(touched.values()) <= 1 + 25 // 10 + 1
    assert max(touched.values()) >= 3  # what every point shares was lengthened again and again
    assert all(not state.weak for state in world.repository.locks.states() if ends[state.id] > world.clock.now())


def test_an_object_shared_by_points_is_locked_until_the_latest_end(world: World) -> None:
    first, second = world.point(A=1), world.point(A=1)
    long, short = world.clock.now() + 400 * DAY, world.clock.now() + 3 * DAY
    world.repository.locks.lock({first: long, second: short}, LockMode.LOCKED)
    states = {state.id: state for state in world.repository.locks.states()}
    assert states[first].locked_until is not None
    assert states[second].locked_until is not None
    assert states[first].locked_until >= long
    assert short <= states[second].locked_until <= short + GENERATION
    before = world.locks()
    world.repository.locks.lock({first: short}, LockMode.LOCKED)
    assert world.locks() == before


def test_an_end_that_has_passed_locks_nothing(world: World) -> None:
    point = world.point()
    report = world.repository.locks.lock({point: world.clock.now()}, LockMode.LOCKED)
    assert (report.points, report.changed) == (0, [])
    assert set(world.locks().values()) == {None}


def test_a_trial_lock_becomes_a_real_one(world: World) -> None:
    point = world.point()
    end = world.clock.now() + 5 * DAY
    world.repository.locks.lock({point: end}, LockMode.UNLOCKED)
    assert [state.mode for state in world.repository.locks.states()] == [LockMode.UNLOCKED]
    world.repository.locks.lock({point: end}, LockMode.LOCKED)
    assert [state.mode for state in world.repository.locks.states()] == [LockMode.LOCKED]
    assert world.repository.locks.lock({point: end}, LockMode.UNLOCKED).changed == []


def test_unknown_points_are_refused_before_anything_is_done(world: World) -> None:
    point = world.point()
    end = world.clock.now() + DAY
    attempts: list[Callable[[], object]] = [
        lambda: world.repository.locks.lock({point: end, "nobody": end}, LockMode.LOCKED),
        lambda: world.repository.locks.hold([point, "nobody"], True),
    ]
    for attempt in attempts:
        with pytest.raises(NotFound, match="nobody"):
            attempt()
    assert set(world.locks().values()) == {None}
    assert world.held() == set()


def test_storage_without_immutability_is_refused(world: World) -> None:
    point = world.point()
    world.store.immutability = False
    for attempt in (
        lambda: world.repository.locks.lock({point: world.clock.now() + DAY}, LockMode.LOCKED),
        lambda: world.repository.locks.hold([point], True),
    ):
        with pytest.raises(NoImmutability):
            attempt()
    assert [state.locked_until for state in world.repository.locks.states()] == [None]


def test_a_held_point_survives_and_is_released_whole(world: World) -> None:
    _, second, third = world.point(A=1, B=1), world.point(A=1, B=2), world.point(A=1, C=3)
    for _ in range(2):
        assert world.repository.locks.hold([second], True).problems == []
    assert world.survives(second)
    assert [state.held for state in world.repository.locks.states()] == [False, True, False]
    before = world.held()
    world.repository.locks.hold([third], True)
    assert any("/data/" in name for name in world.held() - before)
    touched: list[str] = []
    watched = FaultyStore(world.store, lambda operation, name: touched.append(name) if operation == "hold" else None)
    Repository.open(watched, world.tools.password, clock=world.clock).locks.hold([third], False)
    assert not before & set(touched)  # not even for a moment is what the second needs let go
    assert world.held() == before  # what both need stays, what the third alone needed was let go
    assert world.survives(second)
    for _ in range(2):
        world.repository.locks.hold([second], False)
    assert world.held() == set()


def test_a_hold_on_one_chain_keeps_the_heads_when_another_is_released(world: World) -> None:
    one, other = world.point("chain-a"), world.point("chain-b")
    world.repository.locks.hold([one, other], True)
    world.repository.locks.hold([other], False)
    assert "repository.json" in world.held()
    assert not any(name.startswith("chains/chain-b/") for name in world.held())
    assert world.survives(one)


@pytest.mark.parametrize("fails_at", range(8))
@pytest.mark.parametrize("effect", ["before", "after"])
def test_a_run_that_dies_is_finished_by_the_next(world: World, fails_at: int, effect: Any) -> None:
    first, second = world.point(A=1, B=1), world.point(A=1, B=2)
    end = world.clock.now() + 30 * DAY
    calls = [0]

    def plan(operation: str, _: str) -> Any:
        if operation not in ("lock", "hold"):
            return None
        calls[0] += 1
        if calls[0] == fails_at + 1:
            if effect == "after":
                raise KeyboardInterrupt
            return "before"
        return None

    dying = Repository.open(FaultyStore(world.store, plan), world.tools.password, clock=world.clock)
    for act in (
        lambda repository: repository.locks.lock({first: end, second: end}, LockMode.LOCKED),
        lambda repository: repository.locks.hold([second], True),
        lambda repository: repository.locks.hold([first], True),
        lambda repository: repository.locks.hold([first], False),
    ):
        calls[0] = 0
        try:
            act(dying)
        except (Exception, KeyboardInterrupt):  # noqa: BLE001 (whatever it was, the next run must do)
            act(world.repository)
    assert [state.weak for state in world.repository.locks.states()] == [[], []]
    assert [state.held for state in world.repository.locks.states()] == [False, True]
    assert world.survives(second)


def _only(world: World, point: str, other: str) -> str:
    """The data pack that the point needs and the other does not."""

    def packs(one: str) -> set[str]:
        reader = world.repository._reader(world.repository._find(one))
        found = [reader.reader.index.packs[number] for number in reader.packs()]
        return {pack.pack for pack in found if pack.kind is Kind.DATA_PACK}

    (found,) = packs(point) - packs(other)
    return found


def test_a_missing_pack_of_one_point_does_not_keep_the_others_unlocked(world: World) -> None:
    first, second = world.point(A=1), world.point(A=2)
    gone = f"chains/chain-a/data/{_only(world, second, first)}"
    pack = world.store.objects[gone]
    world.store.delete(gone)
    end = world.clock.now() + 5 * DAY
    report = world.repository.locks.lock({first: end, second: end}, LockMode.LOCKED)
    assert [problem.object for problem in report.problems] == [gone]
    whole, hit = world.repository.locks.states()
    assert (hit.locked_until, hit.weak, hit.damaged) == (None, [gone], False)
    assert (whole.weak, whole.damaged) == ([], False)
    assert world.survives(first)
    world.store.objects[gone] = pack  # salvaged: the next run locks it
    assert world.repository.locks.lock({first: end, second: end}, LockMode.LOCKED).changed == [gone]


def test_a_point_whose_trees_cannot_be_read_is_told_as_damaged(world: World) -> None:
    point, other = world.point(A=1), world.point("chain-b")
    for kind in ("data", "recipes", "index"):
        for info in list(world.store.list(f"chains/chain-a/{kind}/")):
            world.store.delete(info.name)
    end = world.clock.now() + 5 * DAY
    report = world.repository.locks.lock({point: end, other: end}, LockMode.LOCKED)
    assert report.problems
    assert {state.id: state.damaged for state in world.repository.locks.states()} == {point: True, other: False}
    assert world.locks()["chains/chain-a/manifests/0000000001"] is not None


def test_an_archive_point_is_locked_with_its_packs_in_the_archive_tier(world: World) -> None:
    point = world.point(A=1)
    store = MemoryStore(clock=world.clock)
    target = Repository.init(store, "other", clock=world.clock, archive=True, cost=world.tools.cost)
    copy = world.repository.copy_point(point, target, flags=["Y"], session="s", owner="w")
    end = world.clock.now() + 365 * DAY
    report = target.locks.lock({copy.id: end}, LockMode.LOCKED)
    assert report.problems == []
    packs = list(store.list("chains/chain-a/data/"))
    assert packs
    assert all(not pack.readable and pack.locked_until is not None and pack.locked_until >= end for pack in packs)
    (state,) = target.locks.states()
    assert (state.weak, state.damaged) == ([], False)


def test_many_index_objects_are_told_apart(world: World) -> None:
    """Only those are locked that tell of needed packs, even where the manifest that made them is gone."""
    world.point(A=1)
    second = world.point(A=1, B=2)
    world.store.delete("chains/chain-a/manifests/0000000001")
    end = world.clock.now() + 5 * DAY
    locked = world.repository.locks.lock({second: end}, LockMode.LOCKED).changed
    indexes = {info.name for info in world.store.list("chains/chain-a/index/")}
    assert len(indexes) == 2
    assert indexes <= set(locked)
    third = world.point("chain-c", Z=9)
    locked = world.repository.locks.lock({third: end}, LockMode.LOCKED).changed
    assert not any(name.startswith("chains/chain-a/") for name in locked)
