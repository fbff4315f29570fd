"""Drives a saga without a host: activities are plain functions, time is a counter, events come when the test says.

The real host's replay is tested in tests/local/host and tests/e2e; here it is the order of steps that counts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

import orchestrators.archive_points
import orchestrators.await_turn
import orchestrators.backup_database
import orchestrators.download_point
import orchestrators.drill_point
import orchestrators.hold_point
import orchestrators.notices
import orchestrators.policy_run
import orchestrators.preflight_source
import orchestrators.read_tables
import orchestrators.restore_database
import orchestrators.retention
import orchestrators.source_batch
import orchestrators.survey_repositories
import orchestrators.tidy_up

Answer = dict[str, Any]
OK: Answer = {"ok": True}


def saga(name: str) -> Callable[[Any], Any]:
    """The generator function behind the Functions decorators."""
    for module in (
        orchestrators.policy_run,
        orchestrators.backup_database,
        orchestrators.source_batch,
        orchestrators.archive_points,
        orchestrators.download_point,
        orchestrators.read_tables,
        orchestrators.restore_database,
        orchestrators.retention,
        orchestrators.drill_point,
        orchestrators.hold_point,
        orchestrators.survey_repositories,
        orchestrators.preflight_source,
        orchestrators.tidy_up,
        orchestrators.notices,
        orchestrators.await_turn,
    ):
        if hasattr(module, name):
            handle = getattr(module, name)._function.get_user_function()
            return handle.orchestrator_function  # type: ignore[no-any-return]
    raise KeyError(name)


@dataclass
class Task:
    kind: str
    name: str = ""
    given: Any = None
    delay: timedelta = timedelta()
    children: list[Task] = field(default_factory=list)
    is_completed: bool = False
    cancelled: bool = False

    def cancel(self) -> None:
        self.cancelled = True


class Context:
    """As much of the SDK's context as the sagas use."""

    def __init__(self, host: Host, given: Answer, instance: str) -> None:
        self.host, self.given, self.instance_id = host, given, instance
        self.again: Answer | None = None

    def get_input(self) -> Answer:
        return self.given

    @property
    def current_utc_datetime(self) -> datetime:
        return self.host.now

    def call_activity(self, name: str, given: Answer) -> Task:
        return Task("activity", name, given)

    def call_sub_orchestrator(self, name: str, given: Answer, instance: str) -> Task:
        return Task("child", name, SimpleNamespace(given=given, instance=instance))

    def create_timer(self, at: datetime) -> Task:
        return Task("timer", delay=at - self.host.now)

    def wait_for_external_event(self, name: str) -> Task:
        return Task("event", name)

    def continue_as_new(self, given: Answer) -> None:
        self.again = given

    def task_any(self, tasks: list[Task]) -> Task:
        return Task("any", children=tasks)

    def task_all(self, tasks: list[Task]) -> Task:
        return Task("all", children=tasks)


class Host:
    """Answers every activity with `{"ok": True}` unless the test says otherwise; keeps what was called."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.activities: dict[str, Callable[[Answer], Answer]] = {}
        self.called: list[tuple[str, Answer]] = []
        self.silent_jobs = False
        self.generations = 0

    def names(self) -> list[str]:
        return [name for name, _ in self.called]

    def run(self, name: str, given: Answer, instance: str = "i") -> Answer:
        context = Context(self, given, instance)
        generator = saga(name)(context)
        value: Any = None
        while True:
            try:
                task = generator.send(value)
            except StopIteration as end:
                if context.again is not None:
                    self.generations += 1
                    return self.run(name, context.again, instance)
                return end.value  # type: ignore[no-any-return]
            try:
                value = self._settle(task)
            except RuntimeError as error:
                task = generator.throw(error)
                value = self._settle(task)

    def _settle(self, task: Task) -> Any:
        if task.kind == "activity":
            self.called.append((task.name, task.given))
            answer = self.activities.get(task.name, lambda _: OK)(task.given)
            return {**answer}
        if task.kind == "child":
            return self.run(task.name, task.given.given, task.given.instance)
        if task.kind == "timer":
            self.now += task.delay
            return None
        if task.kind == "all":
            return [self._settle(child) for child in task.children]
        event, deadline = task.children
        if self.silent_jobs:
            self.now += deadline.delay
            deadline.is_completed = True
        else:
            event.is_completed = True
        return event


def failure(code: str, *, permanent: bool) -> Callable[[Answer], Answer]:
    error = {"code": code, "title": code, "detail": "", "help": "", "permanent": permanent}
    return lambda _: {"ok": False, "error": error}


def in_turn(*answers: Callable[[Answer], Answer] | Answer) -> Callable[[Answer], Answer]:
    """Another answer each time; the last one for ever."""
    left = list(answers)

    def answer(given: Answer) -> Answer:
        chosen = left.pop(0) if len(left) > 1 else left[0]
        return chosen(given) if callable(chosen) else chosen

    return answer


TIMING = {
    "copy_poll": 1,
    "copy_deadline": 60,
    "worker_poll": 1,
    "worker_deadline": 60,
    "job_deadline": 600,
    "retry_delay": 1,
    "rehydrate_poll": 900,
}


@pytest.fixture
def host() -> Host:
    """A host whose activities all go well."""
    made = Host()
    made.activities = {
        "open_session": lambda _: {"ok": True, "timing": TIMING, "retries": 2},
        "discover_sources": lambda _: {"ok": True, "batches": 1},
        "discover_points": lambda _: {"ok": True, "batches": 1},
        "list_batch": lambda _: {"ok": True, "keys": ["a", "b"], "delays": {}},
        "plan_archive": lambda _: {"ok": True, "batches": 0},
        "plan_retention": lambda _: {"ok": True, "batches": 0, "alarms": 0},
        "take_batch": lambda _: {"ok": True, "plan": {"kind": "retention"}, "kinds": ["lock", "retain"]},
        "validate_hold": lambda _: {"ok": True, "plan": {}, "in_storage": True},
        "validate_source": lambda _: {"ok": True, "plan": {"staging": {"name": "s"}}},
        "validate_archive": lambda _: {"ok": True, "plan": {}},
        "validate_download": lambda _: {"ok": True, "plan": {}},
        "validate_restore": lambda _: {"ok": True, "plan": {"archived": False, "target": {"kind": "sql_database"}}},
        "look_at_target": lambda _: {"ok": True, "ready": True},
        "validate_preflight": lambda _: {"ok": True, "plan": {"kind": "preflight"}},
        "take_turn": lambda _: {"ok": True, "ready": True},
        "validate_drill": lambda _: {
            "ok": True,
            "plan": {"restore": "r", "asked": {}, "asked_at": "", "restore_key": "k"},
        },
        "validate_tables": lambda _: {"ok": True, "plan": {}},
        "look_at_copy": lambda _: {"ok": True, "ready": True},
        "lease_worker": lambda _: {"ok": True, "ready": True, "worker": "w"},
        "submit_job": lambda given: {"ok": True, "job": f"{given['kind']}-{given['attempt']}"},
        "collect_job": lambda given: {"ok": True, "job": given["job"], "ready": True},
    }
    return made


@pytest.fixture
def run_of() -> Answer:
    """What a batch hands to the saga of a source."""
    return {"session": "s", "key": "a", "kind": "backup", "child": "backup_database", "timing": TIMING, "retries": 2}


@pytest.fixture
def fails() -> Callable[..., Callable[[Answer], Answer]]:
    return failure


@pytest.fixture
def turns() -> Callable[..., Callable[[Answer], Answer]]:
    return in_turn
