"""What prune copies it reads back before the originals go: a storage that lies loses nothing."""

from __future__ import annotations

import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from holdfast.repository import PruneRules, Repository
from holdfast.repository.points import frame_writing
from holdfast.storage.memory import FaultyStore, MemoryStore

SWEEP = PruneRules(grace=timedelta(0), dead_percent=1)
LATER = PruneRules(grace=timedelta(hours=24), dead_percent=1)


class Lying(FaultyStore):
    """Keeps new packs with one bit of their middle changed, as long as `lies`."""

    lies = False

    def put(self, name: str, data: Any, **more: Any) -> None:
        self.inner.put(name, data, **more)
        if self.lies and "/data/" in name:
            stored = self.inner.objects[name]  # type: ignore[attr-defined]
            damaged = bytearray(stored.data)
            damaged[len(damaged) // 2] ^= 1
            stored.data = bytes(damaged)


@pytest.fixture
def lying(memory: MemoryStore) -> Lying:
    return Lying(memory, lambda *_: None)


@pytest.fixture
def files(repository: Repository, bacpac: Any, tools: Any, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """Two points that share half of what the first one brought."""
    monkeypatch.setattr(frame_writing, "FRAME_BYTES", 64 << 10)
    made: dict[str, Path] = {}
    for number in (1, 2):
        words = random.Random(number)
        noise = b"".join(tools.row(words.getrandbits(31), f"{words.getrandbits(400):x}") for _ in range(2000))
        file = bacpac({"A": [tools.rows(3000)], "B": [noise]}, exported=number)
        made[repository.store_point(file, tools.header_of(number), owner="w").id] = file
    return made


def _reads(repository: Repository, point: str, file: Path, to: Path) -> None:
    repository.write_bacpac(point, to, identical=True)
    assert to.read_bytes() == file.read_bytes()


@pytest.mark.parametrize("rules", [SWEEP, LATER])
def test_a_copy_that_does_not_read_back_keeps_the_original(
    lying: Lying, files: dict[str, Path], clock: Any, tools: Any, tmp_path: Path, rules: PruneRules, memory: MemoryStore
) -> None:
    repository = Repository.open(lying, tools.password, clock=clock, name="default")
    first, second = files
    repository.delete_points([first], owner="w")
    before = {name for name in memory.objects if "/data/" in name}
    lying.lies = True
    for _ in range(3):
        report = repository.prune(rules, owner="w")
        assert not report.ok
        assert "does not read back" in str(report.chains[0].error)
        assert before <= set(memory.objects)
        _reads(repository, second, files[second], tmp_path / "read")
        clock.move(hours=25)
    lying.lies = False
    for _ in range(3):
        repository.prune(rules, owner="w")
        clock.move(hours=25)
    _reads(repository, second, files[second], tmp_path / "read")
    assert not before <= set(memory.objects), "a copy that reads back takes their place"
    assert repository.check(read_data=True).problems == []


def test_a_copy_that_rots_before_its_original_goes_is_made_again(
    repository: Repository, files: dict[str, Path], clock: Any, tools: Any, tmp_path: Path, memory: MemoryStore
) -> None:
    first, second = files
    repository.delete_points([first], owner="w")
    before = {name for name in memory.objects if "/data/" in name}
    assert repository.prune(LATER, owner="w").ok
    (copy,) = {name for name in memory.objects if "/data/" in name} - before
    tools.flip(memory, copy, len(memory.objects[copy].data) // 2)
    clock.move(hours=25)
    report = repository.prune(LATER, owner="w")
    assert copy in str(report.chains[0].error)
    _reads(repository, second, files[second], tmp_path / "read")
    clock.move(hours=25)
    repository.prune(LATER, owner="w")
    _reads(repository, second, files[second], tmp_path / "read")
    clock.move(hours=25)
    assert repository.prune(LATER, owner="w").ok
    assert repository.check(read_data=True).problems == []
