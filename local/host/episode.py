"""One episode of an orchestration: history and new messages in, decisions out. No I/O.

The SDK runs the orchestrator's code over the whole history and says what it wants in all; the shadow says which of
that is new. The caller stores the outcome in one transaction.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any, Final

from local.host import payload
from local.host.history import Event, EventType
from local.host.index import ORCHESTRATION, Index
from local.host.invoke import decode
from local.host.replay import Emission, NonDeterminismError, Shadow, UnsupportedActionError
from local.host.store import Instance

_MARK: Final = "\n\n$OutOfProcData$:"
_LIMITS: Final = {
    "isReplaying": False,
    "upperSchemaVersion": 1,  # what the real host sends to old SDKs …
    "upperSchemaVersionNew": 2,  # … and to those that know more: schema V3
    "longRunningTimerIntervalDuration": "3.00:00:00",
    "maximumShortTimerDuration": "6.00:00:00",
    "defaultHttpAsyncRequestSleepTimeMillseconds": 30000,
}


@dataclass(slots=True)
class Outcome:
    """What an episode decided."""

    new_events: list[Event]
    """The messages that enter the history (duplicates do not)."""
    emitted: dict[int, Emission] = field(default_factory=dict)
    cancelled: set[int] = field(default_factory=set)
    """Timers that need not fire any more."""
    ended: bool = False
    output: str | None = None
    """JSON text of the result, when it ended well."""
    error: str | None = None
    """Why the orchestration failed, when it did."""
    continue_with: tuple[str | None] | None = None
    """In a tuple the new generation's input, when it continues as new."""
    custom_status: str | None = None
    """JSON text; None leaves the status as it is (the SDK cannot clear one)."""
    misnumbers: bool = False
    seconds: float = 0.0
    """Real time that the replay took."""


def play(index: Index, instance: Instance, past: list[str], new: list[Event]) -> Outcome:
    """Runs one episode. `past` is the stored history, `new` starts with OrchestratorStarted. Never raises."""
    began = time.perf_counter()
    function = index.orchestrators.get(instance.name.lower())
    outcome = Outcome(new)
    if function is None:
        outcome.ended, outcome.error = True, missing(instance.name, "orchestrator")
        return outcome
    state = _run(function.call, _body(instance, past, new))
    try:
        _judge(index, instance, past, new, state, outcome)
    except (NonDeterminismError, UnsupportedActionError, payload.PayloadTooLargeError, UnknownFunctionError) as error:
        outcome = Outcome(new, ended=True, error=str(error))
    outcome.seconds = time.perf_counter() - began
    return outcome


class UnknownFunctionError(Exception):
    """An orchestrator called what the app does not have: this fails the orchestration itself, as in Azure."""


def missing(name: str, kind: str) -> str:
    """The real host's words for a function that is not there."""
    article = "an" if kind[0] in "aeo" else "a"
    return f"The function '{name}' doesn't exist, is disabled, or is not {article} {kind} function."


def _body(instance: Instance, past: list[str], new: list[Event]) -> str:
    rest = json.dumps(
        {"input": instance.input, "instanceId": instance.id, "parentInstanceId": instance.parent, **_LIMITS}
    )
    return '{"history":[' + ",".join([*past, *(json.dumps(event) for event in new)]) + "]," + rest[1:]


def _run(call: Callable[[Any], str], body: str) -> dict[str, Any]:
    """The SDK's answer; for an exception without the SDK's mark one that says that all is over."""
    state: dict[str, Any]
    try:
        state = json.loads(call(decode(ORCHESTRATION, body, "json")))
    except Exception as error:  # noqa: BLE001 (whatever the app's code raises ends its orchestration, not the host)
        message = str(error)
        mark = message.find(_MARK)
        if mark < 0:
            return {"actions": [[]], "error": message or type(error).__name__, "fatal": True}
        state = json.loads(message[mark + len(_MARK) :])
    return state


def _judge(
    index: Index, instance: Instance, past: list[str], new: list[Event], state: dict[str, Any], outcome: Outcome
) -> None:
    error = state.get("error")
    if state.get("fatal"):
        outcome.ended, outcome.error = True, error
        return
    actions = state["actions"]
    shadow = Shadow(instance.id, instance.execution, actions[0] if actions else [])
    for event in json.loads("[" + ",".join(past) + "]"):
        shadow.feed(event)
    outcome.new_events = [event for event in new if shadow.feed(event)]
    outcome.emitted = shadow.emitted
    outcome.cancelled = shadow.cancelled
    outcome.misnumbers = shadow.misnumbers
    _check_calls(index, shadow.emitted.values())
    if "customStatus" in state:
        outcome.custom_status = _custom_status(state["customStatus"])
    if not (shadow.finished and (state["isDone"] or error)):
        return
    outcome.ended = True
    if error:
        outcome.error = error
    elif shadow.continue_as_new is not None:
        next_input = shadow.continue_as_new.get("input")
        outcome.continue_with = (payload.check(next_input, f"input of the next generation of {instance.name!r}"),)
    else:
        outcome.output = payload.check(json.dumps(state.get("output")), f"output of orchestrator {instance.name!r}")


def _custom_status(value: Any) -> str:
    text = json.dumps(value)
    if len(text.encode()) > payload.CUSTOM_STATUS_BYTES:
        raise payload.PayloadTooLargeError(
            f"The custom status has {len(text.encode())} bytes; at most {payload.CUSTOM_STATUS_BYTES} are allowed."
        )
    return text


def _check_calls(index: Index, emissions: Collection[Emission]) -> None:
    """What is called must exist, and what is handed over must be small."""
    for emission in emissions:
        fields = emission.fields
        if emission.type == EventType.TASK_SCHEDULED:
            name, kind, known = fields["Name"], "activity", index.activities
        elif emission.type == EventType.SUB_ORCHESTRATION_CREATED:
            name, kind, known = fields["Name"], "orchestrator", index.orchestrators
        elif emission.type == EventType.EVENT_SENT:
            name, kind, known = fields["InstanceId"][1:].split("@", 1)[0], "entity", index.entities
        else:
            continue
        if name.lower() not in known:
            raise UnknownFunctionError(missing(name, kind))
        payload.check(fields["Input"], f"input of {kind} {name!r}")
