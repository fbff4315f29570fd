"""A changed bit, a cut, a swap, a replay, a gap: found, located, named, with the points that are hit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from holdfast.model.errors import Damaged
from holdfast.repository import NewerFormat, Repository
from holdfast.storage.memory import MemoryStore

FIRST = "chains/chain-a/manifests/0000000001"
KINDS = ["repository.json", "keys/", FIRST, "data/", "recipes/", "index/", "points/"]


def _objects(memory: MemoryStore, kind: str) -> list[str]:
    return [name for name in sorted(memory.objects) if name.startswith(kind) or f"/{kind}" in name]


@pytest.mark.parametrize("kind", KINDS)
def test_a_flipped_bit_in_any_object_is_found_and_named(
    repository: Repository, memory: MemoryStore, two_points: list[str], tools: Any, kind: str
) -> None:
    names = _objects(memory, kind)
    assert names
    for name in names:
        size = len(memory.objects[name].data)
        for at in sorted({0, 9, 20, 51, 60, size // 2, size - 30, size - 13, size - 1} & set(range(size))):
            tools.flip(memory, name, at, bit=at % 8)
            report = repository.check(read_data=True)
            tools.flip(memory, name, at, bit=at % 8)
            assert name in {problem.object for problem in report.problems}, f"{name} byte {at}"
    assert repository.check(read_data=True).ok


def _unreadable(repository: Repository, point: str) -> bool:
    try:
        repository.verify_point(point)
    except (Damaged, NewerFormat):
        return True
    return False


@pytest.mark.parametrize("kind", [FIRST, "data/", "recipes/"])
def test_the_points_named_are_exactly_those_that_cannot_be_read(
    repository: Repository, memory: MemoryStore, two_points: list[str], tools: Any, kind: str
) -> None:
    for name in _objects(memory, kind):
        size = len(memory.objects[name].data)
        for at in range(60, size, max(1, size // 6)):
            tools.flip(memory, name, at)
            report = repository.check(read_data=True)
            unreadable = {point for point in two_points if _unreadable(repository, point)}
            tools.flip(memory, name, at)
            if name == FIRST:  # the point itself is gone from the list; no other is hit
                assert unreadable == {two_points[0]}
                assert report.damaged_points == []
            else:
                assert set(report.damaged_points) == unreadable, f"{name} byte {at}"


def test_old_data_that_a_later_point_leans_on_hits_both(
    repository: Repository, memory: MemoryStore, two_points: list[str], tools: Any
) -> None:
    """Table A was stored once, with the first point."""
    largest = max(_objects(memory, "data/"), key=lambda name: len(memory.objects[name].data))
    tools.flip(memory, largest, 200)
    problem = next(one for one in repository.check(read_data=True).problems if one.object == largest)
    assert problem.points == two_points


@pytest.mark.parametrize("kind", ["data/", "recipes/"])
def test_a_missing_pack_is_found_without_reading_data(
    repository: Repository, memory: MemoryStore, two_points: list[str], kind: str
) -> None:
    for name in _objects(memory, kind):
        gone = memory.objects.pop(name)
        report = repository.check()
        unreadable = {point for point in two_points if _unreadable(repository, point)}
        memory.objects[name] = gone
        assert [problem.object for problem in report.problems] == [name]
        assert "missing" in report.problems[0].what
        assert set(report.damaged_points) == unreadable != set()


@pytest.mark.parametrize("kind", [*KINDS[2:]])
def test_an_object_cut_anywhere_is_found(
    repository: Repository, memory: MemoryStore, two_points: list[str], kind: str
) -> None:
    for name in _objects(memory, kind):
        whole = memory.objects[name].data
        for keep in (0, 10, 52, 60, len(whole) // 2, len(whole) - 1):
            memory.objects[name].data = whole[:keep]
            report = repository.check()
            assert name in {problem.object for problem in report.problems}, f"{name} cut to {keep}"
            memory.objects[name].data = whole + b"x"
            assert name in {problem.object for problem in repository.check().problems}, f"{name} lengthened"
        memory.objects[name].data = whole


def test_swapped_manifests_are_noticed(repository: Repository, memory: MemoryStore, two_points: list[str]) -> None:
    second = FIRST[:-1] + "2"
    memory.objects[FIRST], memory.objects[second] = memory.objects[second], memory.objects[FIRST]
    assert {problem.object for problem in repository.check().problems} == {FIRST, second}
    with pytest.raises(Damaged, match=FIRST):
        repository.points()


def test_a_manifest_of_another_chain_is_noticed(
    repository: Repository, memory: MemoryStore, two_points: list[str], bacpac: Any, tools: Any
) -> None:
    repository.store_point(bacpac({"A": [b""]}), tools.header_of(9, "chain-b"), owner="w")
    other = FIRST.replace("chain-a", "chain-b")
    memory.objects[other] = memory.objects[FIRST]
    with pytest.raises(Damaged, match=other):
        repository.points("chain-b")


def test_a_replayed_manifest_is_noticed(repository: Repository, memory: MemoryStore, two_points: list[str]) -> None:
    """An old manifest under the next number, or in the place of a later one."""
    memory.objects[FIRST[:-1] + "3"] = memory.objects[FIRST]
    assert [problem.object for problem in repository.check().problems] == [FIRST[:-1] + "3"]


def test_a_manifest_written_anew_over_an_old_one_breaks_the_link(
    repository: Repository, memory: MemoryStore, bacpac: Any, tools: Any, two_points: list[str]
) -> None:
    """Even somebody with the key cannot exchange a manifest in the middle unseen."""
    kept = memory.objects.pop(FIRST)
    other = memory.objects.pop(FIRST[:-1] + "2")
    repository.store_point(bacpac({"A": [b"other"]}), tools.header_of(5), owner="forger")
    memory.objects[FIRST[:-1] + "2"] = other
    problems = repository.check().problems
    assert any(problem.object == FIRST[:-1] + "2" and "not the one" in problem.what for problem in problems)
    memory.objects[FIRST] = kept


@pytest.mark.parametrize("gone", ["1", "2"])
def test_a_missing_manifest_is_named(
    repository: Repository, memory: MemoryStore, bacpac: Any, tools: Any, two_points: list[str], gone: str
) -> None:
    repository.store_point(bacpac({"A": [b"third"]}), tools.header_of(3), owner="w")
    del memory.objects[FIRST[:-1] + gone]
    problems = repository.check().problems
    assert [(one.object, one.what) for one in problems] == [(FIRST[:-1] + gone, "the manifest is missing")]
    survey = repository.survey("chain-a")
    assert len(survey.points) == 2, "the others can be read all the same"
    assert [problem.object for problem in survey.problems] == [FIRST[:-1] + gone]
    left = survey.points[0].id
    assert repository.verify_point(left) > 0


@pytest.mark.parametrize("lost", ["removed", "damaged"])
def test_lost_index_objects_are_made_up_for_by_the_packs(
    repository: Repository,
    memory: MemoryStore,
    two_points: list[str],
    tools: Any,
    lost: str,
    tmp_path: Path,
    bacpac: Any,
    clock: Any,
) -> None:
    for name in _objects(memory, "index/"):
        if lost == "removed":
            del memory.objects[name]
        else:
            tools.flip(memory, name, 70)
    opened = Repository.open(memory, tools.password, clock=clock)
    for point in two_points:
        assert opened.verify_point(point) > 0
    report = opened.check(read_data=True)
    assert report.damaged_points == []
    assert report.ok is (lost == "removed")
    point = opened.store_point(bacpac({"A": [tools.rows(2500)]}), tools.header_of(4), owner="w")
    assert opened.verify_point(point.id) > 0


def test_nothing_new_leans_on_a_pack_that_is_gone(
    repository: Repository, memory: MemoryStore, bacpac: Any, tools: Any
) -> None:
    """The index still names it; a point that trusted the index would be listed and could not be read."""
    file = bacpac({"A": [tools.rows(2500)]})
    first = repository.store_point(file, tools.header_of(1), owner="w")
    for name in _objects(memory, "data/"):
        del memory.objects[name]
    number_of_losses = 1
    for number in range(2, 7):  # often enough that the lost pack is listed before and after the new one
        second = repository.store_point(file, tools.header_of(number), owner="w")
        assert repository.verify_point(second.id) > 0
        # What was lost lies in the new packs again, so that even the first point is whole.
        assert repository.verify_point(first.id) > 0
        report = repository.check(read_data=True)
        assert [problem.what for problem in report.problems] == ["the pack is missing"] * number_of_losses
        assert report.damaged_points == []
        for name in _objects(memory, "data/"):
            del memory.objects[name]
        number_of_losses += 1


def test_a_download_of_damaged_data_leaves_no_file(
    repository: Repository, memory: MemoryStore, two_points: list[str], tools: Any, tmp_path: Path
) -> None:
    largest = max(_objects(memory, "data/"), key=lambda name: len(memory.objects[name].data))
    tools.flip(memory, largest, 200)
    before = set(tmp_path.iterdir())
    with pytest.raises(Damaged, match=largest):
        repository.write_bacpac(two_points[0], tmp_path / "out.bacpac")
    assert set(tmp_path.iterdir()) == before


def test_a_part_of_the_packs_is_read_and_all_parts_are_all(
    repository: Repository, memory: MemoryStore, two_points: list[str], tools: Any
) -> None:
    packs = len(_objects(memory, "data/")) + len(_objects(memory, "recipes/"))
    assert sum(repository.check(subset=(n, 3)).packs_read for n in (1, 2, 3)) == packs
    largest = max(_objects(memory, "data/"), key=lambda name: len(memory.objects[name].data))
    tools.flip(memory, largest, 200)
    assert sum(not repository.check(subset=(n, 3)).ok for n in (1, 2, 3)) == 1
    assert repository.check().ok, "a flipped bit is not seen without reading"
