"""The contract of locks and holds in `holdfast.storage.interface`, kept by every store."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from holdfast.model.clock import iso
from holdfast.model.errors import Forbidden, InvalidInput
from holdfast.storage import AlreadyExists, LockMode, NoImmutability, ObjectInfo, ObjectMissing, WriteOnce

DAY = timedelta(days=1)


@pytest.fixture
def locks(under_test: Any) -> Any:
    """The stores that can lock."""
    if not under_test.store.immutability:
        pytest.skip("this store has no locks")
    under_test.store.put("chains/c/data/p", b"pack")
    return under_test


def _seconds(info: ObjectInfo) -> str | None:
    return iso(info.locked_until) if info.locked_until is not None else None


def _in(under_test: Any, days: float) -> Any:
    return (under_test.clock.now() + days * DAY).replace(microsecond=0)


def test_a_store_without_immutability_refuses_locks_and_says_what_to_do(under_test: Any) -> None:
    store = under_test.store
    if store.immutability:
        pytest.skip("this store has locks")
    store.put("a", b"x")
    attempts: list[Callable[[], object]] = [
        lambda: store.lock("a", _in(under_test, 10)),
        lambda: store.hold("a", True),
    ]
    for attempt in attempts:
        with pytest.raises(NoImmutability) as refused:
            attempt()
        assert "version-level immutability" in refused.value.help
    assert store.stat("a") == next(store.list())
    assert list(store.kept_versions()) == []


def test_nothing_is_locked_or_held_from_the_start(locks: Any) -> None:
    for info in (locks.store.stat("chains/c/data/p"), next(locks.store.list())):
        assert (info.locked_until, info.lock_mode, info.held) == (None, None, False)
        assert not info.write_once(locks.clock.now())


def test_a_lock_is_told_by_stat_and_list_and_keeps_the_object_until_it_ends(locks: Any) -> None:
    store, until = locks.store, _in(locks, 3)
    locked = store.lock("chains/c/data/p", until)
    assert (locked.locked_until, locked.lock_mode, locked.bytes) == (until, LockMode.LOCKED, 4)
    assert locks.reopen().stat("chains/c/data/p") == locked
    assert list(store.list()) == [locked]
    assert locked.write_once(locks.clock.now())
    with pytest.raises(WriteOnce, match=f"locked until {iso(until)}") as refused:
        store.delete("chains/c/data/p")
    assert isinstance(refused.value, Forbidden)
    assert store.get("chains/c/data/p") == b"pack"
    locks.advance(2 * DAY)
    with pytest.raises(WriteOnce):
        store.delete("chains/c/data/p")
    locks.advance(DAY + timedelta(seconds=2))
    assert not store.stat("chains/c/data/p").write_once(locks.clock.now())
    store.delete("chains/c/data/p")
    store.delete("chains/c/data/p")
    with pytest.raises(ObjectMissing):
        store.get("chains/c/data/p")
    assert list(store.list()) == []
    assert list(store.kept_versions()) == []  # and nothing that would be paid for is left beneath


def test_a_lock_is_only_ever_lengthened(locks: Any) -> None:
    store, until = locks.store, _in(locks, 5)
    first = store.lock("chains/c/data/p", until)
    assert store.lock("chains/c/data/p", until) == first
    assert store.lock("chains/c/data/p", until - 2 * DAY) == first
    assert store.lock("chains/c/data/p", until - 100 * DAY) == first  # less than there is, though it has passed
    assert store.stat("chains/c/data/p") == first
    longer = store.lock("chains/c/data/p", until + DAY)
    assert longer.locked_until == until + DAY
    assert store.stat("chains/c/data/p") == longer


def test_a_lock_of_parts_of_a_second_is_rounded_up(locks: Any) -> None:
    until = _in(locks, 1)
    info = locks.store.lock("chains/c/data/p", until + timedelta(microseconds=1))
    assert info.locked_until == until + timedelta(seconds=1) == locks.store.stat("chains/c/data/p").locked_until


def test_an_unlocked_lock_becomes_a_locked_one_and_never_back(locks: Any) -> None:
    store, until = locks.store, _in(locks, 5)
    assert store.lock("chains/c/data/p", until, LockMode.UNLOCKED).lock_mode is LockMode.UNLOCKED
    with pytest.raises(WriteOnce):
        store.delete("chains/c/data/p")
    for mode in (LockMode.LOCKED, LockMode.UNLOCKED):
        info = store.lock("chains/c/data/p", until, mode)
        assert (info.locked_until, info.lock_mode) == (until, LockMode.LOCKED)
    assert store.lock("chains/c/data/p", until + DAY, LockMode.UNLOCKED).lock_mode is LockMode.LOCKED
    assert store.stat("chains/c/data/p").lock_mode is LockMode.LOCKED


def test_a_lock_that_would_have_ended_already_is_refused(locks: Any) -> None:
    with pytest.raises(InvalidInput, match="ended"):
        locks.store.lock("chains/c/data/p", _in(locks, -1))
    assert locks.store.stat("chains/c/data/p").locked_until is None


def test_a_hold_keeps_the_object_until_it_is_released(locks: Any) -> None:
    store = locks.store
    for _ in range(2):
        assert store.hold("chains/c/data/p", True).held
    assert store.stat("chains/c/data/p").held
    assert next(store.list()).held
    locks.advance(3650 * DAY)
    with pytest.raises(WriteOnce, match="held until somebody releases it"):
        store.delete("chains/c/data/p")
    for _ in range(2):
        assert not store.hold("chains/c/data/p", False).held
    store.delete("chains/c/data/p")
    assert list(store.list()) == []


def test_lock_and_hold_do_not_know_of_each_other(locks: Any) -> None:
    store, until = locks.store, _in(locks, 2)
    store.hold("chains/c/data/p", True)
    store.lock("chains/c/data/p", until)
    info = store.hold("chains/c/data/p", False)
    assert (info.held, info.locked_until) == (False, until)
    with pytest.raises(WriteOnce, match="locked until"):
        store.delete("chains/c/data/p")


def test_a_locked_object_is_read_listed_and_moved_between_tiers_as_ever(locks: Any) -> None:
    store = locks.store
    until = store.lock("chains/c/data/p", _in(locks, 2)).locked_until
    with pytest.raises(AlreadyExists):
        store.put("chains/c/data/p", b"other")
    store.set_tier("chains/c/data/p", store.stat("chains/c/data/p").tier)
    assert store.get_range("chains/c/data/p", 1, 2) == b"ac"
    assert b"".join(store.stream("chains/c/data/p")) == b"pack"
    assert store.stat("chains/c/data/p").locked_until == until
    store.put("chains/c/data/other", b"free")
    store.delete("chains/c/data/other")


def test_what_is_not_there_cannot_be_locked(locks: Any) -> None:
    attempts: list[Callable[[], object]] = [
        lambda: locks.store.lock("not/there", _in(locks, 2)),
        lambda: locks.store.hold("not/there", True),
        lambda: locks.store.hold("not/there", False),
    ]
    for attempt in attempts:
        with pytest.raises(ObjectMissing):
            attempt()
