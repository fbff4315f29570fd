"""The timer of drills: asks the model which are due and starts them."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import azure.durable_functions as df
import azure.functions as func
import structlog

from holdfast.catalog import new_id
from holdfast.model.drill import due
from holdfast.model.policy import Policy
from holdfast.model.session import Session, State
from holdfast.model.source import source_key
from holdfast.wiring import Services, services
from triggers.starting import Start, begin, record

bp = df.Blueprint()

_log = structlog.get_logger("drills")


@bp.timer_trigger(schedule="%HOLDFAST_DRILL_SCHEDULE%", arg_name="timer")
@bp.durable_client_input(client_name="client")
async def drills(timer: func.TimerRequest, client: df.DurableOrchestrationClient) -> None:
    """Starts what is due. A tick that dies half-way is made good by the next: what is due has one session a day."""
    app = services()
    for policy in await asyncio.to_thread(_policies, app):
        try:
            for start in await asyncio.to_thread(starts, app, policy):
                await begin(client, start)
        except Exception:  # noqa: BLE001 (one policy's drills must not keep the others from theirs)
            _log.exception("drills could not be started", policy=policy.name)


def _policies(app: Services) -> list[Policy]:
    return [stored.policy for stored in app.catalog.policies.list() if stored.policy.drill is not None]


def starts(app: Services, policy: Policy) -> list[Start]:
    """The sessions to start for a policy now; recorded, and those of an earlier tick that never began."""
    drill = policy.drill
    if drill is None or drill.every <= timedelta(0):
        return []
    now = app.clock.now()
    chains = {one.chain for one in app.catalog.known.all() if one.policy == policy.name and one.dropped_at is None}
    archives = [name for name, found in app.settings.repositories.items() if found.archive]
    newest = [one for chain, one in app.catalog.points.newest(leave_out=archives).items() if chain in chains]
    known = {chain: found for chain, found in app.catalog.drills.all().items() if chain in chains}
    begun = []
    for one in due(drill.every, newest, known, now):
        # A drill that never came to be noted is started again the next day, not at every tick.
        occasion = f"drill {policy.name} {one.chain} {now:%Y-%m-%d}"
        name = app.catalog.sessions.once(occasion, new_id(now, f"{policy.name}-drill"))
        given = {
            "chain": one.chain,
            "point": one.point,
            "key": source_key(one.source),
            "target": drill.target,
            "verify": drill.verify,
            "worker_profile": policy.worker,
        }
        start = Start(Session(id=name, policy=policy.name, kind="drill", started_at=now), given)
        if record(app, start).state is State.PENDING:
            begun.append(start)
    return begun
