"""Visits: opened, over, ended; what lies in the table opens nothing."""

from __future__ import annotations

from holdfast.catalog.visits import VISIT_LIFE


def test_a_visit_is_open_until_its_time_is_up_or_it_is_ended(catalog, clock) -> None:
    first, second = catalog.visits.begin(), catalog.visits.begin()
    assert first != second
    assert catalog.visits.is_open(first)
    catalog.visits.end(second)
    assert not catalog.visits.is_open(second)
    catalog.visits.end(second)
    clock.advance(seconds=VISIT_LIFE.total_seconds())
    assert not catalog.visits.is_open(first)


def test_what_is_stored_opens_nothing_and_leaves_with_no_export(catalog, clock) -> None:
    secret = catalog.visits.begin()
    rows = list(catalog.tables["holdfastmeta"].rows("visits"))
    assert len(rows) == 1
    assert secret not in repr(rows)
    assert not catalog.visits.is_open(rows[0].key)
    exported, _ = catalog.transfer.page()
    assert "visits" not in {row.partition for row in exported}


def test_visits_that_are_over_are_forgotten(catalog, clock) -> None:
    for _ in range(3):
        catalog.visits.begin()
    clock.advance(seconds=VISIT_LIFE.total_seconds())
    catalog.visits.begin()
    assert len(list(catalog.tables["holdfastmeta"].rows("visits"))) == 1


def test_a_made_up_secret_is_no_row_of_another(catalog) -> None:
    for secret in ("", "x", "../visits", "\u0000", "x" * 5000):
        assert not catalog.visits.is_open(secret)
