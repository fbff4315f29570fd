"""What holds of retention whatever the policy and the history. The numbers are those of docs/explanation/retention.md."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.model.flags import anchor
from holdfast.model.policy import Policy
from holdfast.model.policy_schedules import WEEKDAYS
from holdfast.model.replay import Event, replay
from holdfast.model.retention import Candidate, lock_needed, verdicts
from holdfast.repository.upkeep.lock_planning import GENERATION, lengthenings
from tests.model.worked_examples import policy

START = date(2027, 12, 20)


@st.composite
def schedules(draw: st.DrawFn, *, daily: bool = False) -> dict[str, Any]:
    """Schedules of a policy, always with one that makes points."""
    found: dict[str, Any] = {}
    if daily or draw(st.booleans()):
        found["daily"] = {"at": ["03:00"], "keep_days": draw(st.integers(1, 10))}
    if draw(st.booleans()) or not found:
        found["weekly"] = {"day": draw(st.sampled_from(WEEKDAYS)), "keep_weeks": draw(st.integers(1, 5))}
    if draw(st.booleans()):
        months = draw(st.none() | st.lists(st.integers(1, 12), min_size=1, unique=True))
        found["monthly"] = {"day": draw(st.integers(1, 31)), "months": months, "keep_months": draw(st.integers(1, 4))}
        found["monthly"]["archive"] = draw(st.booleans())
    if draw(st.booleans()):
        found["yearly"] = {"month": draw(st.integers(1, 12)), "day": draw(st.integers(1, 31)), "keep_years": 1}
        found["yearly"]["archive"] = draw(st.booleans())
    return found


@st.composite
def histories(draw: st.DrawFn) -> list[Event]:
    """A backup a day for up to half a year; some fail, some days have none, some are made on demand."""
    tried = draw(st.lists(st.sampled_from(["ok", "ok", "ok", "failed", "none", "on demand"]), min_size=1, max_size=180))
    return [
        Event(id=place, day=START + timedelta(days=place), ok=what != "failed", on_demand=what == "on demand")
        for place, what in enumerate(tried)
        if what != "none"
    ]


def kept(rules: Policy, history: list[Event], day: date) -> set[object]:
    return {one.event.id for one in replay(rules, history, day) if one.point.keep}


def copies_kept(rules: Policy, history: list[Event], day: date) -> set[object]:
    found = replay(rules, history, day)
    return {one.event.id for one in found if one.archive_copy is not None and one.archive_copy.keep}


LATER = st.integers(0, 250)


@given(schedules(), histories(), LATER, LATER)
def test_p1_what_is_gone_never_comes_back(plan: dict[str, Any], history: list[Event], one: int, other: int) -> None:
    rules = policy(START.isoformat(), **plan)
    early, late = sorted((START + timedelta(days=one), START + timedelta(days=other)))
    known = {event.id for event in history if event.ok and event.day <= early}
    assert not (known - kept(rules, history, early)) & kept(rules, history, late)
    assert copies_kept(rules, history, late) & known <= copies_kept(rules, history, early)


@given(schedules(), histories(), LATER)
def test_p2_p3_a_point_goes_the_day_after_its_last_and_only_the_newest_stays_longer(
    plan: dict[str, Any], history: list[Event], later: int
) -> None:
    day = START + timedelta(days=later)
    found = replay(policy(START.isoformat(), **plan), history, day)
    for place, one in enumerate(found):
        assert one.point.until is not None
        lives = day <= one.point.until
        assert one.point.keep is (lives or place == len(found) - 1)
        assert one.point.reasons
        if one.gone_on is not None:
            assert one.point.until < one.gone_on <= day
        copy = one.archive_copy
        assert copy is None or (copy.until is not None and copy.keep is (day <= copy.until))


@given(schedules(), histories(), LATER)
def test_p4_after_the_first_success_there_is_always_a_point(
    plan: dict[str, Any], history: list[Event], later: int
) -> None:
    day = START + timedelta(days=later)
    some = any(event.ok and event.day <= day for event in history)
    assert bool(kept(policy(START.isoformat(), **plan), history, day)) is some


@given(schedules(), histories())
def test_p5_the_first_scheduled_success_of_a_period_has_its_flag_and_no_other(
    plan: dict[str, Any], history: list[Event]
) -> None:
    rules = policy(START.isoformat(), **plan)
    found = [one for one in replay(rules, history, START + timedelta(days=400)) if one.point.flags]
    for flag in "WMY":
        periods: dict[date, list[bool]] = {}
        for one in found:
            begins = anchor(rules.schedules, flag, one.point.day)
            if begins is not None and begins >= START:
                periods.setdefault(begins, []).append(flag in {mark[0] for mark in one.point.flags})
        assert all(has == [True] + [False] * (len(has) - 1) for has in periods.values())


points = st.builds(
    Candidate,
    id=st.uuids().map(str),
    day=st.dates(date(2026, 1, 1), date(2026, 3, 1)),
    created_at=st.datetimes(datetime(2026, 1, 1), datetime(2026, 3, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    untils=st.dictionaries(st.sampled_from("DWMY"), st.dates(date(2026, 1, 1), date(2026, 5, 1))),
    hold_until=st.none() | st.dates(date(2026, 1, 1), date(2026, 5, 1)),
    archive_pending=st.booleans(),
    held=st.booleans(),
    verified=st.booleans(),
    locked_until=st.none() | st.datetimes(datetime(2026, 1, 1), datetime(2026, 5, 1), timezones=st.just(UTC)),  # noqa: DTZ001
)
DAYS = st.dates(date(2026, 1, 1), date(2026, 6, 1))


@given(st.lists(points, max_size=12), DAYS, st.integers(1, 3))
def test_p6_a_second_run_on_what_the_first_one_left_deletes_nothing(
    chain: list[Candidate], day: date, least: int
) -> None:
    left = {verdict.id for verdict in verdicts(chain, day, min_keep=least) if verdict.keep}
    again = verdicts([point for point in chain if point.id in left], day, min_keep=least)
    assert all(verdict.keep for verdict in again)
    assert len(left) >= min(least, len(chain))


@given(st.lists(points, max_size=12).flatmap(lambda chain: st.tuples(st.just(chain), st.permutations(chain))), DAYS)
def test_p7_the_order_of_the_points_does_not_matter(both: tuple[list[Candidate], list[Candidate]], day: date) -> None:
    assert verdicts(both[0], day) == verdicts(both[1], day)


@given(schedules(daily=True), histories(), LATER, st.sampled_from(["weekly", "monthly", "yearly"]))
def test_p8_a_further_schedule_never_keeps_less(
    plan: dict[str, Any], history: list[Event], later: int, further: str
) -> None:
    """What went to the archive is compared with what is kept there."""
    day = START + timedelta(days=later)
    with_it = policy(START.isoformat(), **plan)
    without = policy(START.isoformat(), **{name: rule for name, rule in plan.items() if name != further})
    assert kept(without, history, day) <= kept(with_it, history, day)
    assert copies_kept(without, history, day) <= copies_kept(with_it, history, day)


@given(st.integers(1, 90), st.integers(20, 120), st.integers(0, 86399))
def test_p10_locks_reach_the_last_day_and_are_lengthened_once_a_generation(keep: int, span: int, made: int) -> None:
    """An object that every point of a chain needs, locked after every backup."""
    origin = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=made)
    lock: datetime | None = None
    changes = 0
    for number in range(span):
        day = date(2026, 1, 1) + timedelta(days=number)
        point = Candidate("a", day, origin, {"D": day + timedelta(days=keep)})
        need = lock_needed(point, ZoneInfo("UTC"))
        assert need is not None
        found = lengthenings({"pack": need}, {"pack": lock}, origin)
        changes += len(found)
        lock = found[0].until if found else lock
        assert lock is not None
        assert need <= lock <= need + GENERATION
    assert changes <= span // GENERATION.days + 2


SAID = """
from datetime import UTC, date, datetime
from itertools import islice
from holdfast.model.schedule import due_slot, slots_after, slot_day
from holdfast.model.replay import Event, as_object, replay
from holdfast.model.policy import policy_from
rules = policy_from({"name": "a", "time_zone": "Australia/Lord_Howe", "blackout": [{"from": "14:00", "to": "15:30"}],
    "schedules": {"daily": {"at": ["02:15", "14:45"], "keep_days": 3}, "monthly": {"day": 31, "keep_months": 1}}})
slots = list(islice(slots_after(rules, datetime(2026, 3, 28, tzinfo=UTC)), 40))
print(slots, [slot_day(rules, slot) for slot in slots], due_slot(rules, slots[20], slots[3]))
print([as_object(p) for p in replay(rules, [Event(id=n, day=date(2026, 3, n)) for n in range(1, 32)], date(2026, 4, 1))])
"""


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "America/Los_Angeles"])
def test_p11_the_time_zone_of_the_host_changes_nothing(zone: str) -> None:
    def said(host: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", SAID], env={**os.environ, "TZ": host}, capture_output=True, text=True, check=True
        )
        return done.stdout

    assert said(zone) == said("UTC") != ""
