"""Each alert, fired by what it is for: told by the real code, in the shape that Azure's exporter gives it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from activities import telling
from holdfast.model.errors import ErrorInfo
from holdfast.model.overdue import Overdue
from holdfast.model.session import RetentionSummary, Session, SourceRun, State
from holdfast.telemetry import tell
from tests.infra.kql import Query
from tests.infra.queries import ALERTS

AT = datetime(2026, 3, 1, 3, tzinfo=UTC)
LOST = ErrorInfo(code="worker-lost", title="The worker was lost")
LATE = Overdue(policy="nightly", source="sql-a/shop", chain="c", missed=AT)


def session(*states: State, outcome: State, **more: Any) -> Session:
    sources = [
        SourceRun(source=f"sql-a/db{n}", key=str(n), state=state, error=LOST if state is State.FAILED else None)
        for n, state in enumerate(states)
    ]
    return Session(id="s-1", policy="nightly", state=outcome, started_at=AT, ended_at=AT, sources=sources, **more)


def ended(*states: State, outcome: State, **more: Any) -> Callable[[], None]:
    return lambda: telling.session_ended(session(*states, outcome=outcome, **more))


def drill(state: str) -> None:
    about = {"backup.policy": "nightly", "backup.source.id": "sql-a/shop", "backup.restore_point.id": "p-1"}
    tell(
        "holdfast.drill.ended",
        {**about, "backup.state": state, "error.code": "" if state == "proven" else "rows-differ"},
    )


def check(repository: str, state: str) -> None:
    tell("holdfast.check.ended", {"backup.repository": repository, "backup.state": state, "backup.problems": 3})


def all_is_well() -> None:
    """A day on which nothing is to be told to anybody: none of the alerts fires."""
    ended(State.SUCCEEDED, State.SKIPPED, outcome=State.SUCCEEDED, retention=RetentionSummary(deleted=3))()
    telling.tell_overdue("nightly", [LATE], "overdue")
    telling.tell_overdue("nightly", [LATE], "recovered")
    telling.leftover("copy", "/x/databases/hf-1", "stuck")
    telling.leftover("copy", "/x/databases/hf-1", "removed")
    drill("failed")
    drill("proven")
    check("default", "failed")
    check("default", "succeeded")
    telling.alive(3, 1)
    telling.alive(3, 0)


def _session_of(**expected: Any) -> dict[str, Any]:
    return {"Session": "s-1", "Kind": "backup", "Policy": "nightly", **expected}


FAULTS: list[tuple[str, Callable[[], None], list[dict[str, Any]]]] = [
    (
        "session-failed",
        ended(State.FAILED, outcome=State.FAILED, error=LOST),
        [_session_of(State="failed", Failed=1, Code="worker-lost")],
    ),
    (
        "session-failed",
        ended(State.SUCCEEDED, State.FAILED, outcome=State.PARTIAL),
        [_session_of(State="partial", Failed=1, Code="")],
    ),
    (
        "database-overdue",
        lambda: telling.tell_overdue("nightly", [LATE], "overdue"),
        [{"Policy": "nightly", "Source": "sql-a/shop", "Since": "2026-03-01T03:00:00Z"}],
    ),
    ("still-overdue", lambda: telling.alive(3, 2), [{"Overdue": 2}]),
    (
        "drill-failed",
        lambda: drill("failed"),
        [{"Policy": "nightly", "Source": "sql-a/shop", "Point": "p-1", "Code": "rows-differ"}],
    ),
    (
        "leftover-stuck",
        lambda: telling.leftover("worker", "/x/virtualMachines/hf-1", "stuck"),
        [{"Kind": "worker", "Resource": "/x/virtualMachines/hf-1"}],
    ),
    ("check-failed", lambda: check("archive", "failed"), [{"Repository": "archive", "Problems": 3}]),
    (
        "retention-alarm",
        ended(outcome=State.PARTIAL, retention=RetentionSummary(alarms=["9 of 10 points would go at once"])),
        [{"Session": "s-1", "Policy": "nightly", "State": "stopped", "Alarm": "9 of 10 points would go at once"}],
    ),
    (
        "retention-alarm",
        ended(outcome=State.PARTIAL, retention=RetentionSummary(problems=["sql-a/shop: no right to lock packs/a"])),
        [{"Session": "s-1", "Policy": "nightly", "State": "failed", "Alarm": "sql-a/shop: no right to lock packs/a"}],
    ),
]


@pytest.mark.parametrize(("name", "fault", "expected"), FAULTS, ids=lambda one: one if isinstance(one, str) else "")
def test_a_fault_fires_its_alert_and_no_other(
    told: Any, name: str, fault: Callable[[], None], expected: list[dict[str, Any]]
) -> None:
    all_is_well()
    fault()
    found = {alert: Query(text).rows({"AppEvents": told()}) for alert, text in ALERTS.items()}
    fired = found.pop(f"alerts/{name}")
    assert [{key: value for key, value in row.items() if key != "TimeGenerated"} for row in fired] == expected
    also = {"alerts/session-failed"} if name == "retention-alarm" else set()
    assert {alert for alert, rows in found.items() if rows} == also


def test_a_good_day_fires_none(told: Any) -> None:
    all_is_well()
    assert {name for name, text in ALERTS.items() if Query(text).rows({"AppEvents": told()})} == set()


def test_silence_fires_the_heartbeats_alert_alone(told: Any) -> None:
    assert {name for name, text in ALERTS.items() if Query(text).rows({"AppEvents": told()})} == {"alerts/no-heartbeat"}


def test_every_alert_has_its_fault() -> None:
    assert {f"alerts/{name}" for name, _, _ in FAULTS} | {"alerts/no-heartbeat"} == ALERTS.keys()


@pytest.mark.parametrize(
    "text",
    [
        "T | take 1",
        "T | where a < 1",
        "T | summarize sum(a)",
        "T | where todatetime(a) == 1",
        "T | where a matches regex 'x'",
    ],
)
def test_what_the_evaluator_does_not_know_it_refuses(text: str) -> None:
    with pytest.raises(NotImplementedError):
        Query(text).rows({"T": [{"a": 1}]})
