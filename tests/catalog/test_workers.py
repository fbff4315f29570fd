"""The pool: who gets which worker, also where many ask at once."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.catalog import Catalog, Lease
from holdfast.catalog.pool import LONGEST_NAME, worker_name
from holdfast.model.errors import NotFound
from holdfast.settings import WorkerProfile

REGION, PROFILE = "westeurope", "standard"


def settings(parallel: int = 1, most: int = 2) -> WorkerProfile:
    """A profile."""
    return WorkerProfile(regions={}, writer_identity="i", writer_client_id="c", parallel=parallel, max_workers=most)


def lease(catalog: Catalog, key: str, session: str = "s1", profile: WorkerProfile | None = None) -> Lease:
    """A lease in the one pool of these tests."""
    return catalog.workers.lease(REGION, PROFILE, "writer", session, key, profile or settings())


def name_of(found: Lease) -> str:
    """The worker's name."""
    assert found.worker is not None
    return found.worker.name


def test_the_first_source_has_a_worker_made_and_the_row_is_there_before_it(catalog: Catalog) -> None:
    """A crash in between is found again by the row."""
    found = lease(catalog, "k1")
    assert found.action == "create"
    assert name_of(found) == "hf-westeurope-standard-1"
    assert catalog.workers.list() == [found.worker]
    assert catalog.workers.get(name_of(found)).slots == {"k1": "s1"}


def test_asking_again_gives_the_same_slot(catalog: Catalog) -> None:
    """An activity that runs twice, at every stage of the worker's life."""
    first = lease(catalog, "k1")
    assert lease(catalog, "k1") == first
    catalog.workers.set_state(name_of(first), "running", resource_id="id", boot_id="b1")
    ready = lease(catalog, "k1")
    assert (ready.action, name_of(ready)) == ("ready", name_of(first))
    assert lease(catalog, "k1") == ready
    assert len(catalog.workers.list()) == 1


def test_one_that_runs_comes_before_one_that_must_be_started_or_made(catalog: Catalog) -> None:
    """And a deallocated one before a new one; a full pool makes the next one wait."""
    first = name_of(lease(catalog, "k1"))
    second = name_of(lease(catalog, "k2"))
    assert first != second
    assert lease(catalog, "k3") == Lease(worker=None, action="wait")
    catalog.workers.set_state(first, "running")
    catalog.workers.set_state(second, "running")
    catalog.workers.release("s1", "k1")
    catalog.workers.release("s1", "k2")
    assert catalog.workers.retire(first, "stopping")
    catalog.workers.set_state(first, "deallocated")
    assert (name_of(lease(catalog, "k3")), lease(catalog, "k3").action) == (second, "ready")
    started = lease(catalog, "k4")
    assert (name_of(started), started.action) == (first, "start")
    assert started.worker is not None
    assert started.worker.state == "starting"
    assert lease(catalog, "k4").action == "start"


def test_a_worker_on_its_way_takes_more_sources_and_each_is_told_to_bring_it_up(catalog: Catalog) -> None:
    """The first may have died before it asked Azure; bringing it up is safe to repeat."""
    both = settings(parallel=2)
    first, second, third = (lease(catalog, k, profile=both) for k in ("k1", "k2", "k3"))
    assert name_of(first) == name_of(second) != name_of(third)
    assert second.action == "create"


def test_roles_profiles_and_regions_do_not_mix(catalog: Catalog) -> None:
    """The maintainer's identity is never on a writer's machine."""
    catalog.workers.set_state(name_of(lease(catalog, "k1")), "running")
    catalog.workers.release("s1", "k1")
    others = [
        catalog.workers.lease(REGION, PROFILE, "maintainer", "s1", "k2", settings()),
        catalog.workers.lease("northeurope", PROFILE, "writer", "s1", "k3", settings()),
        catalog.workers.lease(REGION, "large", "writer", "s1", "k4", settings()),
    ]
    assert [found.action for found in others] == ["create"] * 3
    assert len({name_of(found) for found in others}) == 3
    assert lease(catalog, "k5").action == "ready"


def test_many_that_ask_at_once_never_get_more_than_there_is(catalog: Catalog) -> None:
    """24 ask for a pool of 3 × 2: six slots are given, each once, and the rest waits."""
    profile, found = settings(parallel=2, most=3), dict[int, Lease]()

    def ask(number: int) -> None:
        found[number] = lease(catalog, f"k{number}", profile=profile)

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(f.action for f in found.values()) == {"create": 6, "wait": 18}
    workers = catalog.workers.list()
    assert len(workers) == 3
    assert all(len(worker.slots) == 2 for worker in workers)
    given_out = {f"k{n}" for n, f in found.items() if f.worker is not None}
    assert {key for worker in workers for key in worker.slots} == given_out


