"""Repositories read whole, to fill the catalog again or to adopt their chains: a worker in the region of each."""

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
    fan_out,
    now,
    on_worker,
    open_session,
    step,
)

bp = df.Blueprint()


@bp.orchestration_trigger(context_name="context")
def survey_repositories(context: df.DurableOrchestrationContext) -> Generator[Any, Any, Answer]:
    """A rebuild or adopt session."""
    opened = yield from open_session(context)
    run, failed = opened["run"], opened["failed"]
    if failed is None:
        found = yield from step(context, "discover_repositories", run, retries=run["retries"])
        if found["ok"]:
            yield from fan_out(context, run, "survey_repository", found["batches"])
            yield from deallocate_workers(context, run)
        else:
            failed = found["error"]
    return (yield from step(context, "close_session", {**run, "error": failed}, retries=5))


@bp.orchestration_trigger(context_name="context")
def survey_repository(context: df.DurableOrchestrationContext) -> Generator[Any, Any, Answer]:
    """One repository. Returns `{"ok": …}` and never raises."""
    run: Answer = {**context.get_input(), "started_at": now(context).isoformat(), "instance": context.instance_id}
    answer = yield from step(context, "validate_repository", run, retries=run["retries"])
    if answer["ok"]:
        run = {**run, "plan": answer["plan"]}
        answer = yield from attempts(context, run, lambda number: on_worker(context, run, ("survey",), number))
        if answer["ok"]:
            answer = yield from _record(context, run, answer["job"])
    yield from clean_up(context, run, answer)
    return {"ok": answer["ok"]}


def _record(context: df.DurableOrchestrationContext, run: Answer, job: str) -> Saga:
    """Takes in what the worker read, some chains at a time."""
    begin = 0
    while True:
        answer = yield from step(
            context, "record_survey", {**run, "job": job, "begin": begin}, retries=run["retries"] + 2
        )
        if not answer["ok"] or not answer.get("pending"):
            return answer
        begin = answer["begin"]
