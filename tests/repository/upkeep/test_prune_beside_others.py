"""Pruning beside restores and writers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from holdfast.model.errors import RepositoryLocked
from holdfast.repository import PruneRules, Repository
from holdfast.storage.memory import FaultyStore, MemoryStore
from tests.repository.upkeep.pruned_world import AT_ONCE, noise, whole


def test_a_restore_that_has_read_the_index_ends_beside_a_prune(
    repository: Repository, files: dict[str, Path], tmp_path: Path, clock: Any
) -> None:
    """It reads the packs that were condemned while it ran; the grace lets it end."""
    *old, last = files
    pruned = False

    def prune(_: Any) -> None:
        nonlocal pruned
        if not pruned:
            pruned = True
            repository.delete_points(old, owner="w")
            assert repository.prune(PruneRules(), owner="w").waiting_bytes > 0

    repository.write_bacpac(last, tmp_path / "out", identical=True, progress=prune)
    assert pruned
    assert (tmp_path / "out").read_bytes() == files[last].read_bytes()


def test_a_deleted_point_that_is_being_restored_is_read_to_its_end(
    repository: Repository, files: dict[str, Path], tmp_path: Path
) -> None:
    first = next(iter(files))

    def prune(_: Any) -> None:
        if len(repository.points()) == 3:
            repository.delete_points([first], owner="w")
            repository.prune(PruneRules(), owner="w")

    repository.write_bacpac(first, tmp_path / "out", progress=prune)
    assert len(repository.points()) == 2


def test_a_writer_that_slept_through_a_prune_does_not_commit(
    repository: Repository,
    memory: MemoryStore,
    bacpac: Any,
    tools: Any,
    clock: Any,
    files: dict[str, Path],
    tmp_path: Path,
) -> None:
    """It leaned on packs that are gone; its number is taken, so the point never exists."""
    *old, last = files
    slept = False

    class Blind(FaultyStore):
        def renew(self, lease: Any) -> Any:
            return lease

    def sleep(_: Any) -> None:
        nonlocal slept
        if not slept:
            slept = True
            clock.move(seconds=120)
            repository.delete_points(old, owner="p")
            repository.prune(AT_ONCE, owner="p")

    blind = Repository.open(Blind(memory, lambda *_: None), tools.password, clock=clock)
    with pytest.raises(RepositoryLocked, match="committed first"):
        blind.store_point(files[old[0]], tools.header_of(8), owner="asleep", progress=sleep)
    clock.move(seconds=120)
    point = blind.store_point(files[old[0]], tools.header_of(8), owner="again")
    whole(repository, {last: files[last], point.id: files[old[0]]}, tmp_path)


def test_nothing_new_leans_on_what_is_condemned(
    repository: Repository, files: dict[str, Path], clock: Any, tools: Any, tmp_path: Path, memory: MemoryStore
) -> None:
    """The same data comes back during the grace: it is stored again, and the sweep takes the old packs all the same."""
    *old, last = files
    repository.delete_points(old, owner="w")
    repository.prune(PruneRules(), owner="w")
    point = repository.store_point(files[old[0]], tools.header_of(7), owner="w")
    assert point.stored_bytes > 100_000
    clock.move(hours=25)
    assert repository.prune(PruneRules(), owner="w").freed_bytes > 100_000
    whole(repository, {last: files[last], point.id: files[old[0]]}, tmp_path)


def test_a_chain_in_use_is_left_out_and_the_others_go_on(
    repository: Repository, files: dict[str, Path], bacpac: Any, tools: Any
) -> None:
    for number in (4, 5):
        file = bacpac({"T": [noise(tools, 2000, number)]})
        repository.store_point(file, tools.header_of(number, "chain-b"), owner="w")
    repository.delete_points([tools.header_of(4, "chain-b").id, *list(files)[:1]], owner="w")
    with repository._chain("chain-a").locked("a backup"):
        report = repository.prune(AT_ONCE, owner="w")
    locked, done = report.chains
    assert "a backup" in str(locked.error)
    assert done.error is None
    assert done.freed["data"].objects == 1
    assert not report.ok
