"""A hold or its release: the catalog first or last, so that retention never sees a point less held than it is."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import azure.durable_functions as df

from orchestrators.steps import Answer, attempts, clean_up, deallocate_workers, on_worker, open_session, step

bp = df.Blueprint()


@bp.orchestration_trigger(context_name="context")
def hold_point(context: df.DurableOrchestrationContext) -> Generator[Any, Any, Answer]:
    """A session that holds a point, or releases it."""
    opened = yield from open_session(context)
    run, failed = opened["run"], opened["failed"]
    if failed is None:
        answer = yield from step(context, "validate_hold", run, retries=run["retries"])
        # Nothing may stand for it in the session yet, and a session without anything in it has not failed.
        failed = None if answer["ok"] else answer["error"]
        if answer["ok"]:
            run = {**run, "plan": answer["plan"]}
            if answer["in_storage"]:
                answer = yield from attempts(context, run, lambda number: on_worker(context, run, ("hold",), number))
        if answer["ok"]:
            answer = yield from step(context, "commit_hold", run, retries=5)
        yield from clean_up(context, run, answer)
        yield from deallocate_workers(context, run)
    return (yield from step(context, "close_session", {**run, "error": failed}, retries=5))
