"""What holds of slots in any zone, at any time of the year."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from holdfast.model.policy import Policy, policy_from
from holdfast.model.schedule import catch_up_slot, due_slot, slot_day, slots_after, slots_on

#: An hour, half an hour, at midnight, a day skipped, a day twice (Kwajalein 1993 skipped one, Alaska is too early), none.
ZONES = st.sampled_from(
    [
        *("UTC", "Europe/Berlin", "Australia/Lord_Howe", "America/Sao_Paulo", "Pacific/Apia", "Pacific/Kwajalein"),
        *("Asia/Gaza", "Africa/Casablanca", "America/Scoresbysund", "Asia/Pyongyang", "Antarctica/Troll"),
    ]
)
DAYS = st.dates(date(1993, 1, 1), date(2030, 1, 1)) | st.sampled_from(
    [date(2011, 12, 30), date(1993, 8, 21), date(2026, 3, 29), date(2026, 10, 25), date(2018, 11, 4), date(2024, 3, 30)]
)
TIMES = st.lists(st.times(time(0, 0), time(23, 59)).map(lambda t: f"{t:%H:%M}"), min_size=1, max_size=4, unique=True)


def daily(zone: str, at: list[str]) -> Policy:
    return policy_from({"name": "a", "time_zone": zone, "schedules": {"daily": {"at": at, "keep_days": 7}}})


@given(ZONES, DAYS, TIMES)
def test_slots_go_forward_and_each_is_of_its_own_day(zone: str, day: date, at: list[str]) -> None:
    rules = daily(zone, at)
    start = datetime.combine(day, time(0, 0), tzinfo=UTC) - timedelta(days=2)
    slots = list(islice(slots_after(rules, start), 5 * len(at)))
    assert all(early < late for early, late in pairwise([start, *slots]))
    assert {slot for one in {slot_day(rules, slot) for slot in slots} for slot in slots_on(rules, one)} >= set(slots)
    assert all(
        slot_day(rules, slot) == one
        for one in {slot_day(rules, slot) for slot in slots}
        for slot in slots_on(rules, one)
    )


@given(ZONES, DAYS, TIMES)
def test_every_time_of_a_day_that_exists_has_its_slot_at_that_time_or_after_the_gap(
    zone: str, day: date, at: list[str]
) -> None:
    """Reckoned another way: minute by minute, by what the wall clock shows."""
    rules, place = daily(zone, at), ZoneInfo(zone)
    begins = datetime.combine(day, time(0, 0), tzinfo=UTC) - timedelta(hours=15)
    walls: dict[datetime, datetime] = {}
    for minute in range(54 * 60):
        moment = begins + timedelta(minutes=minute)
        walls.setdefault(moment.astimezone(place).replace(tzinfo=None), moment)
    slots = set(slots_on(rules, day))
    for text in at:
        wall = datetime.combine(day, time.fromisoformat(text))
        if wall in walls:
            assert walls[wall] in slots
    shown = {slot.astimezone(place).strftime("%H:%M") for slot in slots}
    if not shown <= set(at):
        # Then a time was skipped, that day or the one before.
        near = [datetime.combine(d, time.fromisoformat(t)) for d in (day - timedelta(days=1), day) for t in at]
        assert any(wall not in walls for wall in near)


@given(ZONES, DAYS, TIMES, st.integers(0, 6000), st.integers(0, 3000))
def test_the_due_slot_is_the_newest_that_has_come(zone: str, day: date, at: list[str], since: int, until: int) -> None:
    rules = daily(zone, at)
    last = datetime.combine(day, time(0, 0), tzinfo=UTC) - timedelta(minutes=since)
    now = datetime.combine(day, time(0, 0), tzinfo=UTC) + timedelta(minutes=until)
    come = [slot for slot in slots_after(rules, last, limit_days=12) if slot <= now]
    assert due_slot(rules, now, last) == (come[-1] if come else None)


@given(ZONES, DAYS, st.integers(0, 9))
def test_a_failed_week_is_tried_at_most_once_a_day_and_never_before_its_time(zone: str, day: date, hours: int) -> None:
    weekly = {"weekly": {"day": "wednesday", "at": "02:15", "keep_weeks": 1}}
    rules = policy_from({"name": "a", "time_zone": zone, "schedules": weekly})
    last = next(slots_after(rules, datetime.combine(day, time(0, 0), tzinfo=UTC) - timedelta(days=9)))
    tried = [last]
    for step in range(7 * 24):
        now = last + timedelta(hours=step, minutes=hours)
        if due_slot(rules, now, last) is not None:
            break
        again = catch_up_slot(rules, now, tried[-1])
        if again is not None:
            assert again <= now
            tried.append(again)
    days = [slot_day(rules, slot) for slot in tried]
    assert len(days) == len(set(days)) >= 5
