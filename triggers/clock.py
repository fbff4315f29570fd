"""One timer for all policies: asks the model which slots are due and starts their sessions."""

from __future__ import annotations

import asyncio
from datetime import datetime

import azure.durable_functions as df
import azure.functions as func
import structlog

from holdfast.catalog import StoredPolicy, new_id
from holdfast.model.clock import iso, parse_iso
from holdfast.model.errors import HoldfastError, NotFound
from holdfast.model.policy import Policy
from holdfast.model.schedule import catch_up_slot, due_slot, latest_slot, missed_slots, most_frequent
from holdfast.model.session import Session, State
from holdfast.wiring import Services, services
from triggers.starting import Start, begin, record

bp = df.Blueprint()

_log = structlog.get_logger("clock")


@bp.timer_trigger(schedule="%HOLDFAST_CLOCK_SCHEDULE%", arg_name="timer")
@bp.durable_client_input(client_name="client")
async def clock(timer: func.TimerRequest, client: df.DurableOrchestrationClient) -> None:
    """Starts what is due. A tick that dies half-way is made good by the next: the slot is noted after the start."""
    app = services()
    await asyncio.to_thread(_note_clock, app)
    for stored in await asyncio.to_thread(_policies, app):
        try:
            start = await asyncio.to_thread(_due, app, stored)
            if start is None:
                continue
            await asyncio.to_thread(_record, app, stored, start)
            await begin(client, start)
            await asyncio.to_thread(_note, app, stored, start)
        except Exception:  # noqa: BLE001
            # One policy that cannot be started must not keep the others from their slots.
            _log.exception("policy could not be started", policy=stored.policy.name)


def _policies(app: Services) -> list[StoredPolicy]:
    # The catalog's first use asks storage for its version: not in the event loop.
    return app.catalog.policies.list()


def _note_clock(app: Services) -> None:
    """What time it was: retention compares it with what time it is, and does not believe a clock that jumps."""
    try:
        app.catalog.retention_runs.note_clock()
    except HoldfastError:
        _log.exception("the time could not be noted")


def _due(app: Services, stored: StoredPolicy) -> Start | None:
    policy, now = stored.policy, app.clock.now()
    if most_frequent(policy.schedules) is None:
        return None
    last = _last(app, stored)
    slot, given = due_slot(policy, now, last), {}
    if slot is None:
        slot = catch_up_slot(policy, now, last)
        if slot is None or not _has_failed(app, _session_id(policy, last)):
            return None
        given = {"due_since": iso(latest_slot(policy, slot) or last)}
    session = Session(
        id=_session_id(policy, slot),
        policy=policy.name,
        started_at=now,
        slot=iso(slot),
    )
    start = Start(session, given)
    try:
        found = app.catalog.sessions.get(session.id, sources=False)
    except NotFound:
        return start
    if found.state is State.PENDING:
        # Recorded by a tick that died, or could not start it: its orchestration never began.
        return start
    _note(app, stored, start)
    return None


def _session_id(policy: Policy, slot: datetime) -> str:
    return new_id(slot, policy.name, occasion=iso(slot))


def _has_failed(app: Services, session: str) -> bool:
    """Whether the session ended and left databases without a point. One that a person cancelled is not tried again."""
    try:
        return app.catalog.sessions.get(session, sources=False).state in (State.FAILED, State.PARTIAL)
    except NotFound:
        return False


def _record(app: Services, stored: StoredPolicy, start: Start) -> None:
    record(app, start)
    missed = missed_slots(stored.policy, _slot(start), _last(app, stored))
    if missed:
        text = f"{missed} earlier slot{'s' if missed > 1 else ''} had no session; this one stands for them"
        app.catalog.log.write(start.session.id, "warning", text, once="missed")


def _last(app: Services, stored: StoredPolicy) -> datetime:
    """The slot that was started last, or when the policy was saved."""
    schedule = most_frequent(stored.policy.schedules) or "daily"
    return app.catalog.policies.slots(stored.policy.name).get(schedule, stored.changed_at)


def _slot(start: Start) -> datetime:
    assert start.session.slot is not None  # noqa: S101 (set by _due)
    return parse_iso(start.session.slot)


def _note(app: Services, stored: StoredPolicy, start: Start) -> None:
    schedule = most_frequent(stored.policy.schedules) or "daily"
    app.catalog.policies.record_slot(stored.policy.name, schedule, _slot(start))
