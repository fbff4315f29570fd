"""What was measured replaces what was taken for granted, and says where it comes from."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.model.costs.assumptions import Assumptions
from holdfast.model.costs.calibration import LEAST_FOR_RATES, Measurement, calibrated
from holdfast.model.costs.money import GB

DAY = timedelta(days=1)


def measurement(**more: object) -> Measurement:
    fields = {"session": "s1", "source": "a/b", "inflated_bytes": 10 * GB, "stored_bytes": 3 * GB, "full": True}
    return Measurement(**{**fields, **more})


def test_nothing_measured_leaves_the_defaults() -> None:
    assert calibrated([], Assumptions()) == Assumptions()


def test_rates_are_seconds_a_gb_and_name_their_session() -> None:
    found = calibrated([measurement(export_time=timedelta(seconds=250))], Assumptions())
    assert found.export_time.value.expected == Decimal("25.0")
    assert found.export_time.source == "measured 1 times in s1"
    assert (float(found.export_time.value.low), float(found.export_time.value.high)) == (20, 31.25)
    assert found.store_time == Assumptions().store_time


def test_a_full_tells_the_compression_and_an_increment_the_change() -> None:
    found = calibrated(
        [
            measurement(),
            measurement(session="s2", full=False, stored_bytes=3 * GB // 100, since_last=DAY),
        ],
        Assumptions(),
    )
    assert float(found.compression.value.expected) == pytest.approx(0.3)
    assert float(found.change.value.expected) == pytest.approx(0.01)
    assert found.change.source == "measured 1 times in s2"


def test_change_over_many_days_is_brought_to_one() -> None:
    """A week apart, half of what a full takes: 1 − 0.5^(1/7) a day."""
    week = measurement(full=False, stored_bytes=1.5 * GB, since_last=7 * DAY)
    found = calibrated([measurement(), week], Assumptions())
    assert float(found.change.value.expected) == pytest.approx(1 - 0.5 ** (1 / 7), abs=1e-5)


def test_small_databases_tell_nothing_of_rates() -> None:
    small = measurement(inflated_bytes=LEAST_FOR_RATES - 1, export_time=timedelta(seconds=60))
    assert calibrated([small], Assumptions()).export_time == Assumptions().export_time


def test_of_many_measurements_the_outer_tenths_are_left_out() -> None:
    many = [
        measurement(session=f"s{n:02}", export_time=timedelta(seconds=1_000_000 if n == 0 else 10 * (20 + n % 3)))
        for n in range(30)
    ]
    found = calibrated(many, Assumptions()).export_time
    assert found.value.high < 25
    assert found.source == "measured 30 times in 30 sessions, s00 to s29"


durations = st.one_of(st.none(), st.integers(-5, 10**6).map(lambda s: timedelta(seconds=s)))


@given(
    st.lists(
        st.builds(
            Measurement,
            session=st.sampled_from(["s1", "s2"]),
            source=st.just("a/b"),
            inflated_bytes=st.integers(0, 10**13),
            stored_bytes=st.integers(0, 10**13),
            full=st.booleans(),
            since_last=durations,
            copy_time=durations,
            export_time=durations,
            store_time=durations,
        ),
        max_size=15,
    )
)
def test_whatever_was_recorded_makes_bands_in_order_and_shares_that_are_some(found: list[Measurement]) -> None:
    made = calibrated(found, Assumptions())
    for name in Assumptions.model_fields:
        value = getattr(made, name).value
        assert 0 <= value.low <= value.expected <= value.high
    assert made.change.value.expected <= 1
