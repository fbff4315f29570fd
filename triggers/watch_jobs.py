"""Ends waits: for jobs whose worker fell silent, and for jobs that ended while nobody was told."""

from __future__ import annotations

import asyncio

import azure.durable_functions as df
import azure.functions as func

from activities.collect_job import lost
from holdfast.model.job import Job, event_name
from holdfast.wiring import Services, services
from triggers.starting import wake

bp = df.Blueprint()


@bp.timer_trigger(schedule="%HOLDFAST_WATCH_SCHEDULE%", arg_name="timer")
@bp.durable_client_input(client_name="client")
async def watch_jobs(timer: func.TimerRequest, client: df.DurableOrchestrationClient) -> None:
    """Raises the job's event; the orchestration then collects whatever result there is. Safe to repeat."""
    app = services()
    for job in await asyncio.to_thread(_open_jobs, app):
        ended = await asyncio.to_thread(has_ended, app, job)
        if ended and not await wake(client, job.instance_id, event_name(job.id), "ended"):
            await asyncio.to_thread(app.catalog.jobs.close, job.id)


def _open_jobs(app: Services) -> list[Job]:
    # The catalog's first use asks storage for its version: not in the event loop.
    return app.catalog.jobs.open_jobs()


def has_ended(app: Services, job: Job) -> bool:
    """Whether the job has a result; a silent one gets it here, so that a worker that comes back finds it ended."""
    if app.dispatch.result(job.session, job.id) is not None:
        return True
    sign = app.dispatch.heartbeat(job.session, job.id)
    checked = app.dispatch.check_in(job.worker)
    # A job that waits in the queue of a worker that lives (others are in hand) is not lost.
    signs = [job.submitted_at, *([sign.at] if sign else []), *([checked.at] if checked and sign is None else [])]
    if app.clock.now() - max(signs) <= app.settings.lost_after:
        return False
    app.dispatch.end(job.session, lost(app, job.id, job.kind))
    return True
