"""What is overdue follows from schedule, grace and points alone, whatever clocks and calendars do."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from holdfast.model.blackout import start_of
from holdfast.model.overdue import missed_slot, still_missed
from holdfast.model.policy import Policy, policy_from
from holdfast.model.schedule import slots_on

GRACE = timedelta(hours=6)
DAILY = {"daily": {"at": ["02:30"], "keep_days": 7}}
BORN = datetime(2026, 1, 1, tzinfo=UTC)


def policy(zone: str = "UTC", start: str | None = None, blackout: object = (), **schedules: object) -> Policy:
    fields = {"name": "a", "time_zone": zone, "schedules": schedules or DAILY, "blackout": list(blackout)}
    return policy_from(fields if start is None else {**fields, "start_date": start})


def missed(made: Policy, now: datetime, newest: datetime | None = None, since: datetime = BORN) -> datetime | None:
    return missed_slot(made, now, since=since, grace=GRACE, newest=newest)


def test_a_slot_is_overdue_when_its_grace_is_over_and_not_before() -> None:
    slot = datetime(2026, 1, 1, 2, 30, tzinfo=UTC)
    assert missed(policy(), slot + GRACE - timedelta(seconds=1)) is None
    assert missed(policy(), slot + GRACE) == slot


def test_a_point_of_the_slot_or_later_makes_it_good_and_an_earlier_one_does_not() -> None:
    slot, now = datetime(2026, 1, 5, 2, 30, tzinfo=UTC), datetime(2026, 1, 5, 12, tzinfo=UTC)
    assert missed(policy(), now, newest=slot) is None
    assert missed(policy(), now, newest=slot + timedelta(hours=5)) is None
    assert missed(policy(), now, newest=slot - timedelta(seconds=1)) == slot


def test_the_first_missed_slot_is_told_and_not_the_last() -> None:
    newest = datetime(2026, 1, 2, 2, 31, tzinfo=UTC)
    assert missed(policy(), datetime(2026, 1, 9, tzinfo=UTC), newest) == datetime(2026, 1, 3, 2, 30, tzinfo=UTC)


def test_nothing_is_promised_before_the_start_date_nor_on_demand() -> None:
    late = policy(start="2026-03-01")
    assert missed(late, datetime(2026, 2, 28, 23, tzinfo=UTC)) is None
    assert missed(late, datetime(2026, 3, 1, 9, tzinfo=UTC)) == datetime(2026, 3, 1, 2, 30, tzinfo=UTC)
    assert missed(policy_from({"name": "a"}), datetime(2026, 12, 1, tzinfo=UTC)) is None


def test_a_skipped_and_a_repeated_hour_are_one_slot_each() -> None:
    berlin = policy("Europe/Berlin")
    spring, autumn = datetime(2026, 3, 29, 1, 30, tzinfo=UTC), datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert missed(berlin, spring + GRACE, newest=spring - timedelta(minutes=1)) == spring
    assert missed(berlin, autumn + GRACE, newest=autumn) is None
    # The second 02:30 of that night promises nothing of its own.
    assert missed(berlin, autumn + timedelta(hours=1) + GRACE, newest=autumn) is None


def test_a_slot_in_a_blackout_is_owed_from_its_end_on() -> None:
    dark = policy(blackout=[{"from": "01:00", "to": "05:00"}])
    slot, opens = datetime(2026, 1, 2, 2, 30, tzinfo=UTC), datetime(2026, 1, 2, 5, tzinfo=UTC)
    newest = slot - timedelta(hours=1)
    assert missed(dark, opens + GRACE - timedelta(seconds=1), newest) is None
    assert missed(dark, opens + GRACE, newest) == slot
    assert missed(dark, opens + GRACE, newest=opens) is None


def test_a_changed_schedule_alone_heals_nothing() -> None:
    told, changed = datetime(2026, 1, 5, 2, 30, tzinfo=UTC), datetime(2026, 1, 6, tzinfo=UTC)
    now = changed + timedelta(hours=1)
    assert missed(policy(), now, since=changed) is None
    assert still_missed(policy(), now, told, since=changed, grace=GRACE, newest=None)
    assert still_missed(policy(), now, told, since=changed, grace=GRACE, newest=told - timedelta(minutes=1))
    assert not still_missed(policy(), now, told, since=changed, grace=GRACE, newest=told + timedelta(days=1))


ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia"])
TIMES = st.lists(st.sampled_from(["00:00", "01:59", "02:30", "03:00", "15:00", "23:59"]), min_size=1, max_size=3)
SCHEDULES = st.one_of(
    st.builds(lambda at: {"daily": {"at": at, "keep_days": 7}}, TIMES),
    st.builds(lambda day: {"weekly": {"day": day, "keep_weeks": 4}}, st.sampled_from(["monday", "sunday"])),
    st.builds(lambda day: {"monthly": {"day": day, "keep_months": 4}}, st.integers(1, 31)),
)
BLACKOUTS = st.lists(
    st.sampled_from(
        [
            {"from": "01:00", "to": "05:00"},
            {"from": "22:00", "to": "02:00", "days": ["friday", "saturday"]},
            {"from": "00:00", "to": "00:00", "days": ["sunday"]},
            {"from": "02:00", "to": "03:00"},
        ]
    ),
    max_size=2,
)
POLICIES = st.builds(
    lambda zone, plan, start, blackout: policy(zone, start and start.isoformat(), blackout, **plan),
    ZONES,
    SCHEDULES,
    st.none() | st.dates(date(2026, 1, 1), date(2026, 12, 1)),
    BLACKOUTS,
)
MOMENTS = st.timedeltas(timedelta(days=1), timedelta(days=364)).map(lambda since: BORN + since)
GRACES = st.timedeltas(timedelta(0), timedelta(days=3))


@given(POLICIES, MOMENTS, MOMENTS, GRACES, st.none() | MOMENTS)
def test_it_is_what_counting_every_slot_finds(
    made: Policy, now: datetime, since: datetime, grace: timedelta, newest: datetime | None
) -> None:
    days = (date(2026, 1, 1) + timedelta(days=n) for n in range(-2, 367))
    slots = [slot for day in days for slot in slots_on(made, day) if since < slot]
    owed = [slot for slot in slots if start_of(made, slot) <= now - grace and (newest is None or slot > newest)]
    assert missed_slot(made, now, since=since, grace=grace, newest=newest) == min(owed, default=None)


@given(POLICIES, MOMENTS, st.lists(st.timedeltas(timedelta(0), GRACE), min_size=39, max_size=39), MOMENTS)
def test_who_makes_a_point_for_each_slot_in_time_is_never_overdue(
    made: Policy, since: datetime, delays: list[timedelta], now: datetime
) -> None:
    begin = now - timedelta(days=10)
    slots = sorted(s for n in range(-1, 12) for s in slots_on(made, (begin + timedelta(days=n)).date()))
    made_at = [start_of(made, slot) + delay for slot, delay in zip(slots, delays[: len(slots)], strict=True)]
    points = [at for at in made_at if at <= now]
    since = max(since, begin)
    found = missed_slot(made, now, since=since, grace=GRACE, newest=max(points, default=None))
    assert found is None or found < begin


@given(POLICIES, MOMENTS, MOMENTS, st.none() | MOMENTS, st.timedeltas(timedelta(0), timedelta(days=90)))
def test_time_alone_heals_nothing_and_a_point_made_now_heals_everything(
    made: Policy, now: datetime, since: datetime, newest: datetime | None, later: timedelta
) -> None:
    told = missed_slot(made, now, since=since, grace=GRACE, newest=newest)
    if told is not None:
        assert still_missed(made, now + later, told, since=since, grace=GRACE, newest=newest)
        assert missed_slot(made, now + later, since=since, grace=GRACE, newest=newest) == told
        assert not still_missed(made, now, told, since=since, grace=GRACE, newest=now)
    assert missed_slot(made, now, since=since, grace=GRACE, newest=now) is None
