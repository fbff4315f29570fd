"""A clock that cannot be right, and too much at once, wait for a person; what one approves is this and nothing else."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from holdfast.model.retention import Verdict
from holdfast.model.retention_guards import Alarm, alarms

NOW = datetime(2026, 3, 1, 4, tzinfo=UTC)


def run(
    doomed: int,
    spared: int,
    *,
    last: datetime | None = None,
    now: datetime = NOW,
    scope: str = "nightly/default",
    **rest: object,
) -> list[Alarm]:
    """The alarms of a run of one chain."""
    found = [
        ("chain", Verdict(f"p{n}", date(2026, 1, 1), (), {}, None, None, n >= doomed, ()))
        for n in range(doomed + spared)
    ]
    return alarms(scope, found, now=now, last_run=last, **rest)  # type: ignore[arg-type]


def kinds(found: list[Alarm]) -> list[str]:
    return [alarm.kind for alarm in found]


@pytest.mark.parametrize(
    ("since", "told"),
    [
        (timedelta(minutes=-11), ["clock-went-back"]),
        (timedelta(minutes=-10), []),
        (timedelta(days=1), []),
        (timedelta(days=7), []),
        (timedelta(days=7, seconds=1), ["clock-jumped"]),
    ],
)
def test_a_clock_that_goes_back_or_jumps_is_told_even_if_nothing_would_go(since: timedelta, told: list[str]) -> None:
    assert kinds(run(0, 5, last=NOW - since)) == told


def test_the_first_run_has_no_clock_to_compare_with() -> None:
    assert run(3, 5) == []


@pytest.mark.parametrize(
    ("doomed", "spared", "told"),
    [(10, 0, []), (11, 11, []), (11, 10, ["mass-expiry"]), (600, 400, ["mass-expiry"]), (400, 600, [])],
)
def test_more_than_half_at_once_is_asked_about_unless_it_is_few(doomed: int, spared: int, told: list[str]) -> None:
    assert kinds(run(doomed, spared)) == told


def test_the_policy_may_be_stricter_or_never_ask() -> None:
    assert kinds(run(3, 20, percent=10, floor=2)) == ["mass-expiry"]
    assert run(50, 0, percent=100) == []


def test_an_approved_plan_runs_also_when_it_is_planned_again_later() -> None:
    last = NOW - timedelta(days=9)
    asked = run(20, 5, last=last)
    assert kinds(asked) == ["clock-jumped", "mass-expiry"]
    assert len({alarm.approval for alarm in asked}) == 2
    given = [alarm.approval for alarm in asked]
    assert run(20, 5, last=last, now=NOW + timedelta(hours=3), approved=given) == []
    assert kinds(run(20, 5, last=last, approved=given[:1])) == ["mass-expiry"]


def test_to_approve_one_plan_approves_no_other() -> None:
    given = {alarm.approval for alarm in run(20, 5, last=NOW - timedelta(days=9))}
    assert not given & {alarm.approval for alarm in run(21, 5, last=NOW - timedelta(days=9))}
    assert not given & {alarm.approval for alarm in run(20, 5, last=NOW - timedelta(days=9), scope="nightly/other")}
    assert kinds(run(20, 5, last=NOW - timedelta(days=8), approved=given)) == ["clock-jumped"]
