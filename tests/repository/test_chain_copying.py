"""Chains copied to another repository: what a point says of itself stays, what is there is compared, nothing is replaced."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from holdfast.model.errors import Damaged, InvalidInput, Rehydrating, Unavailable
from holdfast.repository import PointConflict, Repository
from holdfast.repository.chain_copying import CopyPlan, copy_planned, plan_copy
from holdfast.storage.memory import FaultyStore, MemoryStore


def _all(_: str) -> bool:
    return True


@pytest.fixture
def target(clock: Any, tools: Any) -> Repository:
    return Repository.init(
        MemoryStore(url="memory:target", clock=clock), "t", clock=clock, name="target", cost=tools.cost
    )


@pytest.fixture
def filled(repository: Repository, bacpac: Any, tools: Any) -> Repository:
    """Three points of one chain and one of another, with all that a point can say of itself."""
    for number in (1, 2, 3):
        file = bacpac({"A": [tools.rows(400), tools.rows(10, number)], "B": []}, exported=number, shuffle=number)
        header = tools.header_of(
            number, flags=["daily", "weekly"][:number], warnings=["w"], resource_id=f"/r/{number}", consistency="live"
        )
        repository.store_point(file, header, owner="w")
    repository.store_point(bacpac({"C": [tools.rows(9)]}), tools.header_of(4, "chain-b"), owner="w", identical=False)
    return repository


def _copied(origin: Repository, target: Repository, plan: CopyPlan | None = None) -> list[str]:
    """Copies what is new; the ids."""
    plan = plan or plan_copy(origin, target, _all)
    return [
        copy_planned(one, origin, target, owner="c", progress=lambda _: None).id
        for one in plan.points
        if one.state == "new"
    ]


def test_everything_that_a_point_says_of_itself_stays(filled: Repository, target: Repository, tmp_path: Path) -> None:
    points = filled.points()
    assert _copied(filled, target) == [point.id for point in points]
    of_the_place = {"repository", "stored_bytes"}
    assert [point.model_dump(exclude=of_the_place) for point in target.points()] == [
        point.model_dump(exclude=of_the_place) for point in points
    ]
    for point in points:
        if point.identical_possible:
            for repository, name in ((filled, "here"), (target, "there")):
                repository.write_bacpac(point.id, tmp_path / name, identical=True)
            assert (tmp_path / "here").read_bytes() == (tmp_path / "there").read_bytes()
        assert target.verify_point(point.id) == point.inflated_bytes
    assert [point.identical_possible for point in points] == [True, True, True, False]
    assert target.check(read_data=True).problems == []


def test_the_copy_is_sealed_under_its_own_key_and_needs_nothing_of_the_origin(
    filled: Repository, target: Repository, clock: Any
) -> None:
    _copied(filled, target)
    assert isinstance(filled.store, MemoryStore)
    filled.store.objects.clear()
    alone = Repository.open(target.store, "t", clock=clock)
    assert [alone.verify_point(point.id) for point in alone.points()] == [p.inflated_bytes for p in alone.points()]


def test_later_points_follow_and_take_only_what_changed(
    filled: Repository, target: Repository, bacpac: Any, tools: Any
) -> None:
    _copied(filled, target)
    assert plan_copy(filled, target, _all).points[0].state == "there"
    file = bacpac({"A": [tools.rows(400), tools.rows(10, 5)], "B": []}, exported=5)
    point = filled.store_point(file, tools.header_of(5), owner="w")
    assert _copied(filled, target) == [point.id]
    copy = target.point(point.id)
    assert copy.kind == "increment"
    assert copy.stored_bytes < target.points()[0].stored_bytes


def test_a_chain_is_wanted_as_a_whole(filled: Repository, target: Repository, bacpac: Any, tools: Any) -> None:
    """A renamed database's older points go with it."""
    renamed = tools.header_of(6).model_copy(update={"source": "server/renamed"})
    filled.store_point(bacpac({"A": [tools.rows(400)]}), renamed, owner="w")
    plan = plan_copy(filled, target, lambda source: source == "server/renamed")
    assert [one.header.source for one in plan.points] == ["server/chain-a"] * 3 + ["server/renamed"]
    assert plan_copy(filled, target, lambda source: False).points == []


@pytest.mark.parametrize("change", ["content", "flags", "chain"])
def test_a_point_that_differs_is_a_conflict(
    filled: Repository, target: Repository, bacpac: Any, tools: Any, change: str
) -> None:
    header = filled.manifests("chain-a")[0][1].manifest.point
    updates = {"content": {}, "flags": {"flags": ["yearly"]}, "chain": {"chain": "chain-x"}}
    if change == "flags":
        filled_file = bacpac({"A": [tools.rows(400), tools.rows(10, 2)], "B": []}, exported=2, shuffle=2)
    else:
        filled_file = bacpac({"A": [tools.rows(5)]}, exported=9)
    target.store_point(filled_file, header.model_copy(update=updates[change]), owner="w")
    conflict = plan_copy(filled, target, _all).points[1]
    assert conflict.state == "problem"
    assert isinstance(conflict.error, PointConflict)
    assert header.id in conflict.error.detail
    if change == "flags":
        assert conflict.error.detail.endswith("differs: flags")
    assert len(_copied(filled, target)) == 3, "the others go on"


