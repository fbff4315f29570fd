"""Manifests that are damaged, lost, exchanged or come back, where points were removed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from holdfast.model.errors import Damaged, NotFound
from holdfast.repository import Repository
from holdfast.storage.memory import MemoryStore
from tests.repository.upkeep.pruned_world import AT_ONCE, whole


def test_nothing_is_removed_from_a_chain_with_a_damaged_manifest(
    repository: Repository, files: dict[str, Path], memory: MemoryStore, tools: Any, tmp_path: Path
) -> None:
    """Nobody knows what its point needs; once the point is deleted, prune goes on."""
    first, second, third = files
    repository.delete_points([first], owner="w")
    tools.flip(memory, "chains/chain-a/manifests/0000000002", 100)
    before = set(memory.objects)
    report = repository.prune(AT_ONCE, owner="w")
    assert "0000000002" in str(report.chains[0].error)
    assert set(memory.objects) == before
    assert repository.delete_points([second], owner="w")[0].deleted == [second]
    assert repository.prune(AT_ONCE, owner="w").ok
    whole(repository, {third: files[third]}, tmp_path)


def test_a_lost_manifest_is_settled_by_deleting_its_point(
    repository: Repository, files: dict[str, Path], memory: MemoryStore, tmp_path: Path
) -> None:
    first, second, third = files
    del memory.objects["chains/chain-a/manifests/0000000002"]
    assert not repository.prune(AT_ONCE, owner="w").ok
    repository.delete_points([second], owner="w")
    assert repository.prune(AT_ONCE, owner="w").ok
    whole(repository, {first: files[first], third: files[third]}, tmp_path)


def test_a_newest_manifest_that_is_damaged_ends_no_chain(
    repository: Repository, files: dict[str, Path], memory: MemoryStore, tools: Any, tmp_path: Path
) -> None:
    first, second, third = files
    tools.flip(memory, "chains/chain-a/manifests/0000000003", 100)
    with pytest.raises(Damaged):
        repository.store_point(files[third], tools.header_of(8), owner="w")
    repository.delete_points([third], owner="w")
    point = repository.store_point(files[third], tools.header_of(8), owner="w")
    whole(repository, {first: files[first], second: files[second], point.id: files[third]}, tmp_path)


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_removed_manifest_that_comes_back_is_no_point(
    repository: Repository, files: dict[str, Path], memory: MemoryStore, tmp_path: Path, number: int
) -> None:
    """A replay: its packs may be gone."""
    name = f"chains/chain-a/manifests/{number:010d}"
    point = list(files)[number - 1]
    kept = memory.objects[name]
    repository.delete_points([point], owner="w")
    memory.objects[name] = kept
    rest = {one: file for one, file in files.items() if one != point}
    whole(repository, rest, tmp_path)
    with pytest.raises(NotFound):
        repository.point(point)
    assert repository.prune(AT_ONCE, owner="w").ok
    assert name not in memory.objects


def test_an_exchanged_manifest_beside_a_gap_is_noticed(
    repository: Repository, files: dict[str, Path], memory: MemoryStore, clock: Any, tools: Any, bacpac: Any
) -> None:
    """Links hold across what was removed: even with the key nobody exchanges the first or third manifest unseen."""
    repository.delete_points([list(files)[1]], owner="w")
    assert repository.check().ok
    record = memory.objects.pop("chains/chain-a/manifests/0000000004")
    third = memory.objects.pop("chains/chain-a/manifests/0000000003")
    first = memory.objects.pop("chains/chain-a/manifests/0000000001")
    repository.store_point(bacpac({"A": [b""]}), tools.header_of(1), owner="forger")
    memory.objects |= {
        "chains/chain-a/manifests/0000000003": third,
        "chains/chain-a/manifests/0000000004": record,
    }
    problems = repository.check().problems
    assert any("0000000001" in one.object and "not the one" in one.what for one in problems)
    memory.objects["chains/chain-a/manifests/0000000001"] = first
    assert repository.check().ok
