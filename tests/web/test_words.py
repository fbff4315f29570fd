"""Figures as people read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.model.costs.money import Band
from holdfast.web import words

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("count", "said"),
    [
        *[(None, "–"), (0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (1499, "1.5 kB"), (99_400, "99.4 kB")],
        *[(999_499, "999 kB"), (999_500, "1.0 MB"), (7_700_000_000, "7.7 GB"), (10**18, "1000 PB")],
    ],
)
def test_sizes_are_decimal(count: int | None, said: str) -> None:
    assert words.size(count) == said


@given(st.integers(0, 10**19), st.integers(0, 10**19))
def test_a_size_never_reads_smaller_than_a_smaller_one(one: int, other: int) -> None:
    def value(count: int) -> float:
        figure, unit = words.size(count).split(" ")
        return float(figure) * 1000 ** ("B", "kB", "MB", "GB", "TB", "PB").index(unit)

    small, large = sorted((one, other))
    assert value(small) <= value(large)
    assert value(large) == pytest.approx(large, rel=0.06)


@pytest.mark.parametrize(
    ("length", "said"),
    [
        (timedelta(seconds=-5), "0 s"),
        (timedelta(seconds=41), "41 s"),
        (timedelta(minutes=5, seconds=59), "5 min"),
        (timedelta(hours=2, minutes=5), "2 h 5 min"),
        (timedelta(days=3, minutes=7), "3 d 7 min"),
    ],
)
def test_lengths_have_two_units_at_most(length: timedelta, said: str) -> None:
    assert words.span(length) == said


def test_moments_are_told_from_now() -> None:
    assert words.ago(NOW - timedelta(seconds=3), NOW) == "just now"
    assert words.ago(NOW - timedelta(hours=9, minutes=4), NOW) == "9 h ago"
    assert words.ago(NOW + timedelta(days=2, hours=3), NOW) == "in 2 d"
    assert words.utc(NOW) == "2026-11-26 12:00:00 UTC"


def test_money_has_a_range_only_where_there_is_one() -> None:
    assert words.money(Band.of(Decimal("1234.5")), "EUR") == "1,234.50 EUR"
    assert words.money(Band.of(1.0, 2.0, 3.5), "USD") == "2.00 USD (1.00 to 3.50)"
