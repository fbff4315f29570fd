"""The contract in `holdfast.storage.interface`, kept by every store."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from holdfast.model.errors import InvalidInput, Rehydrating
from holdfast.storage import AlreadyExists, LeaseHeld, LeaseLost, ObjectMissing, ObjectStore, Tier

DURATION = timedelta(seconds=15)


def test_what_was_put_is_given_back(store: ObjectStore) -> None:
    store.put("a/b", b"some bytes")
    assert store.get("a/b") == b"some bytes"
    assert store.stat("a/b").bytes == 10


def test_an_empty_object_is_an_object(store: ObjectStore) -> None:
    store.put("empty", b"")
    assert store.get("empty") == b""
    assert b"".join(store.stream("empty")) == b""
    assert [info.name for info in store.list()] == ["empty"]


def test_parts_are_joined_in_order(store: ObjectStore) -> None:
    store.put("parts", [b"one ", b"", b"two ", memoryview(b"three").tobytes()])
    assert store.get("parts") == b"one two three"


def test_a_large_object_of_many_parts_comes_back_whole(store: ObjectStore) -> None:
    """Larger than a block, with parts that do not end where blocks do."""
    parts = [bytes([n]) * 777_777 for n in range(26)]
    store.put("large", parts)
    whole = b"".join(parts)
    assert store.get("large") == whole
    pieces = list(store.stream("large"))
    assert b"".join(pieces) == whole
    assert max(map(len, pieces)) <= 4 << 20
    assert store.get_range("large", 8 << 20, 100) == whole[8 << 20 : (8 << 20) + 100]


@pytest.mark.parametrize("size", [3, 20 << 20])
def test_put_never_overwrites(store: ObjectStore, size: int) -> None:
    store.put("taken", b"first")
    with pytest.raises(AlreadyExists, match="taken"):
        store.put("taken", b"x" * size)
    assert store.get("taken") == b"first"


def test_of_many_that_put_one_name_exactly_one_succeeds(store: ObjectStore) -> None:
    barrier = threading.Barrier(6)

    def put(number: int) -> bool:
        barrier.wait()
        try:
            store.put("race", f"writer {number}".encode() * 1000)
        except AlreadyExists:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        won = list(pool.map(put, range(6)))
    assert won.count(True) == 1
    assert store.get("race") == f"writer {won.index(True)}".encode() * 1000


def test_ranges_end_where_the_object_ends(store: ObjectStore) -> None:
    store.put("r", b"0123456789")
    assert store.get_range("r", 2, 3) == b"234"
    assert store.get_range("r", 8, 100) == b"89"
    assert store.get_range("r", 10, 1) == b""
    assert store.get_range("r", 50, 1) == b""
    assert store.get_range("r", 3, 0) == b""


def test_what_is_not_there_is_missing_by_name(store: ObjectStore) -> None:
    store.put("there/is", b"x")
    attempts: list[Any] = [
        lambda: store.get("not/there"),
        lambda: store.get_range("not/there", 0, 1),
        lambda: store.get_range("not/there", 0, 0),
        lambda: b"".join(store.stream("not/there")),
        lambda: store.stat("not/there"),
        lambda: store.set_tier("not/there", Tier.COOL),
        lambda: store.rehydrate("not/there"),
        lambda: store.get("there"),
        lambda: store.get("there/is/not"),
    ]
    for attempt in attempts:
        with pytest.raises(ObjectMissing):
            attempt()


def test_the_list_is_sorted_as_bytes_and_cut_to_the_prefix(store: ObjectStore) -> None:
    names = ["a", "a-b", "a.b", "a/b", "a/b.c", "a/b/c", "a0", "A", "ab", "b/1", "b/10", "b/2"]
    for name in reversed(names):
        if name in ("a/b", "a"):  # a folder cannot be a file beside it; the repository never asks for that
            continue
        store.put(name, name.encode())
    listed = [info.name for info in store.list()]
    assert listed == sorted((name for name in names if name not in ("a/b", "a")), key=str.encode)
    assert [info.name for info in store.list("b/1")] == ["b/1", "b/10"]
    assert [info.name for info in store.list("a/b")] == ["a/b.c", "a/b/c"]
    assert list(store.list("nothing/here")) == []
    assert {info.name: info.bytes for info in store.list("b/")} == {"b/1": 3, "b/10": 4, "b/2": 3}


def test_a_new_opening_sees_what_was_put(under_test: Any) -> None:
    under_test.store.put("kept", b"kept")
    assert under_test.reopen().get("kept") == b"kept"


def test_delete_removes_and_may_be_repeated(store: ObjectStore) -> None:
    store.put("gone/soon", b"x")
    store.delete("gone/soon")
    store.delete("gone/soon")
    with pytest.raises(ObjectMissing):
        store.get("gone/soon")
    assert list(store.list()) == []


@pytest.mark.parametrize(
    "name", ["", "/a", "a/", "a//b", "../a", "a/../b", ".hidden", "a/.b", "a b", "ä", "a\\b", "a\nb"]
)
def test_names_that_lead_elsewhere_are_refused(store: ObjectStore, name: str) -> None:
    with pytest.raises(InvalidInput):
        store.put(name, b"x")
    with pytest.raises(InvalidInput):
        store.get(name)


def test_a_held_lease_is_not_given_again(under_test: Any) -> None:
    store, other = under_test.store, under_test.reopen()
    lease = store.acquire("locks/c", "first", DURATION)
    with pytest.raises(LeaseHeld, match="first"):
        other.acquire("locks/c", "second", DURATION)
    with pytest.raises(LeaseHeld):
        store.acquire("locks/c", "first", DURATION)
    store.renew(lease)
    store.acquire("locks/d", "second", DURATION)  # another name is free


def test_a_released_lease_is_free_and_the_fence_grows(store: ObjectStore) -> None:
    fences = []
    for owner in ("one", "two", "three"):
        lease = store.acquire("locks/c", owner, DURATION)
        fences.append(lease.fence)
        store.release(lease)
        store.release(lease)
    assert all(later > earlier for earlier, later in pairwise(fences))
    with pytest.raises(LeaseLost):
        store.renew(lease)


def test_a_lease_ends_by_itself_and_its_holder_learns_it(under_test: Any) -> None:
    """The one that died loses its hold; waking up, it can neither renew nor end the other's lease."""
    store = under_test.store
    dead = store.acquire("locks/c", "dead", DURATION)
    under_test.pass_time(16)
    alive = under_test.reopen().acquire("locks/c", "alive", DURATION)
    assert alive.fence > dead.fence
    with pytest.raises(LeaseLost):
        store.renew(dead)
    store.release(dead)
    with pytest.raises(LeaseHeld):
        store.acquire("locks/c", "third", DURATION)
    store.renew(alive)


