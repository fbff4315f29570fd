"""Runs the real orchestrators over the real activities in this process, with a durable host's rules.

What an activity answered is recorded, and an orchestration that is started again replays to where it was. A death between
an activity's work and its record does the work a second time: exactly what a host does that was killed.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import ModuleType
from typing import Any

import activities
import orchestrators

Answer = dict[str, Any]

#: What a history takes in one event.
_HISTORY_BYTES = 16_384


class Died(BaseException):
    """The host was killed: no code of the product sees this."""


def functions_of(folder: ModuleType) -> dict[str, Any]:
    """Every function of the folder's blueprints, by name."""
    found: dict[str, Any] = {}
    for module in pkgutil.iter_modules(folder.__path__):
        blueprint = getattr(importlib.import_module(f"{folder.__name__}.{module.name}"), "bp", None)
        for builder in getattr(blueprint, "_function_builders", []):
            function = builder._function
            user = function.get_user_function()
            found[user.__name__ if not hasattr(user, "orchestrator_function") else function.get_function_name()] = user
    return found


@dataclass
class Task:
    kind: str
    name: str = ""
    given: Any = None
    instance: str = ""
    until: datetime | None = None
    children: list[Task] = field(default_factory=list)
    is_completed: bool = False

    def cancel(self) -> None:
        """A timer that is no longer wanted."""


class Context:
    """As much of the SDK's context as the sagas use."""

    def __init__(self, given: Answer, instance: str, now: Callable[[], datetime]) -> None:
        self._given, self.instance_id, self._now = given, instance, now

    def get_input(self) -> Answer:
        return self._given

    @property
    def current_utc_datetime(self) -> datetime:
        return self._now()

    def call_activity(self, name: str, given: Answer) -> Task:
        return Task("activity", name, given)

    def call_sub_orchestrator(self, name: str, given: Answer, instance: str) -> Task:
        return Task("child", name, given, instance)

    def create_timer(self, at: datetime) -> Task:
        return Task("timer", until=at)

    def wait_for_external_event(self, name: str) -> Task:
        return Task("event", name)

    def task_any(self, tasks: list[Task]) -> Task:
        return Task("any", children=tasks)

    def task_all(self, tasks: list[Task]) -> Task:
        return Task("all", children=tasks)


class Host:
    """One task hub. `advance` lets the clock pass; `before_record` may raise Died once an activity has done its work."""

    def __init__(self, now: Callable[[], datetime], advance: Callable[[timedelta], None]) -> None:
        self._now, self._advance = now, advance
        self._activities, self._sagas = functions_of(activities), functions_of(orchestrators)
        self._histories: dict[str, list[tuple[Any, datetime]]] = {}
        self.before_record: Callable[[], None] = lambda: None

    def run(self, name: str, given: Answer, instance: str) -> Answer:
        """The saga's answer; goes on where an earlier run of the instance died."""
        history = self._histories.setdefault(instance, [])
        moment = [history[0][1] if history else self._now()]
        if not history:
            history.append((None, moment[0]))
        generator = self._sagas[name].orchestrator_function(Context(given, instance, lambda: moment[0]))
        place, value = 1, None
        while True:
            try:
                task = generator.send(value)
            except StopIteration as end:
                self._histories[instance] = [(None, history[0][1])]
                answer: Answer = end.value
                self._histories.pop(instance)
                return answer
            if place == len(history):
                history.append((self._settle(task), self._now()))
            value, moment[0] = history[place]
            for child in task.children:
                child.is_completed = child.kind == "event"
            place += 1

    def _settle(self, task: Task) -> Any:
        if task.kind == "activity":
            answer = self._activities[task.name](json.loads(json.dumps(task.given)))
            assert len(json.dumps(answer)) < _HISTORY_BYTES, f"{task.name} answers more than a history takes"
            self.before_record()
            return answer
        if task.kind == "child":
            return self.run(task.name, json.loads(json.dumps(task.given)), task.instance)
        if task.kind == "all":
            return [self._settle(child) for child in task.children]
        if task.kind == "timer":
            assert task.until is not None
            self._advance(max(task.until - self._now(), timedelta()))
        return None
