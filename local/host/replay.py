"""Replays the SDK's flat action list against the history and numbers the actions as the real host does.

The SDK hands back one list of all actions since the start, which does not say when each was taken; retries and their
timers are not in it at all. The real host (OutOfProcOrchestrationShim over the Durable Task Framework) runs that list
again: it awaits one top-level action after another and gives ids in the order in which actions are invoked. `Shadow`
does the same, without I/O: history events are fed one by one, and after each it advances while the current action is
done. What the list brings that the history does not hold yet is then in `emitted`.

Rules (read in the .NET sources, and kept with their pitfalls so that local success means something):

- Ids count scheduled tasks, sub-orchestrations, timers and sent events; waits and continue-as-new take none.
- With-retry: failure, timer (an id), scheduled again (an id), …; after the last failed attempt one more timer, due at
  once. The SDK counts on it.
- A cancelled timer still takes its id, is done at once, and its later firing is ignored.
- WhenAll waits for all children even after one failed, although the SDK raises on the first failure.
- Waits for one event name form a stack (the newest gets the event); events that came early form a queue.
"""

from __future__ import annotations

import json
import uuid
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from local.host.history import Action, ActionType, Event, EventType, moment_of, stamp

_NAMESPACE: Final = uuid.UUID("9e952958-5e33-4daf-827f-2fa12937b875")
_ACTIVITIES: Final = frozenset({ActionType.CALL_ACTIVITY, ActionType.CALL_ACTIVITY_WITH_RETRY})
_RETRIED: Final = frozenset({ActionType.CALL_ACTIVITY_WITH_RETRY, ActionType.CALL_SUB_ORCHESTRATOR_WITH_RETRY})
_SUCCEEDED: Final = frozenset({EventType.TASK_COMPLETED, EventType.SUB_ORCHESTRATION_COMPLETED})
_FAILED: Final = frozenset({EventType.TASK_FAILED, EventType.SUB_ORCHESTRATION_FAILED})
_DECIDED: Final = frozenset(
    {
        EventType.TASK_SCHEDULED,
        EventType.SUB_ORCHESTRATION_CREATED,
        EventType.TIMER_CREATED,
        EventType.EVENT_SENT,
    }
)


class NonDeterminismError(Exception):
    """The orchestrator's code took another decision than the one that the history holds."""


class UnsupportedActionError(Exception):
    """The orchestrator asked for something that this host cannot do (call_http)."""


@dataclass(frozen=True, slots=True)
class Emission:
    """A decision that needs a history event: its type and the fields that go with it."""

    type: EventType
    fields: dict[str, Any]


class _Node:
    """An invoked action, or a part of one, that is or will be done."""

    __slots__ = ("action", "attempts", "done", "failed", "kind", "parent", "pausing", "pending")

    def __init__(self, action: Action, parent: _Node | None) -> None:
        self.action = action
        self.kind = ActionType(action["actionType"])
        self.parent = parent
        self.done = False
        self.failed = False
        self.pending = 0  # children of a WhenAll that are not done: a counter, so that 1,000 children stay linear
        self.attempts = 0
        self.pausing = False  # between a failed attempt and the timer that starts the next