def test_renewing_starts_the_duration_anew(under_test: Any) -> None:
    store = under_test.store
    lease = store.acquire("locks/c", "long", DURATION)
    for _ in range(2):
        under_test.pass_time(9)
        lease = store.renew(lease)
    with pytest.raises(LeaseHeld):
        store.acquire("locks/c", "other", DURATION)


def test_an_object_put_into_the_archive_tier_is_listed_but_not_read(store: ObjectStore) -> None:
    store.put("cold/pack", b"cold", tier=Tier.ARCHIVE)
    assert [info.bytes for info in store.list("cold/")] == [4]
    if not store.tiers:
        assert store.get("cold/pack") == b"cold"
        assert store.stat("cold/pack").readable
        return
    for attempt in (
        lambda: store.get("cold/pack"),
        lambda: store.get_range("cold/pack", 0, 1),
        lambda: list(store.stream("cold/pack")),
        lambda: store.set_tier("cold/pack", Tier.HOT),
    ):
        with pytest.raises(Rehydrating, match="cold/pack"):
            attempt()
    info = store.stat("cold/pack")
    assert (info.tier, info.readable) == (Tier.ARCHIVE, False)
    assert [one.tier for one in store.list("cold/")] == [Tier.ARCHIVE]


def test_a_large_object_can_be_put_into_the_archive_tier(store: ObjectStore) -> None:
    store.put("cold/large", [b"x" * (5 << 20)] * 3, tier=Tier.ARCHIVE)
    assert store.stat("cold/large").readable is not store.tiers


def test_rehydration_starts_and_may_be_repeated(store: ObjectStore) -> None:
    store.put("cold/pack", b"cold", tier=Tier.ARCHIVE)
    first = store.rehydrate("cold/pack", "High")
    assert first.readable or first.rehydrating
    store.rehydrate("cold/pack")
    finish = getattr(store, "finish_rehydration", None)
    if finish:
        with pytest.raises(Rehydrating):
            store.get("cold/pack")
        finish()
    assert store.get("cold/pack") == b"cold"
    assert store.rehydrate("cold/pack").readable


def test_the_readable_tiers_can_be_changed(store: ObjectStore) -> None:
    store.put("warm", b"warm")
    store.set_tier("warm", Tier.COOL)
    store.set_tier("warm", Tier.COOL)
    assert store.get("warm") == b"warm"
    assert store.stat("warm").tier is (Tier.COOL if store.tiers else Tier.HOT)
    store.set_tier("warm", Tier.ARCHIVE)
    assert store.stat("warm").readable is not store.tiers
