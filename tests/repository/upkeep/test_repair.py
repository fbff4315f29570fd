"""Repair deletes nothing: index objects are made again, damaged objects set aside, and the next backup heals what it can."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from holdfast.model.errors import Damaged
from holdfast.repository import PruneRules, Repository
from holdfast.storage.memory import MemoryStore

AT_ONCE = PruneRules(grace=timedelta(0))


@pytest.fixture
def file(bacpac: Any, tools: Any) -> Path:
    many = {f"Table{n}": [tools.row(n, "x")] for n in range(60)}
    return bacpac({**many, "A": [tools.rows(9000)], "B": [tools.rows(2500, 2)]})


@pytest.fixture
def point(repository: Repository, file: Path, tools: Any) -> str:
    return repository.store_point(file, tools.header_of(1), owner="w").id


def _pack(memory: MemoryStore) -> str:
    return max((n for n in memory.objects if "/data/" in n), key=lambda name: len(memory.objects[name].data))


def test_tables_that_are_hit_are_named(repository: Repository, memory: MemoryStore, tools: Any, bacpac: Any) -> None:
    """Table A fills the middle of the pack; others share frames with its beginning and its end."""
    tables = {"A": [tools.rows(30_000)], "B": [tools.rows(2500, 2)]}
    for number in (1, 2):
        repository.store_point(bacpac(tables, exported=number), tools.header_of(number), owner="w")
        tables.pop("B", None)
    name, hit = _pack(memory), set()
    for share in (0.2, 0.3, 0.4, 0.5, 0.6):
        tools.flip(memory, name, int(len(memory.objects[name].data) * share))
        (problem,) = repository.check(read_data=True).problems
        hit.add(tuple(problem.tables))
        tools.flip(memory, name, int(len(memory.objects[name].data) * share))
        if problem.tables == ["dbo.A"]:
            break
    assert ("dbo.A",) in hit
    assert problem.points == [tools.header_of(1).id, tools.header_of(2).id]


def test_a_damaged_recipe_hits_the_point_and_names_no_table(
    repository: Repository, memory: MemoryStore, point: str, tools: Any
) -> None:
    name = next(name for name in memory.objects if "/recipes/" in name)
    tools.flip(memory, name, 100)
    (problem,) = repository.check(read_data=True).problems
    assert (problem.points, problem.tables) == ([point], [])


@pytest.mark.parametrize("lost", ["removed", "damaged"])
def test_index_objects_are_made_again(
    repository: Repository, memory: MemoryStore, point: str, tools: Any, lost: str
) -> None:
    (name,) = [name for name in memory.objects if "/index/" in name]
    if lost == "removed":
        del memory.objects[name]
    else:
        tools.flip(memory, name, 70)
    before = set(memory.objects)
    report = repository.check(repair_as="r")
    assert report.ok
    assert report.repaired
    assert before <= set(memory.objects), "nothing is deleted"
    (new,) = [one for one in memory.objects if "/index/" in one and one not in before]
    after = repository.check(read_data=True)
    assert after.problems == []
    assert repository.verify_point(point) > 0
    assert repository.check(repair_as="r").repaired == [], "done again, nothing is left to do"
    if lost == "damaged":
        repository.prune(AT_ONCE, owner="w")
        assert name not in memory.objects
        assert new in memory.objects
    assert repository.check(read_data=True).notes == []


def test_the_next_backup_heals_what_lay_in_a_pack_that_was_set_aside(
    repository: Repository, memory: MemoryStore, point: str, tools: Any, file: Path, bacpac: Any, tmp_path: Path
) -> None:
    name = _pack(memory)
    tools.flip(memory, name, len(memory.objects[name].data) // 2)
    with pytest.raises(Damaged):
        repository.verify_point(point)
    report = repository.check(read_data=True, repair_as="r")
    assert not report.ok
    assert any(name in done for done in report.repaired)
    assert name in memory.objects
    second = repository.store_point(file, tools.header_of(2), owner="w")
    for one in (point, second.id):
        repository.write_bacpac(one, tmp_path / "out", identical=True)
        assert (tmp_path / "out").read_bytes() == file.read_bytes()
    healed = repository.check(read_data=True)
    assert healed.problems == []
    assert any(name in note for note in healed.notes)
    assert repository.prune(AT_ONCE, owner="w").ok
    assert name not in memory.objects
    assert repository.check(read_data=True).problems == []
    assert repository.verify_point(point) > 0


def test_what_is_whole_again_is_taken_back(
    repository: Repository, memory: MemoryStore, point: str, tools: Any, file: Path
) -> None:
    """The object came back from the storage's own versions."""
    name = _pack(memory)
    tools.flip(memory, name, len(memory.objects[name].data) // 2)
    repository.check(read_data=True, repair_as="r")
    tools.flip(memory, name, len(memory.objects[name].data) // 2)
    assert any("whole again" in done for done in repository.check(read_data=True, repair_as="r").repaired)
    assert repository.store_point(file, tools.header_of(2), owner="w").stored_bytes < 20_000


def test_a_damaged_pack_that_points_need_is_never_pruned(
    repository: Repository, memory: MemoryStore, point: str, tools: Any, bacpac: Any
) -> None:
    """What can still be read of it is all that there is."""
    name = _pack(memory)
    tools.flip(memory, name, len(memory.objects[name].data) // 2)
    repository.check(read_data=True, repair_as="r")
    report = repository.prune(AT_ONCE, owner="w")
    assert name in memory.objects
    assert any(name in note and "cannot be rewritten" in note for note in report.chains[0].notes)
    repository.store_point(bacpac({"Z": [tools.rows(10)]}), tools.header_of(2), owner="w")
    repository.delete_points([point], owner="w")
    repository.prune(AT_ONCE, owner="w")
    assert name not in memory.objects


def test_a_chain_whose_newest_manifest_is_damaged_goes_on_after_a_repair(
    repository: Repository, memory: MemoryStore, point: str, tools: Any, file: Path
) -> None:
    second = repository.store_point(file, tools.header_of(2), owner="w")
    tools.flip(memory, f"chains/chain-a/manifests/{second.sequence:010d}", 100)
    with pytest.raises(Damaged):
        repository.store_point(file, tools.header_of(3), owner="w")
    repository.check(repair_as="r")
    third = repository.store_point(file, tools.header_of(3), owner="w")
    assert (third.sequence, third.kind) == (4, "increment")
    assert [found.id for found in repository.survey("chain-a").points] == [point, third.id]
    assert [problem.object for problem in repository.check().problems] == ["chains/chain-a/manifests/0000000002"]


def test_a_chain_in_use_is_not_repaired(repository: Repository, memory: MemoryStore, point: str, tools: Any) -> None:
    (name,) = [name for name in memory.objects if "/index/" in name]
    tools.flip(memory, name, 70)
    with repository._chain("chain-a").locked("a backup"):
        report = repository.check(repair_as="r")
    assert not report.ok
    assert any("a backup" in note for note in report.notes)


def test_parts_cover_all_packs_though_packs_come_in_between(
    repository: Repository, memory: MemoryStore, tools: Any, bacpac: Any
) -> None:
    packs: set[str] = set()
    read = 0
    for number in range(1, 6):
        repository.store_point(
            bacpac({"B": [tools.rows(900, number)]}, exported=number), tools.header_of(number), owner="w"
        )
        if number == 1:
            packs = {name for name in memory.objects if "/data/" in name or "/recipes/" in name}
        chosen = {name for name in packs if int(name.rpartition("/")[2], 16) % 5 == number - 1}
        for name in chosen:
            tools.flip(memory, name, 60)
        found = {problem.object for problem in repository.check(subset=(number, 5)).problems}
        for name in chosen:
            tools.flip(memory, name, 60)
        assert chosen <= found
        read += len(chosen)
    assert read == len(packs) > 0
