"""Deleting points and pruning: space really comes back, and nothing that is listed ever loses a byte."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from holdfast.model.errors import NotFound
from holdfast.repository import LastPoint, PruneRules, Repository
from holdfast.storage.interface import Tier
from holdfast.storage.memory import FaultyStore, MemoryStore
from tests.repository.upkeep.pruned_world import AT_ONCE, whole


def test_a_deleted_point_is_gone_and_the_others_stay(
    repository: Repository, files: dict[str, Path], tmp_path: Path, memory: MemoryStore
) -> None:
    first, second, third = files
    (done,) = repository.delete_points([second], owner="w")
    assert (done.deleted, done.gone_before, done.refused) == ([second], [], [])
    assert not any(second in name for name in memory.objects)
    whole(repository, {first: files[first], third: files[third]}, tmp_path)
    with pytest.raises(NotFound):
        repository.point(second)
    (again,) = repository.delete_points([second], owner="w")
    assert (again.deleted, again.gone_before) == ([], [second])
    with pytest.raises(NotFound):
        repository.delete_points(["20260101T000009Z-chain-a"], owner="w")


def test_the_last_point_is_not_deleted_by_accident(
    repository: Repository, files: dict[str, Path], memory: MemoryStore, bacpac: Any, tools: Any, tmp_path: Path
) -> None:
    with pytest.raises(LastPoint, match="chain-a"):
        repository.delete_points(list(files), owner="w")
    assert len(repository.points()) == 3, "nothing was deleted"
    repository.delete_points(list(files), owner="w", last_too=True)
    assert repository.points() == []
    repository.prune(AT_ONCE, owner="w")
    left = [name.split("/")[2] for name in memory.objects if name.startswith("chains/")]
    assert set(left) == {"manifests"}, "records alone"
    file = bacpac({"A": [tools.rows(100)]})
    point = repository.store_point(file, tools.header_of(9), owner="w")
    assert (point.kind, point.sequence) == ("full", 6)
    whole(repository, {point.id: file}, tmp_path)


def test_space_really_comes_back(
    repository: Repository, files: dict[str, Path], tools: Any, memory: MemoryStore, tmp_path: Path
) -> None:
    """What is left is about what the last point alone would take."""
    *old, last = files
    alone = Repository.init(MemoryStore(clock=repository.clock), "p", clock=repository.clock, cost=tools.cost)
    alone.store_point(files[last], tools.header_of(3), owner="w")
    repository.delete_points(old, owner="w")
    before = tools.total(memory)
    told = repository.prune(PruneRules(grace=timedelta(0), dead_percent=5, dry_run=True), owner="w")
    done = repository.prune(PruneRules(grace=timedelta(0), dead_percent=5), owner="w")
    after = tools.total(memory)
    # A frame that is partly dead may stay whole.
    assert after < tools.total(alone.store) * 1.05 + 100_000 < before * 0.7
    assert done.ok
    assert done.freed_bytes - done.written_bytes == pytest.approx(before - after, abs=4000)
    assert told.freed_bytes == done.freed_bytes
    assert told.written_bytes == pytest.approx(done.written_bytes, rel=0.25, abs=4000), "an estimate"
    whole(repository, {last: files[last]}, tmp_path)
    again = repository.prune(PruneRules(grace=timedelta(0), dead_percent=5), owner="w")
    assert (again.freed_bytes, again.written_bytes, tools.total(memory)) == (0, 0, after)


def test_a_dry_run_changes_nothing(repository: Repository, files: dict[str, Path], memory: MemoryStore) -> None:
    repository.delete_points(list(files)[:2], owner="w")
    before = {name: one.data for name, one in memory.objects.items()}
    report = repository.prune(PruneRules(dry_run=True), owner="w")
    assert {name: one.data for name, one in memory.objects.items()} == before
    assert report.freed_bytes == 0, "all of it waits for its grace"
    assert report.waiting_bytes > 100_000
    assert report.chains[0].waiting_until == repository.clock.now() + timedelta(hours=24)


def test_nothing_goes_before_its_grace_is_over(
    repository: Repository, files: dict[str, Path], memory: MemoryStore, clock: Any, tmp_path: Path, tools: Any
) -> None:
    *old, last = files
    repository.delete_points(old, owner="w")
    first = repository.prune(PruneRules(), owner="w")
    assert first.freed_bytes == 0 < first.waiting_bytes
    clock.move(hours=23)
    assert repository.prune(PruneRules(), owner="w").freed_bytes == 0
    whole(repository, {last: files[last]}, tmp_path)
    clock.move(hours=2)
    before = tools.total(memory)
    done = repository.prune(PruneRules(), owner="w")
    assert done.freed_bytes == pytest.approx(first.waiting_bytes, abs=4000)
    assert tools.total(memory) < before - 100_000
    assert repository.prune(PruneRules(), owner="w").waiting_bytes == 0
    whole(repository, {last: files[last]}, tmp_path)


def test_old_records_are_removed_by_new_ones(
    repository: Repository, files: dict[str, Path], memory: MemoryStore, tools: Any, bacpac: Any, tmp_path: Path
) -> None:
    last = next(reversed(files))
    repository.delete_points(list(files)[:2], owner="w")
    for number in range(10, 60):
        point = repository.store_point(bacpac({"A": [b""]}, exported=number), tools.header_of(number), owner="w")
        repository.delete_points([point.id], owner="w")
    numbers = [name for name in memory.objects if "/manifests/" in name]
    assert len(numbers) <= 35
    repository.prune(AT_ONCE, owner="w")
    whole(repository, {last: files[last]}, tmp_path)


def test_many_small_packs_become_few(
    repository: Repository, memory: MemoryStore, tools: Any, bacpac: Any, tmp_path: Path
) -> None:
    files = {}
    for number in range(1, 31):
        file = bacpac({"A": [tools.rows(40)], "B": [tools.rows(60, number)]}, exported=number)
        files[repository.store_point(file, tools.header_of(number), owner="w").id] = file
    packs = [name for name in memory.objects if "/data/" in name or "/index/" in name]
    assert len(packs) >= 60
    assert repository.prune(AT_ONCE, owner="w").ok
    assert len([name for name in memory.objects if "/data/" in name or "/index/" in name]) <= 4
    whole(repository, files, tmp_path)
    assert repository.prune(AT_ONCE, owner="w").written_bytes == 0


def test_what_a_dead_writer_left_is_freed(
    repository: Repository,
    memory: MemoryStore,
    tools: Any,
    clock: Any,
    bacpac: Any,
    files: dict[str, Path],
    tmp_path: Path,
) -> None:
    def plan(operation: str, name: str) -> Any:
        return "before" if operation == "put" and "/manifests/" in name else None

    dying = Repository.open(FaultyStore(memory, plan), tools.password, clock=clock)
    before = tools.total(memory)
    with pytest.raises(Exception, match="refused by plan"):
        dying.store_point(bacpac({"Z": [tools.rows(3000, 99)]}), tools.header_of(9), owner="w")
    assert tools.total(memory) > before + 50_000
    assert repository.check().notes != []
    assert repository.prune(AT_ONCE, owner="w").ok
    assert tools.total(memory) < before + 2_000
    assert repository.check().notes == []
    assert not any(tools.header_of(9).id in name for name in memory.objects)
    whole(repository, files, tmp_path)


def test_an_archive_repository_frees_whole_packs_and_rewrites_none(
    repository: Repository, archive: Repository, files: dict[str, Path], tools: Any
) -> None:
    copies = [
        repository.copy_point(point, archive, flags=[], session=f"s{point}", owner="w").id for point in list(files)[:2]
    ]
    store = archive.store
    assert isinstance(store, MemoryStore)
    archive.delete_points([copies[0]], owner="w")
    report = archive.prune(AT_ONCE, owner="w")
    (chain,) = report.chains
    assert chain.written == {}
    assert chain.freed["data"].objects == 1
    assert any("180 days" in note for note in chain.notes)
    assert archive.check().problems == []
    assert len([info for info in store.list() if info.tier is Tier.ARCHIVE]) == 1
    archive.rehydrate(copies[1])
    store.finish_rehydration()
    assert archive.verify_point(copies[1]) > 0
    assert archive.check(read_data=True).notes == []
