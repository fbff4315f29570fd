"""How instances start and end: the changes that belong together, made within a transaction of the caller."""

from __future__ import annotations

import json
import uuid
from datetime import datetime

from local.host.history import (
    COMPLETED,
    FAILED,
    PENDING,
    TERMINATED,
    Event,
    EventType,
)
from local.host.store import Instance, Transaction


def started(name: str, version: str, new_input: str | None, instance_id: str, execution: str) -> Event:
    """The first message of an execution."""
    return {
        "EventType": EventType.EXECUTION_STARTED,
        "EventId": -1,
        "Name": name,
        "Version": version,
        "Input": new_input,
        "OrchestrationInstance": {"InstanceId": instance_id, "ExecutionId": execution},
    }


def start(
    change: Transaction,
    now: datetime,
    name: str,
    new_input: str | None,
    *,
    instance_id: str | None = None,
    version: str = "",
    parent: tuple[str, int, str] | None = None,
) -> str:
    """Makes an instance and its first message; an ended one of the same id is replaced.

    `parent` is the instance, task and execution that waits for it. The caller has made sure that the orchestrator
    exists and that no instance of that id is running.
    """
    instance_id = instance_id or uuid.uuid4().hex
    execution, at = uuid.uuid4().hex, now.timestamp()
    parent_id, parent_task, parent_execution = parent or (None, None, None)
    change.put_instance(
        Instance(
            instance_id,
            name,
            version,
            execution,
            PENDING,
            new_input,
            None,
            None,
            at,
            at,
            parent_id,
            parent_task,
            parent_execution,
        )
    )
    event = started(name, version, new_input, instance_id, execution)
    if parent:
        event["ParentInstance"] = {"OrchestrationInstance": {"InstanceId": parent_id}, "TaskScheduleId": parent_task}
    change.send(instance_id, event, execution)
    return instance_id


def end(change: Transaction, now: datetime, instance: Instance, status: str, output: str | None, reason: str) -> None:
    """Ends an instance and tells its parent. `output` is a JSON text; `reason` says why it did not complete.

    A terminated instance fails its parent's task, as a failed one does. Its own sub-orchestrations and activities go
    on: ending them is the app's work, in Azure as well.
    """
    change.end(instance.id)
    change.update(instance.id, status=status, output=output, updated=now.timestamp())
    if instance.parent is None or instance.parent_task is None:
        return
    if status == COMPLETED:
        event: Event = {"EventType": EventType.SUB_ORCHESTRATION_COMPLETED, "Result": output}
    else:
        event = {
            "EventType": EventType.SUB_ORCHESTRATION_FAILED,
            "Reason": reason,
            "Details": f"The sub-orchestration {instance.name} with the id {instance.id} ended as {status}",
        }
    event |= {"EventId": -1, "TaskScheduledId": instance.parent_task}
    change.send(instance.parent, event, instance.parent_execution)


def terminate(change: Transaction, now: datetime, instance: Instance, reason: str | None) -> None:
    """Ends an instance by a client's will; its output is the reason."""
    end(change, now, instance, TERMINATED, json.dumps(reason), reason or "terminated")


def fail(change: Transaction, now: datetime, instance: Instance, error: str) -> None:
    """Ends an instance by its error, in the real host's words."""
    text = f"Orchestrator function '{instance.name}' failed: {error}"
    end(change, now, instance, FAILED, json.dumps(text), text)