class Shadow:
    """One execution's action list, replayed. Feed the whole history in order, then read the outcome."""

    def __init__(self, instance_id: str, execution_id: str, actions: Sequence[Action]) -> None:
        self.instance_id = instance_id
        self.execution_id = execution_id
        self.actions = actions
        self.emitted: dict[int, Emission] = {}
        """Decisions by id that the history does not hold yet, in the order in which they were taken."""
        self.continue_as_new: Action | None = None
        self.cancelled: set[int] = set()
        """Ids of timers that the orchestrator has cancelled: nobody needs to wait for them."""
        self.misnumbers = False
        """At some moment a fan-in had failed for the SDK but not ended for the host, and the SDK had gone on.

        From there SDK and host may number tasks differently: a silent wrong result, or a run that hangs. Nothing may
        raise inside `task_all`.
        """
        self._cursor = 0
        self._current: _Node | None = None
        self._next_id = 0
        self._open: dict[int | str, _Node] = {}
        self._waiting: defaultdict[str, list[_Node]] = defaultdict(list)
        self._early: defaultdict[str, deque[Event]] = defaultdict(deque)
        self._now = datetime.min.replace(tzinfo=UTC)
        self._failed_fan_ins: list[_Node] = []

    @property
    def finished(self) -> bool:
        """The list is exhausted and no task is open: until then the real host keeps the instance running."""
        return self._cursor >= len(self.actions) and not self._open

    @property
    def open_tasks(self) -> frozenset[int | str]:
        """Ids (of an entity call: its GUID) of what has been asked for and is not answered yet."""
        return frozenset(self._open)

    def feed(self, event: Event) -> bool:
        """Takes the next history event.

        Returns False for the completion of something that is not open: a duplicate, or the firing of a cancelled
        timer; such an event must not enter the history, for the SDK would keep it for a later task.
        Raises NonDeterminismError, UnsupportedActionError.
        """
        kind = event["EventType"]
        if kind == EventType.ORCHESTRATOR_STARTED:
            self._now = max(self._now, moment_of(event["Timestamp"]))
            return True
        if kind in _DECIDED:
            self._confirm(event)
            return True
        known = True
        if kind == EventType.EXECUTION_STARTED:
            pass
        elif kind in _SUCCEEDED or kind in _FAILED:
            known = self._complete(event["TaskScheduledId"], failed=kind in _FAILED)
        elif kind == EventType.TIMER_FIRED:
            known = self._complete(event["TimerId"], failed=False)
        elif kind == EventType.EVENT_RAISED:
            self._raise_event(event)
        else:
            return True
        self._advance()
        if self._failed_fan_ins:
            self._failed_fan_ins = [node for node in self._failed_fan_ins if not node.done]
            self.misnumbers |= bool(self._failed_fan_ins) and self._cursor + 1 < len(self.actions)
        return known

    def _advance(self) -> None:
        while self._cursor < len(self.actions):
            if self._current is None:
                self._current = self._invoke(self.actions[self._cursor], None)
            if not self._current.done:
                return
            self._cursor += 1
            self._current = None

    def _invoke(self, action: Action, parent: _Node | None) -> _Node:
        node = _Node(action, parent)
        match node.kind:
            case ActionType.WHEN_ALL | ActionType.WHEN_ANY:
                children = action["compoundActions"]
                node.pending = len(children)
                for child in children:
                    self._invoke(child, node)
                if not children:
                    self._settle(node, failed=False)
            case ActionType.CREATE_TIMER:
                timer = self._emit(EventType.TIMER_CREATED, FireAt=action["fireAt"])
                if action.get("isCanceled"):
                    self.cancelled.add(timer)
                    self._settle(node, failed=False)
                else:
                    self._open[timer] = node
            case ActionType.WAIT_FOR_EXTERNAL_EVENT:
                name = action["externalEventName"]
                if self._early[name]:
                    self._early[name].popleft()
                    self._settle(node, failed=False)
                else:
                    self._waiting[name].append(node)
            case ActionType.CALL_ENTITY | ActionType.SIGNAL_ENTITY:
                self._send_to_entity(node)
            case ActionType.CONTINUE_AS_NEW:
                self.continue_as_new = action
                self._settle(node, failed=False)
            case ActionType.CALL_HTTP:
                raise UnsupportedActionError("call_http is not supported by the local host; call an activity instead")
            case _:
                self._schedule(node)
        return node

    def _emit(self, kind: EventType, **fields: Any) -> int:
        number = self._next_id
        self._next_id += 1
        self.emitted[number] = Emission(kind, fields)
        return number

    def _schedule(self, node: _Node) -> None:
        """Starts an activity or a sub-orchestration, or starts it again."""
        node.attempts += 1
        action = node.action
        if node.kind in _ACTIVITIES:
            number = self._emit(
                EventType.TASK_SCHEDULED, Name=action["functionName"], Version="", Input=action.get("input")
            )
        else:
            number = self._next_id
            self._emit(
                EventType.SUB_ORCHESTRATION_CREATED,
                Name=action["functionName"],
                Version=action.get("version") or "",
                Input=action.get("input"),
                InstanceId=action.get("instanceId") or f"{self.execution_id}:{number}",
            )
        self._open[number] = node

    def _send_to_entity(self, node: _Node) -> None:
        action = node.action
        guid = str(uuid.uuid5(_NAMESPACE, f"{self.instance_id}_{self.execution_id}_{self._next_id}"))
        request = {
            "op": action["operation"],
            "id": guid,
            "parent": self.instance_id,
            "parentExecution": self.execution_id,
        }
        if node.kind == ActionType.SIGNAL_ENTITY:
            request["signal"] = True
        if action.get("input") is not None:
            request["input"] = json.dumps(action["input"])
        self._emit(EventType.EVENT_SENT, InstanceId=action["instanceId"], Name="op", Input=json.dumps(request))
        if node.kind == ActionType.SIGNAL_ENTITY:
            self._settle(node, failed=False)
        else:
            self._open[guid] = node

    def _complete(self, key: int | str, *, failed: bool) -> bool:
        node = self._open.pop(key, None)
        if node is None:
            return False
        if node.kind not in _RETRIED:
            self._settle(node, failed=failed)
        elif node.pausing:
            node.pausing = False
            if node.attempts >= node.action["retryOptions"]["maxNumberOfAttempts"]:
                self._settle(node, failed=True)
            else:
                self._schedule(node)
        elif failed:
            self._pause(node)
        else:
            self._settle(node, failed=False)
        return True

    def _pause(self, node: _Node) -> None:
        """The timer before the next attempt; also after the last one, then due at once."""
        options = node.action["retryOptions"]
        last = node.attempts >= options["maxNumberOfAttempts"]
        delay = timedelta() if last else timedelta(milliseconds=options["firstRetryIntervalInMilliseconds"])
        node.pausing = True
        self._open[self._emit(EventType.TIMER_CREATED, FireAt=stamp(self._now + delay))] = node

    def _settle(self, node: _Node, *, failed: bool) -> None:
        """Marks a node as done and tells its ancestors."""
        while True:
            node.done, node.failed = True, failed
            parent = node.parent
            if parent is None or parent.done:
                return
            if parent.kind == ActionType.WHEN_ANY:
                node, failed = parent, False
                continue
            parent.pending -= 1
            if failed and not parent.failed:
                parent.failed = True
                self._failed_fan_ins.append(parent)
            if parent.pending:
                return
            node, failed = parent, parent.failed

    def _raise_event(self, event: Event) -> None:
        name = event["Name"]
        if name in self._open:  # an entity's answer carries the call's GUID as its name
            self._complete(name, failed="exceptionType" in json.loads(event["Input"]))
        elif self._waiting[name]:
            self._settle(self._waiting[name].pop(), failed=False)
        else:
            self._early[name].append(event)

    def _confirm(self, event: Event) -> None:
        """The history holds a decision: the replay must have taken the same one."""
        number, kind, name = event["EventId"], event["EventType"], str(event.get("Name") or "")
        found = self.emitted.pop(number, None)
        if found is not None and found.type == kind:
            named = kind in (EventType.TASK_SCHEDULED, EventType.SUB_ORCHESTRATION_CREATED)
            if not named or str(found.fields["Name"]).lower() == name.lower():
                return
        produced = f"{found.type.name} {found.fields.get('Name', '')!r}" if found else "nothing"
        raise NonDeterminismError(
            f"Non-Deterministic workflow detected: the history has {EventType(kind).name} {name!r} as number {number}, "
            f"the replay produced {produced}. Was the orchestrator's code changed while this instance was running?"
        )
