"""Restore points: lists, details, and a catalog that fills itself again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.data.tables import TableServiceClient
from azure.storage.blob import ContainerClient

from holdfast.catalog import Catalog, Differences
from holdfast.model.errors import Conflict, InvalidInput, NotFound
from holdfast.model.point import Entry, RestorePoint, Table, point_id
from holdfast.model.source import chain_id

AT = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)


def point(number: int = 0, source: str = "sql-a/sales", **fields: Any) -> RestorePoint:
    """A point of a chain, the whole of it."""
    chain, at = chain_id(source), AT + timedelta(days=number)
    return RestorePoint(
        **{
            "id": point_id(at, chain, f"session {number}"),
            "source": source,
            "chain": chain,
            "repository": "default",
            "created_at": at,
            "kind": "increment" if number else "full",
            "consistency": "transactional",
            "flags": ["daily"],
            "entries": [Entry(name="model.xml", bytes=2**40, sha256="0" * 64)],
            "tables": [Table(schema="dbo", name="Orders", rows=None, bytes=3 * 2**33)],
            "inflated_bytes": 2**41,
            "stored_bytes": 2**33,
            "sequence": number + 1,
            **fields,
        }
    )


def test_a_point_comes_back_whole_and_is_listed_in_short(catalog: Catalog) -> None:
    """Numbers beyond 32 bits too."""
    given = point()
    catalog.points.put(given)
    catalog.points.put(given)
    assert catalog.points.get(given.id) == given
    assert catalog.points.list().points == [given.model_copy(update={"entries": [], "tables": []})]
    with pytest.raises(NotFound):
        catalog.points.get("none")
    with pytest.raises(InvalidInput):
        catalog.points.put(given.model_copy(update={"repository": ""}))


def test_a_point_of_ten_thousand_tables_fits(catalog: Catalog, container: ContainerClient) -> None:
    """Far beyond what a row takes; removed, it leaves nothing."""
    tables = [Table(schema="dbo", name=f"Table {n} {'x' * 100}", rows=n, bytes=n) for n in range(10_000)]
    given = point(tables=tables, warnings=["w" * 50_000])
    catalog.points.put(given)
    assert catalog.points.get(given.id) == given
    assert catalog.points.remove(given.id, repository="default")
    assert not catalog.points.remove(given.id, repository="default")
    assert list(container.list_blobs()) == []


def test_points_are_listed_oldest_first_whatever_the_order_of_their_coming(catalog: Catalog) -> None:
    """Across chains and repositories, page by page."""
    points = [point(n, source) for n in range(4) for source in ("sql-a/sales", "sql-b/db1", "sql-b/db10")]
    for each in reversed(points):
        catalog.points.put(each)
    ids = sorted(p.id for p in points)
    assert [p.id for p in catalog.points.list().points] == ids
    first = catalog.points.list(limit=5)
    assert [p.id for p in first.points] == ids[:5]
    assert first.after is not None
    rest = catalog.points.list(limit=7, after=first.after)
    assert [p.id for p in rest.points] == ids[5:]
    assert rest.after is None


def test_a_glob_means_the_whole_of_the_name(catalog: Catalog) -> None:
    """db1 never matches db10; a slash brings the server in."""
    for source in ("sql-a/sales", "sql-b/db1", "sql-b/DB10"):
        catalog.points.put(point(0, source))

    def found(glob: str) -> set[str]:
        return {p.source for p in catalog.points.list(database_glob=glob).points}

    assert found("db1") == {"sql-b/db1"}
    assert found("db*") == {"sql-b/db1", "sql-b/DB10"}
    assert found("SQL-B/*") == {"sql-b/db1", "sql-b/DB10"}
    assert found("*") == {"sql-a/sales", "sql-b/db1", "sql-b/DB10"}


def test_a_page_is_filled_beyond_what_does_not_fit(catalog: Catalog) -> None:
    """A glob that is rare costs no empty pages."""
    for number in range(6):
        catalog.points.put(point(number, "sql-b/other"))
    catalog.points.put(point(7))
    assert [p.source for p in catalog.points.list(database_glob="sales", limit=1).points] == ["sql-a/sales"]


def test_an_archive_copy_of_the_same_id_is_a_point_of_its_own(catalog: Catalog) -> None:
    """Asked without a repository, the one that needs no rehydration is given."""
    given = point()
    copy = given.model_copy(update={"repository": "archive", "tier": "archive"})
    catalog.points.put(copy)
    catalog.points.put(given)
    assert catalog.points.get(given.id) == given
    assert catalog.points.get(given.id, repository="archive") == copy
    assert [p.repository for p in catalog.points.list(chain=given.chain, repository="archive").points] == ["archive"]
    catalog.points.remove(given.id, repository="default")
    assert catalog.points.get(given.id) == copy


def test_an_emptied_catalog_fills_itself_again(catalog: Catalog, service: TableServiceClient) -> None:
    """The repository is the truth."""
    points = [point(n) for n in range(3)]
    chain = points[0].chain
    nameless = [p.model_copy(update={"repository": ""}) for p in points]
    found = catalog.points.reconcile("default", chain, nameless)
    assert found == Differences(added=tuple(p.id for p in points))
    assert not catalog.points.reconcile("default", chain, nameless)
    service.delete_table("holdfastpoints")
    assert catalog.points.reconcile("default", chain, nameless) == found
    assert [catalog.points.get(p.id) for p in points] == points


def test_what_differs_is_mended_and_named(catalog: Catalog) -> None:
    """One lost, one too many, one changed; other chains and repositories stay as they are."""
    here, gone, wrong = point(0), point(1), point(2)
    elsewhere, archived = point(0, "sql-b/db1"), gone.model_copy(update={"repository": "archive"})
    for each in (gone, wrong.model_copy(update={"stored_bytes": 1, "kept_because": ["hold"]}), elsewhere, archived):
        catalog.points.put(each)
    found = catalog.points.reconcile("default", here.chain, [here, wrong], dry_run=True)
    assert found == catalog.points.reconcile("default", here.chain, [here, wrong])
    assert found == Differences((here.id,), (gone.id,), (wrong.id,))
    assert here.id in str(found)
    assert [p.id for p in catalog.points.list(chain=here.chain, repository="default").points] == [here.id, wrong.id]
    assert catalog.points.get(wrong.id).stored_bytes == wrong.stored_bytes
    assert catalog.points.get(wrong.id).kept_because == ["hold"]
    assert catalog.points.get(elsewhere.id) == elsewhere
    assert catalog.points.get(gone.id) == archived, "the one that is there comes first"


def test_a_point_committed_meanwhile_is_not_taken_for_lost(catalog: Catalog, clock: Any) -> None:
    """Another session stored it after the repository was read."""
    read_at = clock.now()
    clock.advance(seconds=1)
    catalog.points.put(point())
    chain = point().chain
    assert not catalog.points.reconcile("default", chain, [], as_of=read_at)
    assert catalog.points.reconcile("default", chain, []) == Differences(missing=(point().id,))


def test_the_newest_point_of_each_chain_is_found_whatever_the_order_and_the_repository(catalog: Catalog) -> None:
    """A later copy in the archive is no newer backup."""
    for number in (2, 0, 1):
        catalog.points.put(point(number))
    catalog.points.put(point(5, "mi-a/hr"))
    catalog.points.put(point(7, repository="archive"))
    newest = catalog.points.newest(leave_out=["archive"])
    assert {c: (p.id, p.source, p.created_at) for c, p in newest.items()} == {
        p.chain: (p.id, p.source, p.created_at) for p in (point(2), point(5, "mi-a/hr"))
    }
    assert catalog.points.newest()[chain_id("sql-a/sales")].id == point(7).id


def test_the_newest_point_of_a_chain_is_found_from_a_moment_on(catalog: Catalog) -> None:
    for number in (0, 1, 2):
        catalog.points.put(point(number))
    catalog.points.put(point(5, source="sql-a/other"))
    catalog.points.put(point(4, repository="archive"))
    chain = chain_id("sql-a/sales")
    newest = AT + timedelta(days=2)
    for since in (AT - timedelta(days=400), AT, newest):
        assert catalog.points.newest_since(chain, repository="default", since=since) == newest
    assert catalog.points.newest_since(chain, repository="default", since=newest + timedelta(seconds=1)) is None
    assert catalog.points.newest_since("no such chain", repository="default", since=AT) is None


def test_a_missing_point_is_never_dropped_in_silence(catalog: Catalog, clock: Any) -> None:
    """It is shown as missing until it is there again or somebody forgets it; nothing is made of it meanwhile."""
    there, gone, deleted = point(0), point(1), point(2)
    for each in (there, gone, deleted):
        catalog.points.put(each)
    since = clock.advance(days=1)
    found = catalog.points.reconcile("default", there.chain, [there], removed=[deleted.id])
    assert found == Differences(missing=(gone.id,), deleted=(deleted.id,))
    clock.advance(days=1)
    again = catalog.points.reconcile("default", there.chain, [there], removed=[deleted.id])
    assert not again
    assert again.absent == tuple(sorted([gone.id, deleted.id]))
    shown = {p.id: (p.state, p.state_since) for p in catalog.points.list(absent=True).points}
    assert shown == {there.id: ("present", None), gone.id: ("missing", since), deleted.id: ("deleted", since)}
    assert [p.id for p in catalog.points.list(chain=there.chain).points] == [there.id]
    assert catalog.points.newest()[there.chain].id == there.id, "what is missing protects nothing"
    assert catalog.points.get(gone.id).state == "missing"
    back = catalog.points.reconcile("default", there.chain, [there, gone], removed=[deleted.id])
    assert back == Differences(returned=(gone.id,), absent=(deleted.id,))
    assert catalog.points.get(gone.id) == gone
    for kept in (there, gone):
        with pytest.raises(Conflict, match=kept.id):
            catalog.points.forget(kept.id, repository="default")
    catalog.points.forget(deleted.id, repository="default")
    with pytest.raises(NotFound):
        catalog.points.forget(deleted.id, repository="default")
    assert [p.id for p in catalog.points.list(absent=True).points] == [there.id, gone.id]


def test_points_of_others_are_told_once(catalog: Catalog) -> None:
    """Those of another installation and those that a person put there."""
    ours, theirs, somebodys = point(0, installation="us"), point(1, installation="them"), point(2)
    found = catalog.points.reconcile("default", ours.chain, [ours, theirs, somebodys], installation="us")
    assert found.foreign == (theirs.id, somebodys.id)
    assert not catalog.points.reconcile("default", ours.chain, [ours, theirs, somebodys], installation="us").foreign


def test_points_of_a_chain_since_a_moment_come_from_every_repository(catalog: Catalog) -> None:
    made = [point(n) for n in range(4)]
    copy = made[2].model_copy(update={"repository": "archive", "tier": "archive"})
    for one in (*made, copy, point(9, source="sql-a/other")):
        catalog.points.put(one)
    catalog.points.mark(made[3].id, "missing", repository=made[3].repository)
    found = catalog.points.since(made[0].chain, made[1].created_at)
    assert [(one.id, one.repository) for one in found] == [
        (made[1].id, made[1].repository),
        (made[2].id, "archive"),
        (made[2].id, made[2].repository),
    ]
    everything = list(catalog.points.everything())
    assert len(everything) == 6
    assert [one.state for one in everything].count("missing") == 1


def test_proofs_say_when_a_point_was_read_whole(catalog: Catalog, clock: Any) -> None:
    one = point(1)
    catalog.retention.record_verified(one.repository, one.chain, one.id)
    (found,) = catalog.retention.proofs()
    assert (found.repository, found.chain, found.point, found.at) == (one.repository, one.chain, one.id, clock.now())
