"""A job that reads a point: storage brings back first what is archived of it."""

from __future__ import annotations

import azure.durable_functions as df

from orchestrators.steps import (
    Answer,
    Saga,
    attempts,
    clean_up,
    deallocate_workers,
    lease_worker,
    now,
    run_job,
    seconds,
    step,
)


def readable(context: df.DurableOrchestrationContext, run: Answer, attempt: int) -> Saga:
    """A worker, once the plan's point can be read. It is given back while storage rehydrates: that takes hours.

    Only what was not asked for yet is asked for, so that Azure bills it once, whatever dies in between.
    """
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
            return leased
        paused = yield from step(context, "pause_worker", run, retries=5)
        if not paused["ok"]:
            return paused
        yield from deallocate_workers(context, run)
        yield context.create_timer(now(context) + seconds(run, "rehydrate_poll"))


def on_readable_point(context: df.DurableOrchestrationContext, run: Answer, kind: str, attempt: int) -> Saga:
    """One attempt at the job."""
    leased = yield from readable(context, run, attempt)
    if not leased["ok"]:
        return leased
    return (yield from run_job(context, run, kind, leased["worker"], attempt))


def handed_out(
    context: df.DurableOrchestrationContext, run: Answer, validate: str, kind: str, *, keep: bool = True
) -> Saga:
    """What a person asked for out of a point: planned, done by a worker, and recorded where it is kept to be fetched.

    `refused` in the answer is the error of a plan that failed: nothing may stand for it in the session yet, and a session
    without anything in it has not failed.
    """
    answer = yield from step(context, validate, run, retries=run["retries"])
    refused = None if answer["ok"] else answer["error"]
    if answer["ok"]:
        run = {**run, "plan": answer["plan"]}
        answer = yield from attempts(context, run, lambda number: on_readable_point(context, run, kind, number))
    if answer["ok"] and keep:
        answer = yield from step(context, "commit_download", {**run, "job": answer["job"]}, retries=5)
    yield from clean_up(context, run, answer)
    yield from deallocate_workers(context, run)
    return {"ok": answer["ok"], "refused": refused}
