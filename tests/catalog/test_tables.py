"""Rows: keys, limits, compare-and-swap."""

from __future__ import annotations

import threading

import pytest
from azure.data.tables import TableServiceClient
from azure.storage.blob import ContainerClient
from hypothesis import given
from hypothesis import strategies as st

from holdfast.catalog import tables
from holdfast.catalog.details import Away
from holdfast.catalog.failures import RowChanged, RowExists
from holdfast.catalog.tables import Row, Table, joined, key_part, persist
from holdfast.model.errors import Conflict


@given(st.text(), st.text())
def test_two_texts_never_share_a_part_of_a_key(one: str, other: str) -> None:
    """Else one session's rows could be taken for another's."""
    assert (key_part(one) == key_part(other)) == (one == other)


@given(st.text())
def test_a_part_of_a_key_holds_only_what_a_key_may_hold(text: str) -> None:
    """Azure refuses / \\ # ? and control signs; | is our own border."""
    assert not set(key_part(text)) & set("/\\#?|}' \n\t%")


@given(st.lists(st.text(), min_size=1, max_size=3), st.lists(st.text(), min_size=1, max_size=3))
def test_a_prefix_holds_its_own_keys_and_no_others(prefix: list[str], rest: list[str]) -> None:
    """The range from | to } is exactly what goes on after the prefix."""
    begin = joined(*prefix)
    inside = joined(*prefix, *rest)
    assert f"{begin}|" <= inside < f"{begin}}}"
    outside = joined(prefix[0] + "x", *prefix[1:], *rest)
    assert not f"{begin}|" <= outside < f"{begin}}}"


def test_a_missing_table_is_made_by_the_first_write(table: Table) -> None:
    """An emptied account needs nobody's help."""
    assert table.read("p", "k") is None
    assert list(table.rows("p")) == []
    table.write(("create", Row("p", "k", {"a": "b", "n": 3, "yes": True, "none": None})))
    found = table.read("p", "k")
    assert found is not None
    assert dict(found.values) == {"a": "b", "n": 3, "yes": True}
    assert found.etag


def test_a_taken_key_and_an_outdated_row_are_refused(table: Table) -> None:
    """Insert and compare-and-swap are what everything else stands on."""
    table.write(("create", Row("p", "k", {"n": 1})))
    with pytest.raises(RowExists):
        table.write(("create", Row("p", "k", {"n": 2})))
    old = table.read("p", "k")
    assert old is not None
    table.write(("replace", old.with_values(n=2)))
    with pytest.raises(RowChanged):
        table.write(("replace", old.with_values(n=3)))
    with pytest.raises(RowChanged):
        table.write(("delete", old))
    assert table.read("p", "k").values["n"] == 2  # type: ignore[union-attr]


def test_rows_of_one_write_come_all_or_none(table: Table) -> None:
    """A transaction that one row spoils leaves no other behind."""
    table.write(("create", Row("p", "b", {"n": 1})))
    with pytest.raises(RowExists):
        table.write(("create", Row("p", "a", {"n": 1})), ("create", Row("p", "b", {"n": 2})))
    assert [row.key for row in table.rows("p")] == ["b"]


def test_rows_come_in_order_across_pages_and_from_any_place(table: Table) -> None:
    """A page of the service holds 1,000 rows at most; nobody should notice."""
    keys = [joined("w", f"{n:05d}") for n in range(1150)]
    for first in range(0, len(keys), 100):
        table.write(*(("create", Row("p", key, {"odd": int(key[-1]) % 2 == 1})) for key in keys[first : first + 100]))
    assert [row.key for row in table.rows("p")] == keys
    assert [row.key for row in table.rows("p", after=keys[1140])] == keys[1141:]
    assert len(list(table.rows("p", prefix=("w",), where={"odd": True}))) == 575
    assert list(table.rows("p", prefix=("x",))) == []


def _blobs(container: ContainerClient) -> list[str]:
    return [str(blob.name) for blob in container.list_blobs()]


def test_a_text_that_no_property_takes_goes_to_the_details_container(table: Table, container: ContainerClient) -> None:
    """A property takes 64 KiB of UTF-16; the row then names the blob, and a replaced text leaves none behind."""
    long, longer = "ö" * 40_000, "x" * 900_000
    table.write(("create", Row("p", "k", {"a": long, "b": "short"})))
    found = table.read("p", "k")
    assert found is not None
    assert isinstance(found.values["a"], Away)
    assert table.value(found, "a") == long
    assert table.value(found, "b") == "short"
    first = _blobs(container)
    table.write(("replace", found.with_values(a=longer)))
    again = table.read("p", "k")
    assert again is not None
    assert table.value(again, "a") == longer
    assert len(_blobs(container)) == 1
    assert _blobs(container) != first
    with pytest.raises(RowChanged):
        table.value(found, "a")
    assert table.erase("p", "k")
    assert _blobs(container) == []


def test_many_long_texts_fit_a_row_of_one_mebibyte(table: Table) -> None:
    """Each alone fits its property; together they would not fit the row."""
    values = {f"c{n}": "x" * 29_000 for n in range(30)}
    table.write(("create", Row("p", "k", values)))
    found = table.read("p", "k")
    assert found is not None
    assert {column: table.value(found, column) for column in values} == values


def test_an_untouched_text_in_the_container_is_not_written_again(table: Table, container: ContainerClient) -> None:
    """A change of one column costs no rewrite of a megabyte."""
    table.write(("create", Row("p", "k", {"details": "much", "n": 1})))
    before = _blobs(container)
    table.change("p", "k", lambda row: row.with_values(n=2) if row else None)
    assert _blobs(container) == before
    found = table.read("p", "k")
    assert found is not None
    assert table.value(found, "details") == "much"


def test_a_refused_write_leaves_no_text_behind(table: Table, container: ContainerClient) -> None:
    """The loser of a race cleans up what it wrote for its row, and not what the winner's row names."""
    table.write(("create", Row("p", "k", {"details": "winner"})))
    kept = _blobs(container)
    with pytest.raises(RowExists):
        table.write(("create", Row("p", "k", {"details": "loser"})))
    assert _blobs(container) == kept


def test_two_writers_lose_no_change(table: Table) -> None:
    """Eight threads count to 80 together."""

    def count() -> None:
        for _ in range(10):
            table.change(
                "p",
                "k",
                lambda row: (
                    Row("p", "k", {"n": 1}) if row is None else row.with_values(n=int(str(row.values["n"])) + 1)
                ),
            )

    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert table.read("p", "k").values["n"] == 80  # type: ignore[union-attr]


def test_who_is_always_too_late_hears_of_a_conflict(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries end."""
    monkeypatch.setattr(tables, "ATTEMPTS", 3)
    tried: list[int] = []

    def late() -> None:
        tried.append(1)
        raise RowChanged("k")

    with pytest.raises(Conflict, match="3 times"):
        persist(late, "the row")
    assert len(tried) == 3


def test_a_change_that_changes_nothing_writes_nothing(table: Table) -> None:
    """So that repeating it does not disturb others."""
    table.write(("create", Row("p", "k", {"n": 1})))
    before = table.read("p", "k")
    table.change("p", "k", lambda row: row)
    assert table.read("p", "k") == before


def test_a_row_that_goes_while_it_is_listed_is_no_error(table: Table, service: TableServiceClient) -> None:
    """The list is read page by page; a deleted table ends it."""
    table.write(("create", Row("p", "k", {"n": 1})))
    service.delete_table("rows")
    assert list(table.rows("p")) == []
