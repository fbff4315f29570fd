"""Starts a session's orchestration. The session's id is the orchestration's id, so one session never runs twice."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import azure.durable_functions as df

from holdfast.model.clock import iso
from holdfast.model.errors import Conflict
from holdfast.model.session import Session
from holdfast.wiring import Services

ORCHESTRATOR = {
    "backup": "policy_run",
    "archive": "archive_points",
    "download": "download_point",
    "table": "read_tables",
    "drill": "drill_point",
    "retention": "retain_points",
    "hold": "hold_point",
    "restore": "restore_database",
    "rebuild": "survey_repositories",
    "adopt": "survey_repositories",
    "preflight": "preflight_source",
}

_RUNNING = ("Pending", "Running", "ContinuedAsNew", "Suspended")


@dataclass(frozen=True)
class Start:
    """A session to start: its row, and what its orchestration needs besides."""

    session: Session
    given: dict[str, Any] = field(default_factory=dict)


def record(app: Services, start: Start) -> Session:
    """Makes the session's row, so that it can be looked at from the first moment. Safe to repeat."""
    return app.catalog.sessions.create(start.session)


async def begin(client: df.DurableOrchestrationClient, start: Start) -> None:
    """Starts the orchestration; one that runs already under this id is the one asked for."""
    session = start.session
    given = {
        "session": session.id,
        "policy": session.policy,
        "kind": session.kind,
        "slot": session.slot,
        "asked_at": iso(session.started_at),
        **start.given,
    }
    try:
        await client.start_new(ORCHESTRATOR[session.kind], session.id, given)
    except Exception as error:
        if not await is_alive(client, session.id):
            raise Conflict(f"session {session.id} could not be started: {type(error).__name__}") from error


async def is_alive(client: df.DurableOrchestrationClient, session: str) -> bool:
    """Whether the session's orchestration still has something to do."""
    status = await client.get_status(session)
    if not status or status.runtime_status is None:
        return False
    return str(status.runtime_status.value) in _RUNNING


async def wake(client: df.DurableOrchestrationClient, instance: str, event: str, state: str) -> bool:
    """Raises an event; whether anybody is there to hear it. An orchestration that has ended needs none."""
    if not await is_alive(client, instance):
        return False
    await client.raise_event(instance, event, {"state": state})
    return True
