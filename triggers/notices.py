"""A timer that starts a round of notifications when there is something to look for or to send."""

from __future__ import annotations

import asyncio

import azure.durable_functions as df
import azure.functions as func

from holdfast.wiring import Services, services
from triggers.starting import is_alive

bp = df.Blueprint()

#: One round at a time.
_INSTANCE = "notices"


@bp.timer_trigger(schedule="%HOLDFAST_NOTICES_SCHEDULE%", arg_name="timer")
@bp.durable_client_input(client_name="client")
async def send_due_notices(timer: func.TimerRequest, client: df.DurableOrchestrationClient) -> None:
    """Most ticks find nothing to do and start nothing."""
    if await asyncio.to_thread(_anything_due, services()) and not await is_alive(client, _INSTANCE):
        await client.start_new("notices", _INSTANCE)


def _anything_due(app: Services) -> bool:
    now, last = app.clock.now(), app.catalog.promises.looked_at()
    if last is None or now - last >= app.settings.overdue_look:
        return True
    return any(waiting.next_at <= now for waiting in app.catalog.outbox.waiting())
