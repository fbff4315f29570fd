"""What holds of slots in any zone, at any time of the year."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

from hypothesis import example, given
from hypothesis import strategies as st

from holdfast.model.policy import Policy, policy_from
from holdfast.model.schedule import catch_up_slot, due_slot, slot_day, slots_after, slots_on

ZONES = (
    "UTC",
    "Europe/Berlin",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Asia/Gaza",
    "Africa/Casablanca",
    "Antarctica/Troll",
)
#: An hour forward and back, half an hour, at midnight, before midnight, a day that is not there.
CHANGES = (
    *(("Europe/Berlin", date(2026, 3, 29)), ("Europe/Berlin", date(2026, 10, 25))),
    *(("Australia/Lord_Howe", date(2026, 10, 4)), ("Australia/Lord_Howe", date(2026, 4, 5))),
    *(("America/Sao_Paulo", date(2018, 11, 4)), ("America/Sao_Paulo", date(2018, 2, 17))),
    *(("America/Scoresbysund", date(2025, 3, 29)), ("America/Scoresbysund", date(2025, 10, 25))),
    *(
        ("Pacific/Apia", date(2011, 12, 30)),
        ("Pacific/Apia", date(2011, 12, 31)),
        ("Pacific/Kwajalein", date(1993, 8, 21)),
    ),
)
PLACES = st.sampled_from(CHANGES) | st.tuples(st.sampled_from(ZONES), st.dates(date(1993, 1, 1), date(2030, 1, 1)))
# Most changes of the clocks are at night.
TIMES = st.lists(
    st.sampled_from([time(hour, minute) for hour in (0, 1, 2, 3, 23) for minute in (0, 15, 30, 45)]) | st.times(),
    min_size=1,
    max_size=4,
).map(lambda times: sorted({f"{t:%H:%M}" for t in times}))


def daily(zone: str, at: list[str]) -> Policy:
    return policy_from({"name": "a", "time_zone": zone, "schedules": {"daily": {"at": at, "keep_days": 7}}})


@given(PLACES, TIMES)
def test_slots_go_forward_and_each_is_of_its_own_day(place: tuple[str, date], at: list[str]) -> None:
    rules = daily(place[0], at)
    start = datetime.combine(place[1], time(0, 0), tzinfo=UTC) - timedelta(days=2)
    slots = list(islice(slots_after(rules, start), 5 * len(at)))
    assert all(early < late for early, late in pairwise([start, *slots]))
    assert {slot for one in {slot_day(rules, slot) for slot in slots} for slot in slots_on(rules, one)} >= set(slots)
    assert all(
        slot_day(rules, slot) == one
        for one in {slot_day(rules, slot) for slot in slots}
        for slot in slots_on(rules, one)
    )


@given(PLACES, TIMES)
@example(("America/Scoresbysund", date(2025, 3, 29)), ["23:30"])  # the gap ends at midnight
@example(("Europe/Berlin", date(2026, 10, 25)), ["02:30"])
@example(("Pacific/Apia", date(2011, 12, 30)), ["00:00", "12:00"])
def test_every_time_of_a_day_that_exists_has_its_slot_at_that_time_or_after_the_gap(
    place: tuple[str, date], at: list[str]
) -> None:
    """Reckoned another way: minute by minute, by what the wall clock shows."""
    rules, zone = daily(place[0], at), ZoneInfo(place[0])
    begins = datetime.combine(place[1], time(0, 0), tzinfo=UTC) - timedelta(hours=15)
    walls: dict[datetime, datetime] = {}
    for minute in range(54 * 60):
        moment = begins + timedelta(minutes=minute)
        walls.setdefault(moment.astimezone(zone).replace(tzinfo=None), moment)
    for text in at:
        wall = datetime.combine(place[1], time.fromisoformat(text))
        before = max(shown for shown in walls if shown <= wall)
        # On the minute itself, or as long after the gap as it would have been after its beginning.
        slot = walls[before] + (wall - before)
        assert slot in slots_on(rules, slot_day(rules, slot))
        assert (before == wall) is (slot.astimezone(zone).replace(tzinfo=None) == wall)


@given(PLACES, TIMES, st.integers(0, 6000), st.integers(0, 3000))
def test_the_due_slot_is_the_newest_that_has_come(
    place: tuple[str, date], at: list[str], since: int, until: int
) -> None:
    rules = daily(place[0], at)
    last = datetime.combine(place[1], time(0, 0), tzinfo=UTC) - timedelta(minutes=since)
    now = datetime.combine(place[1], time(0, 0), tzinfo=UTC) + timedelta(minutes=until)
    come = [slot for slot in slots_after(rules, last, limit_days=12) if slot <= now]
    assert due_slot(rules, now, last) == (come[-1] if come else None)


@given(PLACES, st.integers(0, 9))
def test_a_failed_week_is_tried_at_most_once_a_day_and_never_before_its_time(
    place: tuple[str, date], hours: int
) -> None:
    weekly = {"weekly": {"day": "wednesday", "at": "02:15", "keep_weeks": 1}}
    rules = policy_from({"name": "a", "time_zone": place[0], "schedules": weekly})
    last = next(slots_after(rules, datetime.combine(place[1], time(0, 0), tzinfo=UTC) - timedelta(days=9)))
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
