"""Which day a daily summary tells of. Pure."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from holdfast.model.policy import Policy


def summary_window(policy: Policy, at: time, now: datetime) -> tuple[datetime, datetime]:
    """The newest whole day up to `at`, in the time zone of the policy: from yesterday's `at` to today's, in UTC.

    Where the clocks change the day has 23 or 25 hours; the next one begins where it ended, so nothing is told twice.
    """

    def moment(day: date) -> datetime:
        return datetime.combine(day, at, tzinfo=policy.zone).astimezone(UTC)

    today = now.astimezone(policy.zone).date()
    last = next(day for day in (today + timedelta(days=1), today, today - timedelta(days=1)) if moment(day) <= now)
    return moment(last - timedelta(days=1)), moment(last)
