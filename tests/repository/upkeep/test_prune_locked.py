"""Pruning where the storage keeps what is locked."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from holdfast.model.errors import Forbidden
from holdfast.repository import PruneRules, Repository
from holdfast.storage.memory import FaultyStore, MemoryStore
from tests.repository.upkeep.pruned_world import AT_ONCE, whole


class Immutable(FaultyStore):
    """Keeps what `locked` names."""

    locked: tuple[str, ...] = ()

    def delete(self, name: str) -> None:
        if any(part in name for part in self.locked):
            raise Forbidden(f"{name}: locked until 2026-03-01")
        self.inner.delete(name)


def test_a_point_whose_manifest_is_locked_stays_a_point(
    memory: MemoryStore, clock: Any, tools: Any, files: dict[str, Path], tmp_path: Path
) -> None:
    store = Immutable(memory, lambda *_: None)
    repository = Repository.open(store, tools.password, clock=clock, name="default")
    first, second, third = files
    store.locked = ("manifests/0000000002",)
    (done,) = repository.delete_points([first, second], owner="w")
    assert done.deleted == [first]
    assert [(one.point, one.why) for one in done.refused] == [(second, "locked until 2026-03-01")]
    repository.prune(AT_ONCE, owner="w")
    whole(repository, {second: files[second], third: files[third]}, tmp_path)
    store.locked = ()
    assert repository.delete_points([second], owner="w")[0].deleted == [second]
    repository.prune(AT_ONCE, owner="w")
    whole(repository, {third: files[third]}, tmp_path)


def test_locked_packs_are_told_and_go_once_they_may(
    memory: MemoryStore, clock: Any, tools: Any, files: dict[str, Path], tmp_path: Path
) -> None:
    store = Immutable(memory, lambda *_: None)
    repository = Repository.open(store, tools.password, clock=clock, name="default")
    *old, last = files
    repository.delete_points(old, owner="w")
    store.locked = ("/data/", "/index/")
    refused = repository.prune(AT_ONCE, owner="w")
    assert {"2026-03-01" in one.why for one in refused.chains[0].refused} == {True}
    assert not refused.ok
    whole(repository, {last: files[last]}, tmp_path)
    before = tools.total(memory)
    assert repository.prune(AT_ONCE, owner="w").chains[0].written == {}, "nothing is written again and again"
    store.locked = ()
    done = repository.prune(AT_ONCE, owner="w")
    assert done.ok
    assert before - tools.total(memory) == done.freed_bytes > 100_000
    whole(repository, {last: files[last]}, tmp_path)
    assert repository.check(read_data=True).notes == []


def test_a_locked_pack_is_not_rewritten(repository: Repository, files: dict[str, Path], memory: MemoryStore) -> None:
    """It must stay whatever is copied out of it, so a copy would only take more space."""
    first, second, third = files
    until = repository.clock.now() + timedelta(days=30)
    for name in [name for name in memory.objects if "/data/" in name]:
        memory.lock(name, until)
    before = {name for name in memory.objects if "/data/" in name}
    repository.delete_points([first], owner="w")
    report = repository.prune(PruneRules(grace=timedelta(0), dead_percent=1), owner="w")
    assert {name for name in memory.objects if "/data/" in name} == before
    assert any("locked or held" in note for chain in report.chains for note in chain.notes)
    assert [point.id for point in repository.points()] == [second, third]
