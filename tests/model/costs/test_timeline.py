"""Which points live beside each other: the walk over births and deaths agrees with looking at every moment by itself."""

from collections import Counter
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from holdfast.model.costs.lives import Life, play
from holdfast.model.costs.money import Band
from holdfast.model.costs.timeline import (
    changed,
    first_window,
    freed_share,
    hours,
    new_share,
    steady_window,
    stored_share,
)
from holdfast.model.flags import stamp
from holdfast.model.policy import parse_policy

FIRST = date(2026, 1, 5)


def policy(schedules: str, more: str = ""):
    return parse_policy(f"name: p\nstart_date: {FIRST}\nschedules: {schedules}\n{more}")


def played(schedules: str, more: str = "") -> list[Life]:
    return play(policy(schedules, more), FIRST, 730)


def test_a_daily_point_kept_three_days_ends_on_the_fourth_morning() -> None:
    life = played("{daily: {at: ['03:00'], keep_days: 3}}")[10]
    assert life.ends - life.made == pytest.approx(4 - 3 / 24)


def test_daily_and_weekly_keep_as_many_as_the_worked_example_says() -> None:
    """E1 of the retention page: D 3 d, W (Mon) 2 w. On 20 January 12, 17, 18, 19 and 20 are kept."""
    lives = played("{daily: {at: ['03:00'], keep_days: 3}, weekly: {day: monday, keep_weeks: 2}}")
    noon = (date(2026, 1, 20) - FIRST).days + 0.5
    alive = [FIRST + timedelta(days=int(x.made)) for x in lives if x.made <= noon < x.ends]
    assert [day.day for day in alive] == [12, 17, 18, 19, 20]


def test_a_year_holds_one_archive_copy_a_month_and_keeps_twelve() -> None:
    window = steady_window(
        played(
            "{daily: {at: ['03:00'], keep_days: 7}, monthly: {day: 1, keep_months: 12, archive: true}}", "archive: a"
        )
    )
    assert window.archived == 12
    assert window.archive_living == pytest.approx(12, abs=0.1)
    assert set(window.archive_ages) <= {366, 367}


def test_what_is_kept_for_decades_is_there_from_years_that_were_not_played() -> None:
    window = steady_window(played("{yearly: {month: 1, day: 31, keep_years: 7}}"))
    assert window.sessions == 1
    assert window.living == pytest.approx(7, abs=0.1)


def test_the_newest_point_stays_however_short_it_is_kept() -> None:
    window = steady_window(played("{monthly: {day: 31, months: [1], keep_months: 1}}"))
    assert window.living == pytest.approx(1, abs=0.01)
    assert window.whole == 1


def test_more_points_stay_where_the_policy_says_so() -> None:
    window = steady_window(played("{weekly: {day: sunday, keep_weeks: 1}}", "retention: {min_keep: 5}"))
    assert window.living == pytest.approx(5, abs=0.1)


def test_a_policy_without_schedule_has_no_points() -> None:
    assert played("{}") == []
    assert steady_window([]).living == 0


def test_the_first_month_begins_with_nothing() -> None:
    lives = played("{weekly: {day: wednesday, at: '00:00', keep_weeks: 4}}")
    window = first_window(lives, 30)
    assert window.sessions == 4
    assert window.whole == pytest.approx(28 / 30)
    assert window.slots == Counter({168: 3, 0: 1})


@st.composite
def lives_in_order(draw: st.DrawFn) -> list[Life]:
    """Births whole hours apart, and ends such that there is always a point."""
    births = [float(b) / 24 for b in draw(st.lists(st.integers(0, 24 * 40), min_size=1, max_size=25, unique=True))]
    births.sort()
    made = []
    for place, birth in enumerate(births):
        after = births[place + 1] if place + 1 < len(births) else birth + 100
        kept = draw(st.integers(0, 24 * 20)) / 24
        made.append(Life(birth, max(birth + kept, after), (), None))
    return made


