"""Locks are long enough, never shorter than they were, and touched at most once a generation."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.model.retention import Candidate, lock_needed
from holdfast.repository.upkeep.lock_planning import GENERATION, end_of_generation, lengthenings, needed_until

ORIGIN = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
MOMENTS = st.integers(-(10**8), 10**9).map(lambda seconds: ORIGIN + timedelta(seconds=seconds))
NAMES = st.sampled_from("abcdef")


@given(MOMENTS, MOMENTS)
def test_a_generation_ends_after_what_is_needed_and_at_most_ten_days_later(needed: datetime, origin: datetime) -> None:
    end = end_of_generation(needed, origin)
    assert timedelta(0) < end - needed <= GENERATION
    assert (end - origin) % GENERATION == timedelta(0)


@given(st.lists(st.tuples(MOMENTS, st.frozensets(NAMES))))
def test_an_object_is_needed_until_the_latest_end_of_its_points(points: list[tuple[datetime, frozenset[str]]]) -> None:
    found = needed_until(points)
    assert set(found) == {name for _, names in points for name in names}
    for name, until in found.items():
        assert until == max(end for end, names in points if name in names)


@given(st.dictionaries(NAMES, MOMENTS), st.dictionaries(NAMES, st.none() | MOMENTS))
def test_a_plan_is_exactly_what_is_missing(needed: dict[str, datetime], present: dict[str, datetime | None]) -> None:
    """After it every object that is there is locked long enough; none is shorter; a second run has nothing to do."""
    plan = lengthenings(needed, present, ORIGIN)
    after = {**present, **{one.name: one.until for one in plan}}
    for one in plan:
        assert one.present == present[one.name]
        assert one.until > (one.present or one.until - DAY)
    for name, end in needed.items():
        if name in present:
            lock = after[name]
            assert lock is not None
            assert lock >= end
    assert lengthenings(needed, after, ORIGIN) == []
    assert [one.name for one in plan] == sorted({one.name for one in plan})


@given(
    keep=st.integers(1, 400),
    days=st.lists(st.integers(0, 3), min_size=1, max_size=120),
    runs=st.integers(1, 3),
    origin=MOMENTS,
)
def test_an_old_pack_is_touched_at_most_once_a_generation(
    keep: int, days: list[int], runs: int, origin: datetime
) -> None:
    """Points every few days, all of which need the first one's pack, with a run of the job or more after each."""
    lock: datetime | None = None
    touched: list[datetime] = []
    day = ORIGIN
    for pause in days:
        day += pause * DAY
        end = day + keep * DAY
        for _ in range(runs):
            for one in lengthenings({"pack": end}, {"pack": lock}, origin):
                touched.append(day)
                lock = one.until
        assert lock is not None
        assert end <= lock <= end + GENERATION
    generations = {(when + keep * DAY - origin) // GENERATION for when in touched}
    assert len(generations) == len(touched)
    assert len(touched) <= 2 + (day - ORIGIN) // GENERATION


@pytest.mark.parametrize(
    ("day", "until"),
    [
        ("2026-03-01", "2026-04-10"),
        ("2026-03-04", "2026-04-10"),
        ("2026-03-10", "2026-04-10"),
        ("2026-03-11", "2026-04-20"),
        ("2026-03-21", "2026-04-30"),
    ],
)
def test_the_worked_example_with_thirty_days_of_retention(day: str, until: str) -> None:
    """A point's own objects are locked for its retention and the rest of the generation that it was made in."""
    made = datetime.fromisoformat(day).replace(tzinfo=UTC)
    (one,) = lengthenings({"pack": made + 30 * DAY}, {"pack": None}, ORIGIN)
    assert one.until == datetime.fromisoformat(until).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("day", "locked"),
    [
        ("2026-03-01", "2026-04-10"),
        ("2026-03-04", "2026-04-10"),
        ("2026-03-10", "2026-04-10"),
        ("2026-03-11", "2026-04-20"),
        ("2026-03-21", "2026-04-30"),
    ],
)
def test_i1_points_of_one_generation_are_locked_to_one_day(day: str, locked: str) -> None:
    """Example I1 of docs/explanation/retention.md: thirty days are kept, the chain begins on 1 March at 03:00."""
    made = datetime.fromisoformat(f"{day}T03:00:00Z")
    point = Candidate("p", made.date(), made, {"D": made.date() + 30 * DAY})
    need = lock_needed(point, ZoneInfo("UTC"))
    assert need is not None
    assert need.date() == made.date() + 31 * DAY  # to the very end of the last day
    (one,) = lengthenings({"pack": need}, {"pack": None}, ORIGIN + timedelta(hours=3))
    assert one.until.date().isoformat() == locked
