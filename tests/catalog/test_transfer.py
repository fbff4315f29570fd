"""The catalog goes out and in again: whole, without secrets, and never over what is there."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from azure.data.tables import TableServiceClient
from azure.storage.blob import BlobServiceClient

from holdfast.catalog import Catalog, CatalogTooNew
from holdfast.catalog.migrations import SCHEMA_VERSION
from holdfast.catalog.tables import Row
from holdfast.model.catalog_file import CatalogRow
from holdfast.model.errors import InvalidInput
from holdfast.model.point import Entry, RestorePoint
from holdfast.model.policy import Policy, parse_policy
from holdfast.model.session import Session, State

LEFT_OUT = {"holdfastmeta", "holdfastworkers", "holdfastjobs", "holdfastoutbox", "holdfastturns"}
SIGNED = "https://management.azure.com/operations/1?t=SIGNATURE"


@pytest.fixture
def fresh(azurite: tuple[Any, Iterator[Any]], clock: Any) -> Iterator[Callable[[], Catalog]]:
    """Catalogs of accounts that nobody used."""
    running, accounts = azurite
    opened: list[Any] = []

    def make() -> Catalog:
        connection = running.connection_string(next(accounts))
        opened.extend(
            [
                TableServiceClient.from_connection_string(connection),
                BlobServiceClient.from_connection_string(connection),
            ]
        )
        made = Catalog(opened[-2], opened[-1].get_container_client("catalog"), clock)
        made.prepare()
        return made

    yield make
    for client in opened:
        client.close()


def policy(name: str, **more: Any) -> Policy:
    return parse_policy(f"name: {name}\nschedules: {{daily: {{at: ['03:00'], keep_days: 7}}}}\n").model_copy(
        update=more
    )


def point(number: int, clock: Any) -> RestorePoint:
    return RestorePoint(
        id=f"2026030{number + 1}T030000Z-p",
        source="sql-a/sales",
        chain="chain",
        repository="default",
        created_at=clock.now(),
        kind="full",
        consistency="live",
        entries=[Entry(name=f"model-{n}.xml", bytes=n, sha256="0" * 64) for n in range(2000)],
    )


@pytest.fixture
def full(fresh: Callable[[], Catalog], clock: Any) -> Catalog:
    """Something of everything."""
    catalog = fresh()
    catalog.policies.put(policy("nightly"))
    catalog.policies.record_slot("nightly", "daily", clock.now())
    catalog.sessions.create(Session(id="s1", policy="nightly", state=State.RUNNING, started_at=clock.now()))
    catalog.sessions.add_sources("s1", [("sql-a/sales", "k1")])
    catalog.sessions.set_copy_operation("s1", "k1", SIGNED)
    catalog.log.write("s1", "info", "said", source="sql-a/sales")
    for number in range(3):
        catalog.points.put(point(number, clock))
    catalog.points.mark(point(2, clock).id, "missing", repository="default")
    return catalog


def rows(catalog: Catalog, most_bytes: int = 2 << 20) -> list[CatalogRow]:
    found: list[CatalogRow] = []
    after: str | None = ""
    while after is not None:
        some, after = catalog.transfer.page(after, most_bytes=most_bytes)
        found += some
    return found


def test_all_of_it_arrives_and_nothing_that_is_signed(full: Catalog, fresh: Callable[[], Catalog]) -> None:
    """A new catalog continues the installation; done again, nothing changes."""
    given, target = rows(full), fresh()
    assert "SIGNATURE" not in "".join(row.model_dump_json() for row in given)
    assert not LEFT_OUT & {row.table for row in given}
    taken = target.transfer.take(full.transfer.head(), given, identity="auto", last=True)
    assert (taken.added, taken.same, taken.kept, taken.identity) == (len(given), 0, [], "taken")
    assert target.installation == full.installation
    assert rows(target) == given
    assert target.points.list(absent=True) == full.points.list(absent=True)
    assert target.points.get("20260301T030000Z-p") == full.points.get("20260301T030000Z-p")
    assert target.policies.slots("nightly") == full.policies.slots("nightly")
    assert target.sessions.get("s1") == full.sessions.get("s1")
    assert target.log.read("s1") == full.log.read("s1")
    again = target.transfer.take(full.transfer.head(), given, identity="auto", last=True)
    assert (again.added, again.same, again.kept, again.identity) == (0, len(given), [], "same")


@pytest.mark.parametrize("most_bytes", [1, 100_000])
def test_page_by_page_it_is_the_same(full: Catalog, most_bytes: int) -> None:
    assert rows(full, most_bytes) == rows(full)
    with pytest.raises(InvalidInput):
        full.transfer.page("no cursor")


def test_what_is_there_is_never_overwritten(full: Catalog, fresh: Callable[[], Catalog], clock: Any) -> None:
    """An old export into a catalog that lived on: what it lacks comes, what differs is named and stays."""
    old, target = rows(full), fresh()
    own = target.installation
    target.policies.put(policy("nightly", priority=7))
    dry = target.transfer.take(full.transfer.head(), old, identity="auto", dry_run=True)
    assert [row.table for row in rows(target)] == ["holdfastpolicies"]
    taken = target.transfer.take(full.transfer.head(), old, identity="auto", last=True)
    assert dry == taken
    assert (taken.kept, taken.identity) == (["holdfastpolicies policies/nightly"], "kept")
    assert target.policies.get("nightly").policy.priority == 7
    assert target.installation == own != full.installation
    assert target.transfer.take(full.transfer.head(), [], identity="take").identity == "taken"
    assert target.installation == full.installation


def test_a_catalog_of_an_old_export_catches_up_with_the_repository(
    full: Catalog, fresh: Callable[[], Catalog], clock: Any
) -> None:
    """Points made since the export come with the next look into the repository; nothing is lost or taken for missing."""
    old = rows(full)
    later = point(7, clock)
    target = fresh()
    target.transfer.take(full.transfer.head(), old, identity="auto", last=True)
    truth = [*(point(number, clock) for number in range(2)), later]
    found = target.points.reconcile("default", "chain", truth)
    assert (found.added, found.missing, found.changed) == ((later.id,), (), ())
    assert [p.id for p in target.points.list().points] == [p.id for p in truth]


def test_rows_of_an_older_layout_are_brought_forward_and_newer_ones_refused(
    full: Catalog, fresh: Callable[[], Catalog]
) -> None:
    given = [
        row.model_copy(update={"values": {k: v for k, v in row.values.items() if k != "state"}})
        if row.table == "holdfastpoints"
        else row
        for row in rows(full)
    ]
    head = full.transfer.head()
    target = fresh()
    target.transfer.take(head.model_copy(update={"layout": 1}), given[:5])
    target.transfer.take(head.model_copy(update={"layout": 1}), given[5:], last=True)
    states = [row.values.get("state") for row in rows(target) if row.table == "holdfastpoints"]
    assert states == ["present"] * 6
    for change in ({"layout": SCHEMA_VERSION + 1}, {"version": 2}):
        with pytest.raises(CatalogTooNew):
            target.transfer.take(head.model_copy(update=change), [])
    for table in ("holdfastworkers", "holdfastmeta", "other"):
        with pytest.raises(InvalidInput, match=table):
            target.transfer.take(head, [CatalogRow(table=table, partition="p", key="k", values={})])


def test_a_table_that_comes_later_is_exported_by_itself(full: Catalog) -> None:
    """Nobody has to think of it."""
    for number, table in enumerate(itertools.chain(full.tables.values())):
        table.write(("create", Row("p", f"k{number}", {"column": "value"})))
    found = {row.table for row in rows(full) if row.partition == "p"}
    assert found == full.tables.keys() - LEFT_OUT
