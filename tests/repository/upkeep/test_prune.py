"""Deleting points and pruning: space really comes back, and nothing that is listed ever loses a byte."""

from __future__ import annotations

import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from holdfast.model.errors import Damaged, Forbidden, NotFound, RepositoryLocked
from holdfast.repository import LastPoint, PruneRules, Repository
from holdfast.repository.points import frame_writing
from holdfast.storage.interface import Tier
from holdfast.storage.memory import FaultyStore, MemoryStore

AT_ONCE = PruneRules(grace=timedelta(0))


def _whole(repository: Repository, files: dict[str, Path], tmp_path: Path) -> None:
    """Exactly these points are listed, each gives its very file back, and the check finds nothing."""
    assert [point.id for point in repository.points()] == list(files)
    for point, file in files.items():
        repository.write_bacpac(point, tmp_path / "read", identical=True)
        assert (tmp_path / "read").read_bytes() == file.read_bytes()
    report = repository.check(read_data=True)
    assert report.problems == []


def _noise(tools: Any, count: int, seed: int) -> bytes:
    """Rows of which nothing repeats, in no other seed either: what one point has of it no other can lean on."""
    words = random.Random(seed)
    return b"".join(tools.row(words.getrandbits(31), f"{words.getrandbits(400):x}") for _ in range(count))


@pytest.fixture
def files(repository: Repository, bacpac: Any, tools: Any, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """Three points of one chain. A is in all; B changes from point to point; C is in the first alone.

    Frames are small against the tables, as they are in life.

    There are tables enough that recipe and layout are streams and lie in recipe packs.
    """
    monkeypatch.setattr(frame_writing, "FRAME_BYTES", 64 << 10)
    made: dict[str, Path] = {}
    many = {f"Table{number}": [tools.row(number, "x")] for number in range(150)}
    for number in (1, 2, 3):
        tables = {**many, "A": [tools.rows(3000)], "B": [_noise(tools, 2500, number)]}
        tables |= {"C": [_noise(tools, 4000, 77)]} if number == 1 else {}
        file = bacpac(tables, exported=number)
        made[repository.store_point(file, tools.header_of(number), owner="w").id] = file
    return made


def test_a_deleted_point_is_gone_and_the_others_stay(
    repository: Repository, files: dict[str, Path], tmp_path: Path, memory: MemoryStore
) -> None:
    first, second, third = files
    (done,) = repository.delete_points([second], owner="w")
    assert (done.deleted, done.gone_before, done.refused) == ([second], [], [])
    assert not any(second in name for name in memory.objects)
    _whole(repository, {first: files[first], third: files[third]}, tmp_path)
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
    _whole(repository, {point.id: file}, tmp_path)


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
    _whole(repository, {last: files[last]}, tmp_path)
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
    _whole(repository, {last: files[last]}, tmp_path)
    clock.move(hours=2)
    before = tools.total(memory)
    done = repository.prune(PruneRules(), owner="w")
    assert done.freed_bytes == pytest.approx(first.waiting_bytes, abs=4000)
    assert tools.total(memory) < before - 100_000
    assert repository.prune(PruneRules(), owner="w").waiting_bytes == 0
    _whole(repository, {last: files[last]}, tmp_path)


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
    _whole(repository, {last: files[last], point.id: files[old[0]]}, tmp_path)


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
    _whole(repository, {last: files[last], point.id: files[old[0]]}, tmp_path)


def test_a_chain_in_use_is_left_out_and_the_others_go_on(
    repository: Repository, files: dict[str, Path], bacpac: Any, tools: Any
) -> None:
    for number in (4, 5):
        file = bacpac({"T": [_noise(tools, 2000, number)]})
        repository.store_point(file, tools.header_of(number, "chain-b"), owner="w")
    repository.delete_points([tools.header_of(4, "chain-b").id, *list(files)[:1]], owner="w")
    with repository._chain("chain-a").locked("a backup"):
        report = repository.prune(AT_ONCE, owner="w")
    locked, done = report.chains
    assert "a backup" in str(locked.error)
    assert done.error is None
    assert done.freed["data"].objects == 1
    assert not report.ok


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
    _whole(repository, {second: files[second], third: files[third]}, tmp_path)
    store.locked = ()
    assert repository.delete_points([second], owner="w")[0].deleted == [second]
    repository.prune(AT_ONCE, owner="w")
    _whole(repository, {third: files[third]}, tmp_path)


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
    _whole(repository, {last: files[last]}, tmp_path)
    before = tools.total(memory)
    assert repository.prune(AT_ONCE, owner="w").chains[0].written == {}, "nothing is written again and again"
    store.locked = ()
    done = repository.prune(AT_ONCE, owner="w")
    assert done.ok
    assert before - tools.total(memory) == done.freed_bytes > 100_000
    _whole(repository, {last: files[last]}, tmp_path)
    assert repository.check(read_data=True).notes == []


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
    _whole(repository, {third: files[third]}, tmp_path)


def test_a_lost_manifest_is_settled_by_deleting_its_point(
    repository: Repository, files: dict[str, Path], memory: MemoryStore, tmp_path: Path
) -> None:
    first, second, third = files
    del memory.objects["chains/chain-a/manifests/0000000002"]
    assert not repository.prune(AT_ONCE, owner="w").ok
    repository.delete_points([second], owner="w")
    assert repository.prune(AT_ONCE, owner="w").ok
    _whole(repository, {first: files[first], third: files[third]}, tmp_path)


def test_a_newest_manifest_that_is_damaged_ends_no_chain(
    repository: Repository, files: dict[str, Path], memory: MemoryStore, tools: Any, tmp_path: Path
) -> None:
    first, second, third = files
    tools.flip(memory, "chains/chain-a/manifests/0000000003", 100)
    with pytest.raises(Damaged):
        repository.store_point(files[third], tools.header_of(8), owner="w")
    repository.delete_points([third], owner="w")
    point = repository.store_point(files[third], tools.header_of(8), owner="w")
    _whole(repository, {first: files[first], second: files[second], point.id: files[third]}, tmp_path)


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
    _whole(repository, rest, tmp_path)
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
    _whole(repository, {last: files[last]}, tmp_path)


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
    _whole(repository, files, tmp_path)
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
    _whole(repository, files, tmp_path)


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
