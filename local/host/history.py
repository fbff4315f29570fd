"""The words of the Durable protocol 1.x: numbers of history events and actions, states, and how times are written."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import IntEnum
from typing import Any, Final

Event = dict[str, Any]
"""A history event as the SDK reads it: `EventType`, `EventId`, `IsPlayed`, `Timestamp` and what its type adds."""

Action = dict[str, Any]
"""One entry of the SDK's action list."""


class EventType(IntEnum):
    """Types of history events, by the numbers that the SDK expects."""

    EXECUTION_STARTED = 0
    EXECUTION_COMPLETED = 1
    EXECUTION_FAILED = 2
    EXECUTION_TERMINATED = 3
    TASK_SCHEDULED = 4
    TASK_COMPLETED = 5
    TASK_FAILED = 6
    SUB_ORCHESTRATION_CREATED = 7
    SUB_ORCHESTRATION_COMPLETED = 8
    SUB_ORCHESTRATION_FAILED = 9
    TIMER_CREATED = 10
    TIMER_FIRED = 11
    ORCHESTRATOR_STARTED = 12
    ORCHESTRATOR_COMPLETED = 13
    EVENT_SENT = 14
    EVENT_RAISED = 15
    CONTINUE_AS_NEW = 16
    GENERIC_EVENT = 17
    HISTORY_STATE = 18
    EXECUTION_SUSPENDED = 19
    EXECUTION_RESUMED = 20


EVENT_NAMES: Final = {
    EventType.SUB_ORCHESTRATION_CREATED: "SubOrchestrationInstanceCreated",
    EventType.SUB_ORCHESTRATION_COMPLETED: "SubOrchestrationInstanceCompleted",
    EventType.SUB_ORCHESTRATION_FAILED: "SubOrchestrationInstanceFailed",
} | {kind: kind.name.title().replace("_", "") for kind in EventType if not kind.name.startswith("SUB_ORCHESTRATION")}
"""Names of the event types, as the status JSON spells them."""


class ActionType(IntEnum):
    """Types of the SDK's actions."""

    CALL_ACTIVITY = 0
    CALL_ACTIVITY_WITH_RETRY = 1
    CALL_SUB_ORCHESTRATOR = 2
    CALL_SUB_ORCHESTRATOR_WITH_RETRY = 3
    CONTINUE_AS_NEW = 4
    CREATE_TIMER = 5
    WAIT_FOR_EXTERNAL_EVENT = 6
    CALL_ENTITY = 7
    CALL_HTTP = 8
    SIGNAL_ENTITY = 9
    WHEN_ANY = 11
    WHEN_ALL = 12


COMPLETED: Final = "Completed"
FAILED: Final = "Failed"
TERMINATED: Final = "Terminated"
CANCELED: Final = "Canceled"
PENDING: Final = "Pending"
RUNNING: Final = "Running"
SUSPENDED: Final = "Suspended"
TERMINAL: Final = frozenset({COMPLETED, FAILED, TERMINATED, CANCELED})
"""States that an instance never leaves, but by being started again."""


def stamp(moment: datetime) -> str:
    """A time as history events and timers carry it: UTC, always six digits, `Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def moment_of(text: str) -> datetime:
    """The reverse of `stamp`; takes any ISO 8601 time, and one without an offset as UTC (as .NET writes some)."""
    found = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
