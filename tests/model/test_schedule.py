"""When a policy is due, whatever the calendar and the clocks do."""

from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from holdfast.model.policy import Policy, policy_from
from holdfast.model.schedule import catch_up_slot, due_slot, latest_slot, missed_slots, slots_after, slots_on


def policy(zone: str = "UTC", **schedules: object) -> Policy:
    return policy_from({"name": "a", "time_zone": zone, "schedules": schedules})


NIGHTLY = {"at": ["02:30"], "keep_days": 7}


def test_a_time_that_the_spring_change_skips_runs_once_that_day() -> None:
    berlin = policy("Europe/Berlin", daily=NIGHTLY)
    assert slots_on(berlin, date(2026, 3, 29)) == [datetime(2026, 3, 29, 1, 30, tzinfo=UTC)]


def test_a_time_that_the_autumn_change_repeats_runs_once_that_day() -> None:
    berlin = policy("Europe/Berlin", daily=NIGHTLY)
    assert slots_on(berlin, date(2026, 10, 25)) == [datetime(2026, 10, 25, 0, 30, tzinfo=UTC)]


def test_day_31_is_the_last_day_of_a_shorter_month() -> None:
    monthly = policy(monthly={"day": 31, "keep_months": 1})
    start = datetime(2026, 1, 1, tzinfo=UTC)
    days = [slot.date() for slot, _ in zip(slots_after(monthly, start), range(3), strict=False)]
    assert days == [date(2026, 1, 31), date(2026, 2, 28), date(2026, 3, 31)]


def test_several_missed_slots_are_caught_up_once_by_the_newest() -> None:
    twice = policy(daily={"at": ["03:00", "15:00"], "keep_days": 7})
    last = datetime(2026, 5, 1, 3, tzinfo=UTC)
    now = datetime(2026, 5, 4, 14, tzinfo=UTC)
    slot = due_slot(twice, now, last)
    assert slot == datetime(2026, 5, 4, 3, tzinfo=UTC)
    assert due_slot(twice, now, slot) is None


def test_a_slot_comes_with_its_minute_and_not_before() -> None:
    daily = policy(daily={"at": ["03:00"], "keep_days": 7})
    slot = datetime(2026, 5, 2, 3, tzinfo=UTC)
    last = slot - timedelta(days=1)
    assert due_slot(daily, slot - timedelta(seconds=1), last) is None
    assert due_slot(daily, slot, last) == slot


def test_no_slot_before_the_start_date() -> None:
    early = policy_from(
        {"name": "a", "start_date": "2026-06-01", "schedules": {"daily": {"at": ["03:00"], "keep_days": 7}}}
    )
    assert slots_on(early, date(2026, 5, 31)) == []
    assert slots_on(early, date(2026, 6, 1))


def test_without_schedules_nothing_is_ever_due() -> None:
    now = datetime(2026, 5, 2, tzinfo=UTC)
    assert due_slot(policy(), now, now - timedelta(days=400)) is None


@given(
    start=st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1)),  # noqa: DTZ001 (Hypothesis wants naive bounds)
    zone=st.sampled_from(["UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Pacific/Apia"]),
    steps=st.lists(st.integers(1, 200), min_size=1, max_size=30),
)
def test_a_clock_that_ticks_at_any_pace_runs_each_slot_at_most_once(
    start: datetime, zone: str, steps: list[int]
) -> None:
    """However late a tick comes, slots only go forward, are never in the future, and none is due twice."""
    daily = policy(zone, daily={"at": ["02:30", "14:00"], "keep_days": 7})
    now = last = start.replace(tzinfo=UTC)
    seen: list[datetime] = []
    for hours in steps:
        now += timedelta(hours=hours)
        slot = due_slot(daily, now, last)
        if slot is None:
            assert not any(last < s <= now for s in slots_after(daily, last, limit_days=12) if s <= now)
            continue
        assert last < slot <= now
        seen.append(slot)
        last = slot
    assert seen == sorted(set(seen))


def test_a_weekly_slot_that_failed_is_tried_again_every_day() -> None:
    weekly = policy("Europe/Berlin", weekly={"day": "saturday", "keep_weeks": 4, "at": "22:00"})
    slot = datetime(2026, 3, 28, 21, tzinfo=UTC)  # winter time, until that night
    assert catch_up_slot(weekly, slot + timedelta(hours=20), slot) is None
    again = catch_up_slot(weekly, slot + timedelta(hours=24), slot)
    assert again == datetime(2026, 3, 29, 20, tzinfo=UTC)
    assert catch_up_slot(weekly, again + timedelta(hours=20), again) is None
    # Off for some days: once, by the newest; and the period is still that of the slot.
    later = catch_up_slot(weekly, slot + timedelta(days=4), slot)
    assert later == datetime(2026, 4, 1, 20, tzinfo=UTC)
    assert latest_slot(weekly, later) == slot
    assert due_slot(weekly, later, again) is None


def test_a_daily_slot_that_failed_waits_for_the_next() -> None:
    daily = policy(daily=NIGHTLY)
    assert catch_up_slot(daily, datetime(2026, 5, 9, tzinfo=UTC), datetime(2026, 5, 1, 2, 30, tzinfo=UTC)) is None


def test_slots_without_a_session_are_counted() -> None:
    twice = policy(daily={"at": ["03:00", "15:00"], "keep_days": 7})
    slot = datetime(2026, 5, 4, 3, tzinfo=UTC)
    assert missed_slots(twice, slot, slot - timedelta(hours=12)) == 0
    assert missed_slots(twice, slot, slot - timedelta(days=2)) == 3


def test_the_latest_slot_of_a_yearly_schedule_is_found_a_year_back() -> None:
    yearly = policy(yearly={"month": 2, "day": 29, "keep_years": 7})
    assert latest_slot(yearly, datetime(2029, 2, 27, tzinfo=UTC)) == datetime(2028, 2, 29, tzinfo=UTC)
    assert latest_slot(policy(), datetime(2029, 2, 27, tzinfo=UTC)) is None