@given(lives_in_order())
@example([Life(b / 24, ends, (), None) for b, ends in ((0, 1 / 24), (1, 1 / 24 + 7 / 24), (8, 50.0))])
def test_the_walk_agrees_with_a_look_at_every_hour(lives: list[Life]) -> None:
    """Births and deaths lie on whole hours, so half past is what an hour is like."""
    window = first_window(lives, 30)
    gaps: Counter[int] = Counter()
    whole = 0
    for hour in range(30 * 24):
        at = (hour + 0.5) / 24
        alive = sorted(x.made for x in lives if x.made <= at < x.ends)
        whole += bool(alive)
        gaps.update(hours(b - a) for a, b in pairwise(alive))
    assert window.whole == pytest.approx(whole / 720)
    assert window.gaps == pytest.approx({gap: count / 720 for gap, count in gaps.items()})


shares = st.floats(0, 1).map(lambda share: round(share, 6))
bands = st.tuples(shares, shares, shares).map(lambda three: Band.of(*three))
gap_hours = st.integers(1, 24 * 4000)


@given(gap_hours, gap_hours, bands)
def test_two_steps_bring_no_less_than_one_over_both(one: int, other: int, change: Band) -> None:
    """A further point between two others never makes the whole smaller, and frees no more than it holds."""
    first, second, both = changed(one, change), changed(other, change), changed(one + other, change)
    for part in ("low", "expected", "high"):
        a, b, ab = (float(getattr(x, part)) for x in (first, second, both))
        assert max(a, b) - 1e-9 <= ab <= min(1, a + b) + 1e-9
        assert 0 <= float(getattr(freed_share(one, other, change), part)) <= max(a, b) + 1e-9


def test_a_day_changes_the_daily_share_and_thirty_change_less_than_thirty_times_it() -> None:
    change = Band.of(0.01, 0.01, 0.01)
    assert changed(24, change) == Band.of(0.01)
    month = changed(720, change)
    assert float(month.low) == pytest.approx(0.01)
    assert float(month.expected) == pytest.approx(1 - 0.99**30)
    assert float(month.high) == pytest.approx(0.3)


def test_seven_daily_points_hold_a_full_and_the_changes_of_the_others() -> None:
    window = steady_window(played("{daily: {at: ['00:00'], keep_days: 7}}"))
    assert window.living == pytest.approx(8)
    assert float(stored_share(window, Band.of(0.01)).expected) == pytest.approx(1 + 7 * 0.01)
    assert float(new_share(window, Band.of(0.01)).expected) == pytest.approx(365 * 0.01)


def test_slots_that_wait_for_one_end_of_a_blackout_are_one_session() -> None:
    schedules = "{daily: {at: ['01:00', '02:00', '12:00'], keep_days: 1}}"
    free = steady_window(played(schedules))
    closed = steady_window(played(schedules, "blackout: [{from: '00:30', to: '04:00'}]"))
    assert (free.sessions, closed.sessions) == (3 * 365, 2 * 365)


def test_a_point_frees_what_its_neighbour_does_not_take_over() -> None:
    """Half of the rows change every day: of the half that the middle of three holds, the older one still needs a half."""
    half = Band.of(0.5)
    assert float(freed_share(24, 24, half).expected) == pytest.approx(0.25)
    assert float(freed_share(0, 24, half).expected) == pytest.approx(0.5)


def test_few_claims_do_as_well_as_all_that_were_ever_made() -> None:
    """The play forgets most claims; the flags are those that a chain with all of them would get."""
    given_policy = parse_policy(
        "name: p\narchive: a\nschedules: {daily: {at: ['03:00'], keep_days: 3}, weekly: {day: friday, keep_weeks: 5},"
        " monthly: {day: 31, keep_months: 4}, yearly: {month: 3, day: 1, keep_years: 2, archive: true}}"
    )
    claims: dict = {}
    for number, life in enumerate(play(given_policy, FIRST, 730)):
        day = FIRST + timedelta(days=number)
        full = stamp(given_policy, "played", str(number), day, claims)
        claims |= full.claims
        assert [flag for flag, _ in life.flags] == list(full.flags), day
        assert (life.archive_ends is not None) == bool(full.archive_flags), day
