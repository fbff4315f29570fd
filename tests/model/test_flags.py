"""Which flags a new point gets: the rarer schedule takes the first success of its period."""

from datetime import UTC, datetime, timedelta

from holdfast.model.policy import Policy, policy_from
from holdfast.model.retention import Flagged, flags_due


def run(policy: Policy, first: datetime, days: int, failing: tuple[int, ...] = ()) -> dict[str, str]:
    """Runs the policy daily; gives day to flags, archived ones with a star."""
    chain: list[Flagged] = []
    made: dict[str, str] = {}
    for number in range(days):
        slot = first + timedelta(days=number)
        if slot.day in failing:
            continue
        due = flags_due(policy, slot, chain)
        chain.append(Flagged(slot.date(), frozenset((*due.flags, *due.archive_flags))))
        made[f"{slot:%m-%d}"] = "".join((*due.flags, *(f"{flag}*" for flag in due.archive_flags)))
    return made


def test_the_weekly_flag_goes_to_the_first_success_of_its_week() -> None:
    """Example E2 of the retention rules: Monday 12 and Tuesday 13 fail."""
    policy = policy_from(
        {
            "name": "a",
            "start_date": "2026-01-05",
            "schedules": {"daily": {"at": ["03:00"], "keep_days": 3}, "weekly": {"day": "monday", "keep_weeks": 2}},
        }
    )
    made = run(policy, datetime(2026, 1, 5, 3, tzinfo=UTC), 18, failing=(12, 13))
    assert [day for day, flags in made.items() if "W" in flags] == ["01-05", "01-14", "01-19"]


def test_an_archived_schedule_marks_the_point_for_the_archive_and_keeps_it_no_longer() -> None:
    """Example E5: a weekly chain whose first point of every second month is archived."""
    policy = policy_from(
        {
            "name": "a",
            "start_date": "2026-01-01",
            "archive": "archive",
            "schedules": {
                "weekly": {"day": "monday", "keep_weeks": 3},
                "monthly": {"day": 1, "months": [1, 3, 5, 7], "keep_months": 12, "archive": True},
            },
        }
    )
    chain: list[Flagged] = []
    archived = []
    for week in range(28):
        slot = datetime(2026, 1, 5, tzinfo=UTC) + timedelta(weeks=week)
        due = flags_due(policy, slot, chain)
        assert due.flags == ("W",)
        chain.append(Flagged(slot.date(), frozenset((*due.flags, *due.archive_flags))))
        archived += [f"{slot:%m-%d}"] if due.archive_flags else []
    assert archived == ["01-05", "03-02", "05-04", "07-06"]


def test_on_demand_policies_give_no_flags() -> None:
    assert flags_due(policy_from({"name": "a"}), datetime(2026, 1, 1, tzinfo=UTC), []).flags == ()
