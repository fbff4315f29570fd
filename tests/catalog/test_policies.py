"""Policies and their slots."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

from holdfast.catalog import Catalog
from holdfast.model.errors import Conflict, NotFound
from holdfast.model.policy import Policy, policy_from


def policy(name: str = "nightly", **fields: object) -> Policy:
    """A policy."""
    return policy_from({"name": name, "schedules": {"daily": {"at": ["03:00"], "keep_days": 7}}, **fields})


def test_a_policy_comes_back_as_it_was_put(catalog: Catalog) -> None:
    """All fields, and nothing that was not said."""
    instance = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Sql/managedInstances/mi"
    given = policy(
        priority=7,
        select={"databases": ["*/sales"]},
        staging={"managed_instance": instance},
        drill={"every": "30d", "target": instance},
        start_date="2026-01-01",
        notify=["ops"],
    )
    stored = catalog.policies.put(given)
    assert stored.policy == given
    assert stored.policy.model_fields_set == given.model_fields_set
    assert catalog.policies.get("nightly") == stored


def test_policies_are_listed_by_name(catalog: Catalog) -> None:
    """All of them."""
    for name in ("b", "c", "a"):
        catalog.policies.put(policy(name))
    assert [p.policy.name for p in catalog.policies.list()] == ["a", "b", "c"]


def test_putting_it_again_changes_nothing(catalog: Catalog) -> None:
    """A repeated request keeps the ETag and the time."""
    first = catalog.policies.put(policy())
    assert catalog.policies.put(policy(), etag=first.etag) == first


def test_an_outdated_etag_is_a_conflict(catalog: Catalog) -> None:
    """The second of two editors must look at the first one's change."""
    first = catalog.policies.put(policy())
    catalog.policies.put(policy(priority=1), etag=first.etag)
    with pytest.raises(Conflict):
        catalog.policies.put(policy(priority=2), etag=first.etag)
    with pytest.raises(Conflict):
        catalog.policies.delete("nightly", etag=first.etag)
    with pytest.raises(Conflict):
        catalog.policies.put(policy(priority=2), etag="")
    assert catalog.policies.get("nightly").policy.priority == 1


def test_one_of_two_editors_at_once_wins(catalog: Catalog) -> None:
    """Eight write over the same version; seven hear of a conflict."""
    etag = catalog.policies.put(policy()).etag
    lost: list[int] = []

    def edit(number: int) -> None:
        try:
            catalog.policies.put(policy(priority=number), etag=etag)
        except Conflict:
            lost.append(number)

    threads = [threading.Thread(target=edit, args=(n,)) for n in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(lost) == 7
    assert catalog.policies.get("nightly").policy.priority not in lost


def test_a_deleted_policy_is_gone_with_its_slots(catalog: Catalog, clock: object) -> None:
    """One of the same name begins anew."""
    catalog.policies.put(policy())
    catalog.policies.record_slot("nightly", "daily", datetime(2026, 3, 1, 3, tzinfo=UTC))
    catalog.policies.delete("nightly")
    with pytest.raises(NotFound):
        catalog.policies.get("nightly")
    with pytest.raises(NotFound):
        catalog.policies.delete("nightly")
    assert catalog.policies.slots("nightly") == {}


def test_a_slot_is_started_by_the_first_clock_only(catalog: Catalog) -> None:
    """Two clocks wake up for the same slot; an older slot is never started after a newer one."""
    slot = datetime(2026, 3, 1, 3, tzinfo=UTC)
    won: list[bool] = []
    threads = [
        threading.Thread(target=lambda: won.append(catalog.policies.record_slot("nightly", "daily", slot)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == [False] * 7 + [True]
    assert not catalog.policies.record_slot("nightly", "daily", slot - timedelta(days=1))
    assert catalog.policies.record_slot("nightly", "daily", slot + timedelta(days=1))
    assert catalog.policies.record_slot("nightly-2", "daily", slot)
    assert catalog.policies.slots("nightly") == {"daily": slot + timedelta(days=1)}
