"""Writers that die, sleep, lose their lock or meet: never a half point, never a lost one, never two of one number."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from holdfast.model.errors import RepositoryLocked, Unavailable
from holdfast.repository import Repository
from holdfast.storage import LeaseLost, ObjectStore
from holdfast.storage.memory import FaultyStore, MemoryStore


class Killed(BaseException):
    """The process ends here: no handler of ours may act as if it could go on."""


class KillingStore(FaultyStore):
    """Lets `alive` writes through; then every operation fails as in a process that is gone."""

    def __init__(self, inner: ObjectStore, alive: int, *, after: bool = False) -> None:
        super().__init__(inner, lambda *_: None)
        self.left, self.after, self.dead = alive, after, False
        self.writes: list[str] = []

    def put(self, name: str, data: Any, **more: Any) -> None:
        if self.dead:
            raise Killed
        if self.left == 0:
            self.dead = True
            if self.after:
                self.inner.put(name, data, **more)
            raise Killed
        self.left -= 1
        self.writes.append(name)
        self.inner.put(name, data, **more)

    def release(self, lease: Any) -> None:
        if not self.dead:
            self.inner.release(lease)


def _writes_of_a_point(store: ObjectStore, tools: Any, clock: Any, file: Path, number: int) -> list[str]:
    counting = KillingStore(store, 1000)
    opened = Repository.open(counting, tools.password, clock=clock, name="default")
    opened.store_point(file, tools.header_of(number), owner="counting")
    return counting.writes


@pytest.mark.parametrize("after", [False, True], ids=["before the write", "after the write"])
def test_a_writer_killed_at_any_write_leaves_no_half_point(
    memory: MemoryStore, clock: Any, tools: Any, bacpac: Any, repository: Repository, after: bool
) -> None:
    """Between any two writes: the points of before are whole, the new one is there or not, and the next try succeeds."""
    first = repository.store_point(bacpac({"T": [tools.rows(3000)]}), tools.header_of(1), owner="w")
    file = bacpac({"T": [tools.rows(3000, 5)], "U": [tools.rows(100)]}, exported=2)
    probe = MemoryStore(clock=clock)
    probe.objects = {name: one for name, one in memory.objects.items() if not name.startswith("locks/")}
    writes = _writes_of_a_point(probe, tools, clock, file, 2)
    assert [name.split("/")[-2] for name in writes[:-2]] == ["data", "recipes", "index"], "an index after its packs"
    assert writes[-2].startswith("points/")
    assert writes[-1].endswith("manifests/0000000002"), "the manifest is the last write of all"
    for alive in range(len(writes)):
        copy = MemoryStore(clock=clock)
        copy.objects = {name: one for name, one in memory.objects.items() if not name.startswith("locks/")}
        dying = Repository.open(KillingStore(copy, alive, after=after), tools.password, clock=clock)
        with pytest.raises(Killed):
            dying.store_point(file, tools.header_of(2), owner="dying")
        survivor = Repository.open(copy, tools.password, clock=clock, name="default")
        made = after and alive == len(writes) - 1
        assert [point.sequence for point in survivor.points()] == ([1, 2] if made else [1])
        assert survivor.verify_point(first.id) == first.inflated_bytes
        report = survivor.check(read_data=True)
        assert report.problems == []
        if made:
            # The answer was lost, the point was not: the repeated step finds it and writes nothing.
            before = set(copy.objects)
            survivor.store_point(file, tools.header_of(2), owner="next")
            assert set(copy.objects) == before
            continue
        with pytest.raises(RepositoryLocked, match="dying"):
            survivor.store_point(file, tools.header_of(2), owner="next")
        clock.move(seconds=61)
        second = survivor.store_point(file, tools.header_of(2), owner="next")
        assert second.sequence == 2
        assert survivor.verify_point(second.id) == second.inflated_bytes
        assert survivor.check(read_data=True).problems == []


def test_a_retry_leans_on_what_the_dead_writer_uploaded(
    memory: MemoryStore, clock: Any, tools: Any, bacpac: Any, repository: Repository
) -> None:
    """Killed just before the manifest: the packs are there and indexed, so the next try stores next to nothing."""
    file = bacpac({"T": [tools.rows(8000)]})

    class NoManifest(FaultyStore):
        def put(self, name: str, data: Any, **more: Any) -> None:
            if "/manifests/" in name:
                raise Unavailable(name)
            self.inner.put(name, data, **more)

    with pytest.raises(Unavailable):
        Repository.open(NoManifest(memory, lambda *_: None), tools.password, clock=clock).store_point(
            file, tools.header_of(1), owner="w"
        )
    notes = repository.check().notes
    assert any("/data/" in note and "left from a writer" in note for note in notes)
    before = tools.total(memory)
    point = repository.store_point(file, tools.header_of(1), owner="w")
    assert tools.total(memory) - before < 6000
    assert repository.verify_point(point.id) == point.inflated_bytes
    assert repository.check(read_data=True).notes == []


def test_a_lost_answer_to_the_manifest_is_no_conflict(
    memory: MemoryStore, clock: Any, tools: Any, bacpac: Any, repository: Repository
) -> None:
    """The put arrived, the answer did not, and the store's own retry says that the name is taken: by us."""
    from holdfast.storage import AlreadyExists

    class Echo(FaultyStore):
        def put(self, name: str, data: Any, **more: Any) -> None:
            self.inner.put(name, data, **more)
            if "/manifests/" in name:
                raise AlreadyExists(name)

    opened = Repository.open(Echo(memory, lambda *_: None), tools.password, clock=clock, name="default")
    point = opened.store_point(bacpac({"T": [b""]}), tools.header_of(1), owner="w")
    assert repository.points() == [point]


