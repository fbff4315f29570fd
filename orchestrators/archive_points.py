"""Archiving: a worker in the region of the repository reads the point and writes it to the archive repository."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import azure.durable_functions as df

from orchestrators.steps import (
    Answer,
    clean_up,
    deallocate_workers,
    fan_out,
    final,
    lease_worker,
    now,
    open_session,
    run_job,
    seconds,
    step,
)

bp = df.Blueprint()


@bp.orchestration_trigger(context_name="context")
def archive_points(context: df.DurableOrchestrationContext) -> Generator[Any, Any, Answer]:
    """An archive session of its own, asked for by a person."""
    opened = yield from open_session(context)
    run, failed = opened["run"], opened["failed"]
    if failed is None:
        found = yield from step(context, "discover_points", run, retries=run["retries"])
        if found["ok"]:
            yield from fan_out(context, run, "archive_point", found["batches"])
            yield from deallocate_workers(context, run)
        else:
            failed = found["error"]
    return (yield from step(context, "close_session", {**run, "error": failed}, retries=5))


@bp.orchestration_trigger(context_name="context")
def archive_point(context: df.DurableOrchestrationContext) -> Generator[Any, Any, Answer]:
    """Archives the point of one source. Returns `{"ok": …}` and never raises."""
    run: Answer = {**context.get_input(), "started_at": now(context).isoformat(), "instance": context.instance_id}
    answer = yield from step(context, "validate_archive", run, retries=run["retries"])
    if answer["ok"]:
        run, attempt = {**run, "plan": answer["plan"]}, 0
        while True:
            attempt += 1
            answer = yield from lease_worker(context, run, attempt)
            if answer["ok"]:
                answer = yield from run_job(context, run, "archive", answer["worker"], attempt)
            if final(answer) or attempt > run["retries"]:
                break
            yield context.create_timer(now(context) + seconds(run, "retry_delay"))
    if answer["ok"]:
        answer = yield from step(context, "commit_archive", {**run, "job": answer["job"]}, retries=run["retries"] + 2)
    yield from clean_up(context, run, answer)
    return {"ok": answer["ok"]}
