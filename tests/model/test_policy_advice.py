"""What a policy's author is told when it is saved."""

from __future__ import annotations

from typing import Any

import pytest

from holdfast.model.policy import policy_from
from holdfast.model.policy_advice import warnings_of

DAILY = {"at": ["03:00"], "keep_days": 7}


def told(about: str = "", **fields: Any) -> list[str]:
    """The warnings that begin with a field."""
    policy = policy_from({"name": "a", "archive": "archive", **fields})
    return [line for line in warnings_of(policy) if line.startswith(about)]


def test_a_policy_that_is_as_it_should_be_is_left_in_peace() -> None:
    weekly, monthly = {"day": "sunday", "keep_weeks": 4}, {"day": 1, "keep_months": 12, "archive": True}
    assert told(schedules={"daily": DAILY, "weekly": weekly, "monthly": monthly}) == []


@pytest.mark.parametrize(
    ("schedules", "field"),
    [
        ({"daily": DAILY, "weekly": {"day": "sunday", "keep_weeks": 1}}, "schedules.weekly.keep_weeks"),
        (
            {"daily": {**DAILY, "keep_days": 31}, "monthly": {"day": 1, "keep_months": 1}},
            "schedules.monthly.keep_months",
        ),
        (
            {"weekly": {"day": "sunday", "keep_weeks": 60}, "yearly": {"month": 1, "day": 1, "keep_years": 1}},
            "schedules.yearly.keep_years",
        ),
    ],
)
def test_a_rarer_schedule_that_keeps_no_longer_is_useless(schedules: dict[str, Any], field: str) -> None:
    (line,) = told("schedules", schedules=schedules)
    assert line.startswith(f"{field} keeps ")
    assert "not longer than" in line


def test_what_goes_to_the_archive_is_not_compared_with_what_stays() -> None:
    """A short keep in another region is worth having; two archived schedules are compared with each other."""
    daily = {**DAILY, "keep_days": 400}
    monthly = {"day": 1, "keep_months": 12, "archive": True}
    assert told("schedules", schedules={"daily": daily, "monthly": monthly}) == []
    yearly = {"month": 1, "day": 1, "keep_years": 1, "archive": True}
    (line,) = told("schedules", schedules={"daily": daily, "monthly": monthly, "yearly": yearly})
    assert line.startswith("schedules.yearly.keep_years keeps 1 year, not longer than schedules.monthly.keep_months")


def test_the_early_deletion_fee_is_told_in_days() -> None:
    short = {"day": 1, "keep_months": 5, "archive": True}
    (line,) = told("schedules", schedules={"daily": DAILY, "monthly": short})
    assert "schedules.monthly.keep_months is 5 months, about 150 days" in line
    assert "a further 30 days" in line
    assert told("schedules", schedules={"daily": DAILY, "monthly": {**short, "keep_months": 6}}) == []
    assert told("schedules", schedules={"daily": DAILY, "monthly": {**short, "archive": False}}) == []


def test_slots_in_a_blackout_are_named() -> None:
    daily = {"at": ["03:00", "09:00", "12:30"], "keep_days": 7}
    office = [{"days": ["monday"], "from": "08:00", "to": "18:00"}]
    (line,) = told("blackout", time_zone="Asia/Tokyo", schedules={"daily": daily}, blackout=office)
    assert line.startswith("blackout: slots at 09:00, 12:30 fall in a window")
    weekly = {"weekly": {"day": "sunday", "keep_weeks": 4, "at": "09:00"}}
    assert told("blackout", schedules=weekly, blackout=office) == []


def test_a_time_that_nothing_looks_at_is_told() -> None:
    weekly = {"day": "sunday", "keep_weeks": 4, "at": "05:00"}
    assert told("schedules", schedules={"daily": DAILY, "weekly": weekly}) == [
        "schedules.weekly.at is not used: the point comes from the daily schedule"
    ]
    assert told("schedules", schedules={"weekly": weekly}) == []


def test_an_immutable_policy_says_what_it_needs_and_for_how_long() -> None:
    (line,) = told(
        "immutable: ", immutable=True, schedules={"daily": DAILY, "weekly": {"day": "sunday", "keep_weeks": 4}}
    )
    assert "versioning" in line
    assert "up to 4 weeks" in line


def test_points_without_an_end_are_told() -> None:
    assert told("schedules are missing") != []
    assert told("schedules are missing", retention={"hold_days": 9}) == []
