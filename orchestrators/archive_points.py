"""Archiving: a worker in the region of the repository reads the point and writes it to the archive repository."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import azure.durable_functions as df

from orchestrators.steps import (
    Answer,
    attempts,
    clean_up,
    deallocate_workers,
    fan_out,
    now,
    on_worker,
    open_session,
    step,
    tell_session,
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
    closed = yield from step(context, "close_session", {**run, "error": failed}, retries=5)
    yield from tell_session(context, run)
    return closed


@bp.orchestration_trigger(context_name="context")
def archive_point(context: df.DurableOrchestrationContext) -> Generator[Any, Any, Answer]:
    """Archives the point of one source. Returns `{"ok": …}` and never raises."""
    run: Answer = {**context.get_input(), "started_at": now(context).isoformat(), "instance": context.instance_id}
    answer = yield from step(context, "validate_archive", run, retries=run["retries"])
    if answer["ok"]:
        run = {**run, "plan": answer["plan"]}
        answer = yield from attempts(context, run, lambda number: on_worker(context, run, ("archive",), number))
    if answer["ok"]:
        answer = yield from step(context, "commit_archive", {**run, "job": answer["job"]}, retries=run["retries"] + 2)
    yield from clean_up(context, run, answer)
    return {"ok": answer["ok"]}