def test_one_bit_that_differs_is_a_conflict(filled: Repository, target: Repository, bacpac: Any, tools: Any) -> None:
    """The same names, sizes, rows and description: only the digest of an entry tells."""
    data = bytearray(tools.rows(9))
    data[-2] ^= 1
    target.store_point(bacpac({"C": [bytes(data)]}), tools.header_of(4, "chain-b"), owner="w", identical=False)
    (conflict,) = [one for one in plan_copy(filled, target, _all).points if one.error]
    assert conflict.error is not None
    assert conflict.error.detail.endswith("digests of its entries")


def test_a_point_that_comes_between_plan_and_copy_is_a_conflict(
    filled: Repository, target: Repository, bacpac: Any
) -> None:
    plan = plan_copy(filled, target, _all)
    target.store_point(bacpac({"Z": []}), plan.points[0].header, owner="another")
    with pytest.raises(PointConflict, match="meanwhile"):
        copy_planned(plan.points[0], filled, target, owner="c", progress=lambda _: None)


def test_a_copy_broken_off_at_any_write_is_finished_by_the_next(
    filled: Repository, target: Repository, clock: Any
) -> None:
    """Whatever the storage refuses, and whenever: the points that are there are whole, and the rest follows."""
    assert isinstance(target.store, MemoryStore)
    empty = dict(target.store.objects)
    writes: list[str] = []
    counting = FaultyStore(target.store, lambda operation, name: writes.append(name) if operation == "put" else None)
    _copied(filled, Repository.open(counting, "t", clock=clock))
    for alive in range(len(writes)):
        target.store.objects = dict(empty)
        left = iter(range(alive))

        def plan(operation: str, _: str, left: Any = left) -> Any:
            return "before" if operation == "put" and next(left, None) is None else None

        with pytest.raises(Unavailable):
            _copied(filled, Repository.open(FaultyStore(target.store, plan), "t", clock=clock))
        half = [point.id for point in target.points()]
        assert half == [point.id for point in filled.points()][: len(half)], "oldest first"
        assert half + _copied(filled, target) == [point.id for point in filled.points()]
        assert target.check(read_data=True).problems == []


def test_damage_in_the_origin_is_told_and_never_copied(filled: Repository, target: Repository, tools: Any) -> None:
    assert isinstance(filled.store, MemoryStore)
    pack = next(name for name in filled.store.objects if name.startswith("chains/chain-b/data/"))
    tools.flip(filled.store, pack, 100)
    del filled.store.objects["chains/chain-a/manifests/0000000002"]
    plan = plan_copy(filled, target, _all)
    assert [problem.object for problem in plan.problems] == ["chains/chain-a/manifests/0000000002"]
    with pytest.raises(Damaged, match=pack):
        _copied(filled, target, plan)
    assert {point.chain for point in target.points()} == {"chain-a"}


def test_a_damaged_chain_in_the_target_stops_it(filled: Repository, target: Repository) -> None:
    _copied(filled, target)
    assert isinstance(target.store, MemoryStore)
    del target.store.objects["chains/chain-a/manifests/0000000002"]
    with pytest.raises(Damaged, match="0000000002"):
        plan_copy(filled, target, _all)


def test_a_point_in_the_archive_tier_waits_and_says_for_what(
    filled: Repository, archive: Repository, target: Repository
) -> None:
    _copied(filled, archive)
    plan = plan_copy(archive, target, _all)
    assert {one.state for one in plan.points} == {"waits"}
    first = plan.points[0]
    assert first.rehydration is not None
    assert first.rehydration.pending == 1, "one point, one pack: whatever the chain's length"
    assert isinstance(first.error, Rehydrating)
    assert _copied(archive, target, plan) == []
    assert isinstance(archive.store, MemoryStore)
    archive.rehydrate(first.header.id)
    archive.store.finish_rehydration()
    assert _copied(archive, target) == [first.header.id], "only what was rehydrated"
    assert target.verify_point(first.header.id) == first.read.manifest.inflated_bytes


def test_only_a_copy_into_the_archive_has_an_id_of_its_own(
    filled: Repository, archive: Repository, clock: Any, tools: Any
) -> None:
    ids = {point.id for point in filled.points()}
    own = set(_copied(filled, archive))
    assert not own & ids
    assert plan_copy(filled, archive, _all).points[0].state == "there"
    assert isinstance(archive.store, MemoryStore)
    for point in own:
        archive.rehydrate(point)
    archive.store.finish_rehydration()
    moved = Repository.init(
        MemoryStore(url="memory:moved", clock=clock), "m", clock=clock, archive=True, cost=tools.cost
    )
    assert set(_copied(archive, moved)) == own


def test_one_repository_is_not_copied_to_itself(filled: Repository, clock: Any, tools: Any) -> None:
    with pytest.raises(InvalidInput, match="same repository"):
        plan_copy(filled, Repository.open(filled.store, tools.password, clock=clock), _all)
