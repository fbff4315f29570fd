"""A timer that starts a round of the janitor."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import azure.durable_functions as df
import azure.functions as func

from holdfast.model.session import Session
from holdfast.wiring import Services, services
from triggers.starting import is_alive

bp = df.Blueprint()

#: One round at a time.
_INSTANCE = "janitor"

#: A session's row is made a moment before its orchestration is started.
_GRACE = timedelta(minutes=2)


@bp.timer_trigger(schedule="%HOLDFAST_JANITOR_SCHEDULE%", arg_name="timer")
@bp.durable_client_input(client_name="client")
async def janitor(timer: func.TimerRequest, client: df.DurableOrchestrationClient) -> None:
    """Names the sessions whose orchestration is gone; activities cannot see orchestrations."""
    app = services()
    running = await asyncio.to_thread(_unended, app)
    now = app.clock.now()
    dead = [s.id for s in running if now - s.started_at > _GRACE and not await is_alive(client, s.id)]
    if not await is_alive(client, _INSTANCE):
        await client.start_new("tidy_up", _INSTANCE, {"dead": dead[:100]})


def _unended(app: Services) -> Sequence[Session]:
    # The catalog's first use asks storage for its version: not in the event loop.
    return app.catalog.sessions.unended()
