"""Which flags a new point gets, until when, and who has claimed a period."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from holdfast.model.flags import Carried, Claim, ClaimKey, anchor, claims_found, stamp
from holdfast.model.keeping import Keep, end_of_day, hold_of, until
from holdfast.model.policy import Policy, policy_from
from tests.model.worked_examples import D3, policy

MONDAY = date(2026, 1, 5)
WEEKLY = {"day": "monday", "keep_weeks": 2}


def run(rules: Policy, days: list[date], claims: dict[ClaimKey, Claim] | None = None) -> dict[str, str]:
    """Stamps a point a day; day to flags, those of the archive copy with a star."""
    known: dict[ClaimKey, Claim] = {} if claims is None else claims
    made: dict[str, str] = {}
    for day in days:
        mark = stamp(rules, "chain", day.isoformat(), day, known)
        known.update(mark.claims)
        made[f"{day:%m-%d}"] = "".join((*mark.flags, *(f"{flag}*" for flag in mark.archive_flags)))
    return made


def from_monday(count: int) -> list[date]:
    return [MONDAY + timedelta(days=n) for n in range(count)]


@pytest.mark.parametrize(
    ("keep", "day", "end"),
    [
        (Keep(1, "months"), "2026-01-31", "2026-02-28"),
        (Keep(1, "months"), "2028-01-31", "2028-02-29"),
        (Keep(2, "months"), "2026-01-31", "2026-03-31"),
        (Keep(13, "months"), "2026-12-31", "2028-01-31"),
        (Keep(1, "years"), "2028-02-29", "2029-02-28"),
        (Keep(4, "years"), "2028-02-29", "2032-02-29"),
        (Keep(3, "weeks"), "2026-02-20", "2026-03-13"),
        (Keep(9000, "years"), "2026-02-20", "9999-12-31"),
        (Keep(5000000, "days"), "2026-02-20", "9999-12-31"),
    ],
)
def test_ends_follow_the_calendar_and_are_cut_at_the_end_of_a_month(keep: Keep, day: str, end: str) -> None:
    assert until(keep, date.fromisoformat(day)) == date.fromisoformat(end)


@pytest.mark.parametrize(
    ("schedules", "flag", "day", "begins"),
    [
        ({"weekly": {"day": "sunday", "keep_weeks": 1}}, "W", "2026-01-03", "2025-12-28"),
        ({"weekly": {"day": "sunday", "keep_weeks": 1}}, "W", "2026-01-04", "2026-01-04"),
        ({"monthly": {"day": 31, "keep_months": 1}}, "M", "2026-03-30", "2026-02-28"),
        ({"monthly": {"day": 30, "months": [2], "keep_months": 1}}, "M", "2026-02-27", "2025-02-28"),
        ({"yearly": {"month": 2, "day": 29, "keep_years": 1}}, "Y", "2028-02-28", "2027-02-28"),
        ({"yearly": {"month": 2, "day": 29, "keep_years": 1}}, "Y", "2028-02-29", "2028-02-29"),
    ],
)
def test_a_period_begins_on_the_latest_day_that_was_scheduled(
    schedules: dict[str, Any], flag: str, day: str, begins: str
) -> None:
    assert anchor(policy(**schedules).schedules, flag, date.fromisoformat(day)) == date.fromisoformat(begins)


def test_a_deleted_point_still_counts_as_the_one_of_its_week() -> None:
    """What became of the point is not asked: the claim alone counts."""
    claims: dict[ClaimKey, Claim] = {}
    rules = policy(daily=D3, weekly=WEEKLY)
    assert run(rules, from_monday(1), claims) == {"01-05": "DW"}
    assert run(rules, from_monday(8)[1:], claims)["01-06"] == "D"
    assert claims[ClaimKey("chain", "a", "W", MONDAY)] == Claim("2026-01-05", MONDAY)


def test_a_step_that_is_repeated_gives_the_same_stamp() -> None:
    rules = policy(daily=D3, weekly=WEEKLY)
    first = stamp(rules, "chain", "p", MONDAY, {})
    assert stamp(rules, "chain", "p", MONDAY, first.claims) == first
    assert stamp(rules, "chain", "q", MONDAY, first.claims).flags == ("D",)


def test_another_policy_and_another_chain_have_claims_of_their_own() -> None:
    rules = policy(daily=D3, weekly=WEEKLY)
    other = rules.model_copy(update={"name": "b"})
    claims = stamp(rules, "chain", "p", MONDAY, {}).claims
    assert stamp(other, "chain", "q", MONDAY, claims).flags == ("D", "W")
    assert stamp(rules, "another", "q", MONDAY, claims).flags == ("D", "W")


def test_an_edit_of_the_weekday_does_not_claim_a_week_twice() -> None:
    claims: dict[ClaimKey, Claim] = {}
    thursday = {"day": "thursday", "keep_weeks": 2}
    run(policy(daily=D3, weekly=thursday), from_monday(4), claims)
    assert run(policy(daily=D3, weekly=WEEKLY), from_monday(5)[4:], claims) == {"01-09": "D"}


def test_a_week_that_was_claimed_late_is_not_claimed_again_after_an_edit() -> None:
    """Monday to Wednesday failed, Thursday has the flag; then the week is made to begin on Wednesday."""
    first = date(2025, 12, 1)
    claims = {ClaimKey("chain", "a", "D", first): Claim("first", first)}
    claims[ClaimKey("chain", "a", "W", MONDAY)] = Claim("thursday", MONDAY + timedelta(days=3))
    wednesday = {"day": "wednesday", "keep_weeks": 2}
    assert run(policy(daily=D3, weekly=wednesday), from_monday(5)[4:], claims) == {"01-09": "D"}


def test_no_period_is_claimed_that_began_before_the_policy() -> None:
    """Without a start date a policy begins with its first point of the chain, also if that has a daily flag only."""
    plan = {"daily": D3, "monthly": {"day": 1, "keep_months": 1}, "weekly": WEEKLY}
    made = run(policy(**plan), [date(2026, 1, 7) + timedelta(days=n) for n in range(30)])
    assert [day for day, flags in made.items() if "W" in flags] == ["01-12", "01-19", "01-26", "02-02"]
    assert [day for day, flags in made.items() if "M" in flags] == ["02-01"]
    early = run(policy("2025-12-01", **plan), [date(2026, 1, 7)])
    assert early == {"01-07": "DWM"}


def test_a_week_whose_first_days_failed_is_claimed_though_the_policy_began_before_by_a_daily_point_only() -> None:
    made = run(policy(daily=D3, weekly=WEEKLY), [date(2026, 1, 7), date(2026, 1, 14)])
    assert made == {"01-07": "D", "01-14": "DW"}


def test_the_most_frequent_schedule_marks_every_point_that_it_makes() -> None:
    made = run(policy(daily={"at": ["03:00", "15:00"], "keep_days": 3}), [MONDAY])
    again = run(policy(weekly=WEEKLY), [MONDAY, MONDAY + timedelta(days=7)])
    assert (made, again) == ({"01-05": "D"}, {"01-05": "W", "01-12": "W"})


def test_an_archived_schedule_marks_the_copy_and_keeps_the_point_no_longer() -> None:
    rules = policy("2026-01-01", daily=D3, monthly={"day": 1, "keep_months": 12, "archive": True})
    mark = stamp(rules, "chain", "p", MONDAY, {})
    assert mark.untils == {"D": date(2026, 1, 8)}
    assert mark.archive_untils == {"M": date(2027, 1, 5)}


def test_claims_are_found_again_on_the_points_that_are_left() -> None:
    rules = policy(daily=D3, weekly=WEEKLY)
    claims: dict[ClaimKey, Claim] = {}
    made = run(rules, from_monday(10), claims)
    days = {f"{day:%m-%d}": day for day in from_monday(10)}
    points = [Carried(days[day].isoformat(), days[day], frozenset(flags)) for day, flags in made.items()]
    points.append(Carried("on demand", MONDAY - timedelta(days=1), frozenset()))
    assert claims_found(rules, "chain", reversed(points)) == claims


def test_without_schedules_there_is_no_flag_and_nothing_says_how_long() -> None:
    bare = policy_from({"name": "a"})
    assert stamp(bare, "chain", "p", MONDAY, {}).flags == ()
    assert hold_of(bare, MONDAY) is None


def test_a_point_made_on_demand_is_held_as_long_as_a_daily_one_or_as_the_policy_says() -> None:
    assert hold_of(policy(daily=D3, weekly=WEEKLY), MONDAY) == date(2026, 1, 8)
    said = policy_from({"name": "a", "retention": {"hold_days": 30}, "schedules": {"daily": D3}})
    assert hold_of(said, MONDAY) == date(2026, 2, 4)


def test_a_local_day_ends_when_the_next_one_begins() -> None:
    berlin, samoa = (policy_from({"name": "a", "time_zone": z}).zone for z in ("Europe/Berlin", "Pacific/Apia"))
    assert end_of_day(date(2026, 3, 28), berlin).isoformat() == "2026-03-28T23:00:00+00:00"
    assert end_of_day(date(2011, 12, 29), samoa).isoformat() == "2011-12-30T10:00:00+00:00"
    assert end_of_day(date.max, berlin).year == 9999
