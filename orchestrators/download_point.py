"""A download: rehydrate the point if it is archived, then a worker writes the BACPAC to the exports container."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import azure.durable_functions as df

from orchestrators.steps import (
    Answer,
    Saga,
    attempts,
    clean_up,
    deallocate_workers,
    lease_worker,
    now,
    open_session,
    run_job,
    seconds,
    step,
)

bp = df.Blueprint()


@bp.orchestration_trigger(context_name="context")
def download_point(context: df.DurableOrchestrationContext) -> Generator[Any, Any, Answer]:
    """A download session."""
    opened = yield from open_session(context)
    run, failed = opened["run"], opened["failed"]
    if failed is None:
        answer = yield from step(context, "validate_download", run, retries=run["retries"])
        if answer["ok"]:
            run = {**run, "plan": answer["plan"]}
            answer = yield from attempts(context, run, lambda number: _write(context, run, number))
        if answer["ok"]:
            answer = yield from step(context, "commit_download", {**run, "job": answer["job"]}, retries=5)
        yield from clean_up(context, run, answer)
        yield from deallocate_workers(context, run)
    return (yield from step(context, "close_session", {**run, "error": failed}, retries=5))


def _write(context: df.DurableOrchestrationContext, run: Answer, attempt: int) -> Saga:
    """One attempt. The worker is given back while storage rehydrates: that takes hours."""
    look = 0
    while True:
        look += 1
        number = attempt * 1000 + look
        leased = yield from lease_worker(context, run, number)
        if not leased["ok"]:
            return leased
        answer = yield from run_job(context, run, "rehydrate", leased["worker"], number)
        if not answer["ok"]:
            return answer
        if answer["ready"]:
            return (yield from run_job(context, run, "download", leased["worker"], attempt))
        paused = yield from step(context, "pause_worker", run, retries=5)
        if not paused["ok"]:
            return paused
        yield from deallocate_workers(context, run)
        yield context.create_timer(now(context) + seconds(run, "rehydrate_poll"))
