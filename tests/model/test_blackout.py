"""Slots wait for the end of a blackout, whatever the clocks do; databases are spread over the jitter."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.model.blackout import delay_of, start_of, wait_at
from holdfast.model.errors import InvalidPolicy
from holdfast.model.policy import Policy, parse_policy, policy_from
from holdfast.model.policy_schedules import WEEKDAYS
from holdfast.model.schedule import due_slot, slot_day, slots_after, starts_after


def policy(*windows: dict[str, Any], zone: str = "UTC", jitter: int = 0, at: tuple[str, ...] = ("03:00",)) -> Policy:
    daily = {"at": list(at), "keep_days": 7}
    whole = {"name": "a", "time_zone": zone, "blackout": list(windows), "jitter_minutes": jitter}
    return policy_from({**whole, "schedules": {"daily": daily}})


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


OFFICE = {"days": ["monday"], "from": "08:00", "to": "18:00"}
NIGHT = {"days": ["friday"], "from": "22:00", "to": "06:00"}


@pytest.mark.parametrize(
    ("moment", "start"),
    [
        ("2026-01-05T07:59:59", "2026-01-05T07:59:59"),
        ("2026-01-05T08:00:00", "2026-01-05T18:00:00"),
        ("2026-01-05T17:59:59", "2026-01-05T18:00:00"),
        ("2026-01-05T18:00:00", "2026-01-05T18:00:00"),
        ("2026-01-06T09:00:00", "2026-01-06T09:00:00"),
        ("2026-01-09T23:00:00", "2026-01-10T06:00:00"),
        ("2026-01-10T05:00:00", "2026-01-10T06:00:00"),
        ("2026-01-09T05:00:00", "2026-01-09T05:00:00"),
    ],
)
def test_a_start_in_a_window_waits_until_it_ends(moment: str, start: str) -> None:
    """A window over midnight belongs to the day on which it begins."""
    assert start_of(policy(OFFICE, NIGHT), utc(moment)) == utc(start)


def test_windows_that_follow_each_other_are_one_wait_and_the_first_is_named() -> None:
    rules = policy({"from": "01:00", "to": "04:00"}, {"from": "04:00", "to": "05:00"}, {"from": "04:30", "to": "07:00"})
    found = wait_at(rules, utc("2026-01-05T03:00:00"))
    assert found is not None
    assert (found.until, found.window) == (utc("2026-01-05T07:00:00"), "every day 01:00-04:00")


def test_a_whole_day_is_from_midnight_to_midnight() -> None:
    rules = policy({"days": ["saturday", "sunday"], "from": "00:00", "to": "00:00"})
    assert start_of(rules, utc("2026-01-03T12:00:00")) == utc("2026-01-05T00:00:00")


def test_a_blackout_of_the_whole_week_is_refused() -> None:
    with pytest.raises(InvalidPolicy, match="blackout covers the whole week"):
        policy({"from": "06:00", "to": "20:00"}, {"from": "20:00", "to": "06:00"})


def test_an_hour_that_comes_twice_is_dark_twice() -> None:
    """Berlin, 25 October 2026: 02:00-03:00 summer time, then 02:00-03:00 winter time."""
    rules = policy({"from": "02:10", "to": "02:20"}, zone="Europe/Berlin")
    assert start_of(rules, utc("2026-10-25T00:15:00")) == utc("2026-10-25T00:20:00")
    assert start_of(rules, utc("2026-10-25T00:30:00")) == utc("2026-10-25T00:30:00")
    assert start_of(rules, utc("2026-10-25T01:15:00")) == utc("2026-10-25T01:20:00")


def test_a_window_that_ends_in_a_skipped_hour_ends_after_it() -> None:
    """Berlin, 29 March 2026: after 01:59 comes 03:00."""
    rules = policy({"from": "01:00", "to": "02:30"}, zone="Europe/Berlin")
    assert start_of(rules, utc("2026-03-29T00:30:00")) == utc("2026-03-29T01:30:00")
    inside = policy({"from": "02:10", "to": "02:50"}, zone="Europe/Berlin", at=("02:30",))
    assert start_of(inside, utc("2026-03-29T01:30:00")) == utc("2026-03-29T01:30:00")


def test_slots_that_wait_for_one_end_are_one_session_of_the_last() -> None:
    rules = policy({"from": "08:00", "to": "18:00"}, at=("03:00", "09:00", "12:00", "20:00"))
    last = utc("2026-01-05T03:00:00")
    assert due_slot(rules, utc("2026-01-05T17:59:00"), last) is None
    assert due_slot(rules, utc("2026-01-05T18:00:00"), last) == utc("2026-01-05T12:00:00")
    assert due_slot(rules, utc("2026-01-05T18:01:00"), utc("2026-01-05T12:00:00")) is None
    assert list(islice(starts_after(rules, last), 3)) == [
        utc("2026-01-05T18:00:00"),
        utc("2026-01-05T20:00:00"),
        utc("2026-01-06T03:00:00"),
    ]


def test_a_slot_that_waits_into_the_next_day_is_a_point_of_its_own_day() -> None:
    rules = policy({"from": "22:00", "to": "06:00"}, at=("23:00",))
    slot = due_slot(rules, utc("2026-01-06T06:00:00"), utc("2026-01-05T00:00:00"))
    assert slot is not None
    assert slot_day(rules, slot) == date(2026, 1, 5)


@st.composite
def windows(draw: st.DrawFn) -> dict[str, Any]:
    begins, ends = (draw(st.times(time(0, 0), time(23, 59))) for _ in range(2))
    days = draw(st.none() | st.lists(st.sampled_from(WEEKDAYS), min_size=1, max_size=4, unique=True))
    return {"days": days, "from": f"{begins:%H:%M}", "to": f"{ends:%H:%M}"}


ZONES = st.sampled_from(
    ["UTC", "Europe/Berlin", "Australia/Lord_Howe", "America/Sao_Paulo", "Pacific/Apia", "Asia/Gaza"]
)
MOMENTS = st.datetimes(datetime(2011, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(st.lists(windows(), max_size=3), ZONES, MOMENTS)
def test_a_start_is_never_early_and_never_in_a_window(
    given_windows: list[dict[str, Any]], zone: str, at: datetime
) -> None:
    try:
        rules = policy(*given_windows, zone=zone)
    except InvalidPolicy:
        return
    start = start_of(rules, at)
    assert at <= start <= at + timedelta(days=8)
    assert wait_at(rules, start) is None
    if start > at:
        # It does not wait longer than it must: a moment before, the window was still there, or the clocks had changed.
        before = start - timedelta(minutes=1)
        same = (
            before.astimezone(rules.zone).utcoffset()
            == (start - timedelta(hours=25)).astimezone(rules.zone).utcoffset()
        )
        assert wait_at(rules, max(at, before)) is not None or not same


def test_the_databases_of_a_session_are_spread_and_each_keeps_its_place() -> None:
    rules, start = policy(jitter=60), utc("2026-01-05T03:00:00")
    delays = [delay_of(rules, start, f"source{n}") for n in range(1000)]
    assert all(timedelta(0) <= delay < timedelta(minutes=60) for delay in delays)
    for quarter in range(4):
        inside = [d for d in delays if timedelta(minutes=15 * quarter) <= d < timedelta(minutes=15 * quarter + 15)]
        assert 180 < len(inside) < 320
    assert delays == [delay_of(rules, start + timedelta(days=1), f"source{n}") for n in range(1000)]
    assert delay_of(policy(), start, "source1") == timedelta(0)


def test_no_database_is_spread_into_a_blackout() -> None:
    rules, start = policy(OFFICE, jitter=60), utc("2026-01-05T07:30:00")
    delays = [delay_of(rules, start, f"source{n}") for n in range(100)]
    assert max(delays) < timedelta(minutes=30)
    assert max(delays) > timedelta(minutes=25)


def test_a_window_is_written_as_it_is_read() -> None:
    text = 'name: a\nblackout: [{days: [monday], from: "08:00", to: 18:00}]'
    rules = parse_policy(text)
    assert policy_from(rules.model_dump(mode="json", exclude_unset=True)) == rules
    assert '"from":"08:00"' in rules.model_dump_json(exclude_unset=True)


def test_slots_of_a_day_that_a_zone_skips_are_those_of_the_next() -> None:
    samoa = policy(zone="Pacific/Apia", at=("03:00", "15:00"))
    found = list(islice(slots_after(samoa, utc("2011-12-29T14:00:00")), 4))
    assert [slot_day(samoa, slot) for slot in found] == [date(2011, 12, 29)] + [date(2011, 12, 31)] * 2 + [
        date(2012, 1, 1)
    ]
    weekly = policy_from(
        {
            "name": "a",
            "time_zone": "Pacific/Apia",
            "schedules": {"weekly": {"day": "friday", "keep_weeks": 1, "at": "03:00"}},
        }
    )
    # 30 December 2011 was a Friday that never was: its slot comes on the Saturday.
    assert slot_day(weekly, next(slots_after(weekly, utc("2011-12-25T00:00:00")))) == date(2011, 12, 31)


def test_a_gap_of_half_an_hour_moves_a_slot_by_half_an_hour() -> None:
    """Lord Howe, 4 October 2026: after 01:59 comes 02:30; 5 April 2026: after 01:59 comes 01:30 again."""
    howe = policy(zone="Australia/Lord_Howe", at=("01:45", "02:15", "02:45"))
    spring = list(islice(slots_after(howe, utc("2026-10-03T13:00:00")), 3))
    assert [f"{slot.astimezone(howe.zone):%d %H:%M}" for slot in spring] == ["04 01:45", "04 02:45", "05 01:45"]
    autumn = list(islice(slots_after(howe, utc("2026-04-04T12:00:00")), 3))
    assert [slot.isoformat()[8:16] for slot in autumn] == ["04T14:45", "04T15:45", "04T16:15"]
