"""A backup session: open, discover, back up every database, give the workers back, archive what is due, retention, close."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import azure.durable_functions as df

from orchestrators.retention import retain
from orchestrators.steps import Answer, deallocate_workers, fan_out, open_session, step, tell_session

bp = df.Blueprint()

#: Activities that follow the last database and retention, in order, whatever became of them. Notifications come last,
#: once the session has ended.
AFTERWARDS: tuple[str, ...] = ("close_session",)


@bp.orchestration_trigger(context_name="context")
def policy_run(context: df.DurableOrchestrationContext) -> Generator[Any, Any, Answer]:
    """One run of a policy, scheduled or on demand."""
    opened = yield from open_session(context)
    run, failed = opened["run"], opened["failed"]
    if failed is None:
        found = yield from step(context, "discover_sources", run, retries=run["retries"])
        if found["ok"]:
            yield from fan_out(context, run, "backup_database", found["batches"])
            yield from deallocate_workers(context, run)
            due = yield from step(context, "plan_archive", run, retries=run["retries"])
            if due["ok"] and due["batches"]:
                yield from fan_out(context, run, "archive_point", due["batches"])
                yield from deallocate_workers(context, run)
            failed = None if due["ok"] else due["error"]
        else:
            failed = found["error"]
        # After archiving, so that no point goes before its copy is there; and although no database was found.
        yield from retain(context, run)
    answer: Answer = {"ok": True}
    for name in AFTERWARDS:
        answer = yield from step(context, name, {**run, "error": failed}, retries=5)
    yield from tell_session(context, run)
    return answer
