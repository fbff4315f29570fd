"""How an instance looks from outside: the status JSON, and the filter of lists and purges."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from local.host.history import EVENT_NAMES, Event, EventType, moment_of
from local.host.store import Instance

_SCHEDULED: Final = frozenset({EventType.TASK_SCHEDULED, EventType.SUB_ORCHESTRATION_CREATED, EventType.TIMER_CREATED})
_HIDDEN: Final = _SCHEDULED | {EventType.ORCHESTRATOR_STARTED, EventType.ORCHESTRATOR_COMPLETED}
_OWN: Final = frozenset({"EventType", "EventId", "IsPlayed", "Input", "Result"})


def status_of(
    instance: Instance, *, show_input: bool = False, history: list[str] | None = None, outputs: bool = False
) -> dict[str, Any]:
    """The status JSON. `history` (events as stored) adds `historyEvents`; `outputs` leaves their results in."""
    status = {
        "name": instance.name,
        "instanceId": instance.id,
        "runtimeStatus": instance.status,
        "input": instance.input if show_input else None,
        "customStatus": json.loads(instance.custom_status) if instance.custom_status else None,
        "output": json.loads(instance.output) if instance.output else None,
        "createdTime": _written(instance.created),
        "lastUpdatedTime": _written(instance.updated),
    }
    if history is not None:
        status["historyEvents"] = _events(history, outputs=outputs)
    return status


def _written(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _events(history: list[str], *, outputs: bool) -> list[dict[str, Any]]:
    """What happened, as the real host tells it: answers carry the name and time of what was asked."""
    asked: dict[int, Event] = {}
    shown: list[dict[str, Any]] = []
    for text in history:
        event = json.loads(text)
        kind = EventType(event["EventType"])
        if kind in _SCHEDULED:
            asked[event["EventId"]] = event
        if kind in _HIDDEN:
            continue
        line = {"EventType": EVENT_NAMES[kind]} | {key: value for key, value in event.items() if key not in _OWN}
        question = asked.get(event.get("TaskScheduledId", -1))
        if question is not None:
            line["FunctionName"], line["ScheduledTime"] = question["Name"], question["Timestamp"]
        elif kind == EventType.EXECUTION_STARTED:
            line["FunctionName"] = line.pop("Name")
        if outputs and "Result" in event:
            line["Result"] = json.loads(event["Result"]) if event["Result"] is not None else None
        shown.append(line)
    return shown


@dataclass(frozen=True, slots=True)
class Filter:
    """Which instances a list or a purge means."""

    states: frozenset[str]
    created_from: float | None
    created_to: float | None
    prefix: str

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Filter:
        """Reads the query parameters of the durable HTTP API."""

        def seconds(name: str) -> float | None:
            text = query.get(name)
            return moment_of(text).timestamp() if text else None

        states = frozenset(filter(None, query.get("runtimeStatus", "").lower().split(",")))
        return cls(states, seconds("createdTimeFrom"), seconds("createdTimeTo"), query.get("instanceIdPrefix", ""))

    def takes(self, instance: Instance) -> bool:
        """Whether it means that instance."""
        return (
            (not self.states or instance.status.lower() in self.states)
            and (self.created_from is None or instance.created >= self.created_from)
            and (self.created_to is None or instance.created <= self.created_to)
            and instance.id.startswith(self.prefix)
        )