def test_the_same_source_asking_twice_at_once_gets_one_slot(catalog: Catalog) -> None:
    """An activity delivered twice."""
    found: list[Lease] = []
    threads = [threading.Thread(target=lambda: found.append(lease(catalog, "k1"))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({name_of(f) for f in found}) == 1
    assert len(catalog.workers.list()) == 1


def test_a_source_of_two_sessions_never_shares_a_worker(catalog: Catalog) -> None:
    """Its slots would be one."""
    both = settings(parallel=4)
    assert name_of(lease(catalog, "k1", "s1", both)) != name_of(lease(catalog, "k1", "s2", both))
    catalog.workers.release("s2", "k1")
    assert [sorted(w.slots.items()) for w in catalog.workers.list()] == [[("k1", "s1")], []]


def test_numbers_are_never_used_twice(catalog: Catalog) -> None:
    """A new machine must not find the messages of an old one of its name."""
    first = name_of(lease(catalog, "k1"))
    assert catalog.workers.remove(first)
    assert not catalog.workers.remove(first)
    assert name_of(lease(catalog, "k1")).endswith("-2")


def test_a_failed_worker_loses_its_sources_and_is_not_given_out(catalog: Catalog) -> None:
    """The next attempt gets another one, and the broken one can be deleted."""
    first = name_of(lease(catalog, "k1"))
    catalog.workers.set_state(first, "failed", failure="AllocationFailed: no room")
    second = lease(catalog, "k1")
    assert name_of(second) != first
    broken = catalog.workers.get(first)
    assert (broken.slots, broken.failure) == ({}, "AllocationFailed: no room")
    assert catalog.workers.retire(first, "deleting")


def test_a_worker_in_use_is_not_retired(catalog: Catalog) -> None:
    """Whoever deallocates asks first, and asks the catalog."""
    name = name_of(lease(catalog, "k1"))
    catalog.workers.set_state(name, "running")
    assert not catalog.workers.retire(name, "stopping")
    assert catalog.workers.get(name).state == "running"
    assert not catalog.workers.retire("none", "stopping")
    catalog.workers.release("s1", "k1")
    assert catalog.workers.retire(name, "stopping")
    assert catalog.workers.retire(name, "stopping")
    assert lease(catalog, "k2").action == "create"
    catalog.workers.set_state(name, "deallocated")
    assert not catalog.workers.retire(name, "stopping")


def test_a_lease_and_a_retirement_at_once_do_not_both_win(catalog: Catalog) -> None:
    """A machine is never stopped under a source that was just given it."""
    for turn in range(10):
        name = name_of(lease(catalog, "k"))
        catalog.workers.set_state(name, "running")
        catalog.workers.release("s1", "k")
        with ThreadPoolExecutor() as pool:
            calls = [(catalog.workers.retire, name, "stopping"), (lease, catalog, "k")]
            running = [pool.submit(*call) for call in (calls if turn % 2 else reversed(calls))]
        retired, leased = (f.result() for f in (running if turn % 2 else reversed(running)))
        assert retired == (name_of(leased) != name)
        assert catalog.workers.get(name).state == ("stopping" if retired else "running")
        for worker in catalog.workers.list():
            catalog.workers.remove(worker.name)


def test_workers_that_a_session_used_last_and_nobody_uses_are_its_to_stop(catalog: Catalog) -> None:
    """Not those that another session has a slot on or used after it."""
    both = settings(parallel=2)
    shared = name_of(lease(catalog, "k1", "s1", both))
    catalog.workers.set_state(shared, "running")
    lease(catalog, "k2", "s2", both)
    catalog.workers.release("s1", "k1")
    assert catalog.workers.unused_by("s1") == []
    assert catalog.workers.unused_by("s2") == []
    assert [w.name for w in catalog.workers.release("s2", "k2")] == [shared]
    assert catalog.workers.release("s2", "k2") == []
    assert catalog.workers.unused_by("s1") == []
    assert [w.name for w in catalog.workers.unused_by("s2")] == [shared]


def test_a_session_gives_back_all_its_slots_at_once(catalog: Catalog) -> None:
    """The way out when an orchestration died."""
    both = settings(parallel=2)
    for key, session in (("k1", "s1"), ("k2", "s2"), ("k3", "s1")):
        lease(catalog, key, session, both)
    catalog.workers.release_session("s1")
    assert [dict(w.slots) for w in catalog.workers.list()] == [{"k2": "s2"}, {}]


def test_idle_time_counts_from_the_last_slot(catalog: Catalog, clock: Any) -> None:
    """By the one clock, and anew after every use."""
    name = name_of(lease(catalog, "k1"))
    assert catalog.workers.get(name).idle_since is None
    for _ in range(2):
        clock.advance(minutes=1)
        catalog.workers.release("s1", "k1")
        assert catalog.workers.get(name).idle_since == clock.now()
        clock.advance(minutes=1)
        lease(catalog, "k1")
        assert catalog.workers.get(name).idle_since is None


def test_a_state_is_only_left_from_where_the_caller_expects(catalog: Catalog, clock: Any) -> None:
    """A late `running` does not wake a worker that is being deleted."""
    name = name_of(lease(catalog, "k1"))
    catalog.workers.set_state(name, "deleting")
    found = catalog.workers.set_state(name, "running", expected=("creating", "starting"))
    assert found.state == "deleting"
    with pytest.raises(NotFound):
        catalog.workers.set_state("none", "running")


def test_the_time_of_a_state_is_that_of_its_first_telling(catalog: Catalog, clock: Any) -> None:
    """So that a stuck one can be told from one that was just looked at."""
    name = name_of(lease(catalog, "k1"))
    since = catalog.workers.set_state(name, "running").changed_at
    clock.advance(minutes=5)
    assert catalog.workers.set_state(name, "running").changed_at == since
    assert catalog.workers.set_state(name, "failed", failure="x").changed_at == clock.now()
    assert catalog.workers.set_state(name, "running").failure is None


@given(
    st.text(min_size=1, max_size=30),
    st.text(min_size=1, max_size=80),
    st.text(min_size=1, max_size=80),
    st.integers(1, 10**6),
)
def test_names_fit_a_queue_and_two_profiles_never_share_one(region: str, one: str, other: str, number: int) -> None:
    """`worker-<name>` has at most 63 signs, no doubled hyphen, no capital."""
    name = worker_name(region, one, number)
    assert len(name) <= LONGEST_NAME
    assert not set(name) - set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert "--" not in name
    assert name.endswith(f"-{number}")
    if one != other:
        assert name != worker_name(region, other, number)