def test_while_one_writes_the_other_is_refused_by_name(
    repository: Repository, memory: MemoryStore, clock: Any, tools: Any, bacpac: Any
) -> None:
    file = bacpac({"T": [tools.rows(2000)]})
    inside, go_on = threading.Event(), threading.Event()

    def wait(_: Any) -> None:
        inside.set()
        assert go_on.wait(30)

    done: list[Any] = []
    thread = threading.Thread(
        target=lambda: done.append(repository.store_point(file, tools.header_of(1), owner="slow", progress=wait))
    )
    thread.start()
    try:
        assert inside.wait(30)
        other = Repository.open(memory, tools.password, clock=clock)
        with pytest.raises(RepositoryLocked, match="slow"):
            other.store_point(file, tools.header_of(2), owner="fast")
        elsewhere = other.store_point(file, tools.header_of(3, "chain-b"), owner="fast")
        assert elsewhere.chain == "chain-b", "another chain is free"
    finally:
        go_on.set()
        thread.join()
    assert [point.sequence for point in done] == [1]


def test_a_writer_that_slept_through_its_lock_does_not_commit(
    repository: Repository, memory: MemoryStore, clock: Any, tools: Any, bacpac: Any
) -> None:
    """It is stopped before its manifest; what it uploaded is harmless."""
    file = bacpac({"T": [tools.rows(2000)]})
    slept = False

    def sleep(_: Any) -> None:
        nonlocal slept
        if not slept:
            slept = True
            clock.move(seconds=120)
            other = Repository.open(memory, tools.password, clock=clock, name="default")
            other.store_point(file, tools.header_of(2), owner="awake")

    with pytest.raises(RepositoryLocked, match="lost"):
        repository.store_point(file, tools.header_of(1), owner="asleep", progress=sleep)
    assert [point.id for point in repository.points()] == [tools.header_of(2).id]
    assert repository.check(read_data=True).problems == []


class BlindStore(FaultyStore):
    """Never tells a writer that its lock is gone, as between the last renewal and the write of the manifest."""

    def renew(self, lease: Any) -> Any:
        try:
            return self.inner.renew(lease)
        except LeaseLost:
            return lease


def test_of_two_that_both_believe_to_hold_the_lock_one_commits(
    repository: Repository, memory: MemoryStore, clock: Any, tools: Any, bacpac: Any
) -> None:
    """Fencing does not hang on the lock: the number of the manifest is created once."""
    file = bacpac({"T": [tools.rows(2000)]})
    blind = Repository.open(BlindStore(memory, lambda *_: None), tools.password, clock=clock, name="default")
    slept = False

    def sleep(_: Any) -> None:
        nonlocal slept
        if not slept:
            slept = True
            clock.move(seconds=120)
            repository.store_point(file, tools.header_of(2), owner="awake")

    with pytest.raises(RepositoryLocked, match="committed first"):
        blind.store_point(file, tools.header_of(1), owner="asleep", progress=sleep)
    assert [point.id for point in repository.points()] == [tools.header_of(2).id]
    assert repository.check(read_data=True).problems == []
    retried = blind.store_point(file, tools.header_of(1), owner="asleep")
    assert retried.sequence == 2


def test_a_storage_that_fails_is_told_and_leaves_no_point(
    repository: Repository, memory: MemoryStore, clock: Any, tools: Any, bacpac: Any
) -> None:
    """Any operation that is not answered: the error comes out, nothing hangs, and a later try succeeds."""
    repository.store_point(bacpac({"T": [b""]}), tools.header_of(1), owner="w")
    file = bacpac({"T": [tools.rows(1500)]})
    failing = FaultyStore(memory, lambda *_: None)
    opened = Repository.open(failing, tools.password, clock=clock)
    for operation in ("put", "get", "list", "acquire"):
        failing.plan = lambda done, _, operation=operation: "before" if done == operation else None
        with pytest.raises(Unavailable):
            opened.store_point(file, tools.header_of(2), owner="w")
        clock.move(seconds=61)
    assert len(repository.points()) == 1
    assert repository.store_point(file, tools.header_of(2), owner="w").sequence == 2
    assert not [thread for thread in threading.enumerate() if thread.name.startswith(("read entries", "renew"))]


def test_a_point_is_found_without_its_locator(
    repository: Repository, memory: MemoryStore, tools: Any, bacpac: Any
) -> None:
    points = [
        repository.store_point(bacpac({"T": [tools.rows(9)]}), tools.header_of(n, chain), owner="w")
        for n, chain in ((1, "chain-a"), (2, "chain-b"), (3, "chain-a"))
    ]
    for name in [name for name in memory.objects if name.startswith("points/")]:
        del memory.objects[name]
    for point in points:
        assert repository.point(point.id) == point
