"""Retention: plan by what is stored, then a maintainer beside each repository locks, deletes and frees, then a summary."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import azure.durable_functions as df

from orchestrators.steps import (
    Answer,
    Saga,
    attempts,
    deallocate_workers,
    now,
    on_worker,
    open_session,
    step,
    tell_session,
)

bp = df.Blueprint()


@bp.orchestration_trigger(context_name="context")
def retain_points(context: df.DurableOrchestrationContext) -> Generator[Any, Any, Answer]:
    """A retention session of its own, asked for by a person."""
    opened = yield from open_session(context)
    run, failed = opened["run"], opened["failed"]
    if failed is None:
        yield from retain(context, run)
    answer = yield from step(context, "close_session", {**run, "error": failed}, retries=5)
    yield from tell_session(context, run)
    return answer


@bp.orchestration_trigger(context_name="context")
def retain_batch(context: df.DurableOrchestrationContext) -> Generator[Any, Any, Answer]:
    """One repository's share of the plan. Returns `{"ok": …}` and never raises."""
    run: Answer = {**context.get_input(), "started_at": now(context).isoformat(), "instance": context.instance_id}
    run["key"] = f"retention-{run['batch']}"
    answer = yield from step(context, "take_batch", run, retries=run["retries"])
    if answer["ok"]:
        run, kinds = {**run, "plan": answer["plan"]}, answer["kinds"]
        answer = yield from attempts(context, run, lambda number: on_worker(context, run, kinds, number))
    outcome: Answer = {"ok": True} if answer["ok"] else {"ok": False, "error": answer["error"]}
    yield from step(context, "end_batch", {**run, "outcome": outcome}, retries=10)
    return {"ok": answer["ok"]}


def retain(context: df.DurableOrchestrationContext, run: Answer) -> Saga:
    """Retention as part of a session, whatever became of its backups: chains whose database is gone expire, too."""
    planned = yield from step(context, "plan_retention", run, retries=run["retries"])
    batches = planned["batches"] if planned["ok"] else 0
    if batches:
        yield context.task_all(
            [
                context.call_sub_orchestrator(
                    "retain_batch", {**run, "batch": number}, f"{run['session']}:retention:{number}"
                )
                for number in range(batches)
            ]
        )
        yield from deallocate_workers(context, run)
    told = {"error": planned.get("error"), "batches": batches, "alarms": planned.get("alarms", 0)}
    return (yield from step(context, "close_retention", {**run, **told}, retries=5))
