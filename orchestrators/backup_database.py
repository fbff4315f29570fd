"""One database: validate, turn, stage, worker, synchronise, preflight, export, store, commit; cleanup on every way out."""

from __future__ import annotations

from collections.abc import Generator
from datetime import timedelta
from typing import Any

import azure.durable_functions as df

from orchestrators.steps import (
    Answer,
    Saga,
    attempts,
    clean_up,
    crashed,
    final,
    now,
    on_worker,
    seconds,
    step,
)

bp = df.Blueprint()

#: The jobs of one attempt, in order; all on the same worker, because the export lies on its disk.
_JOBS = ("synchronise", "preflight", "export", "store")


@bp.orchestration_trigger(context_name="context")
def backup_database(context: df.DurableOrchestrationContext) -> Generator[Any, Any, Answer]:
    """Backs up one source. Returns `{"ok": …}` and never raises, for the sake of its siblings."""
    run: Answer = context.get_input()
    if run.get("delay"):
        # The policy spreads its databases, so that a thousand of them do not begin in one second.
        yield context.create_timer(now(context) + timedelta(seconds=run["delay"]))
    run = {**run, "started_at": now(context).isoformat(), "instance": context.instance_id}
    answer = yield from step(context, "validate_source", run, retries=run["retries"])
    if answer["ok"]:
        run = {**run, "plan": answer["plan"]}
        answer = yield from _turn(context, run)
        if answer["ok"] and run["plan"]["staging"]:
            answer = yield from _stage(context, run)
        if answer["ok"]:
            answer = yield from attempts(context, run, lambda number: on_worker(context, run, _JOBS, number))
        if answer["ok"]:
            answer = yield from step(context, "commit_point", {**run, "job": answer["job"]}, retries=run["retries"] + 2)
    yield from clean_up(context, run, answer)
    return {"ok": answer["ok"]}


def _turn(context: df.DurableOrchestrationContext, run: Answer) -> Saga:
    """Until no limit keeps the backup waiting; the wait itself is another orchestration, so that it costs no history."""
    answer = yield from step(context, "take_turn", run, retries=run["retries"])
    if not answer["ok"] or answer["ready"]:
        return answer
    yield context.create_timer(now(context) + timedelta(seconds=answer["again_in"]))
    try:
        answer = yield context.call_sub_orchestrator("await_turn", run, f"{run['session']}:turn:{run['key']}")
    except Exception:  # noqa: BLE001 (whatever the host reports: the saga goes on to its cleanup)
        answer = crashed("take_turn")
    return answer


def _stage(context: df.DurableOrchestrationContext, run: Answer) -> Saga:
    """Makes the staging copy and waits until it is online; a copy that failed is dropped and made again."""
    attempt = 0
    while True:
        # At least once more: an answer of Azure that was lost cannot be told from a refusal before the copy shows.
        answer = yield from step(context, "start_copy", run, retries=max(1, run["retries"]))
        deadline = now(context) + seconds(run, "copy_deadline")
        while answer["ok"] and not answer.get("ready"):
            yield context.create_timer(now(context) + seconds(run, "copy_poll"))
            late = now(context) >= deadline
            answer = yield from step(context, "look_at_copy", {**run, "late": late}, retries=run["retries"])
        if final(answer) or attempt >= run["retries"]:
            return answer
        attempt += 1
        dropped = yield from step(context, "drop_copy", run, retries=5)
        if not dropped["ok"]:
            return dropped
        yield context.create_timer(now(context) + seconds(run, "retry_delay"))
