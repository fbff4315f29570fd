"""A restore: rehydrate if archived, fetch and verify the package, an empty database, import, verify, and then its name."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import azure.durable_functions as df

from orchestrators.rehydrating import readable
from orchestrators.steps import (
    Answer,
    Saga,
    attempts,
    clean_up,
    deallocate_workers,
    final,
    lease_worker,
    now,
    open_session,
    run_job,
    seconds,
    step,
)

bp = df.Blueprint()

#: How often a drop is looked at before the attempt is given up.
_DROP_LOOKS = 240
_INSTANCE = "managed_database"


@bp.orchestration_trigger(context_name="context")
def restore_database(context: df.DurableOrchestrationContext) -> Generator[Any, Any, Answer]:
    """A restore session."""
    opened = yield from open_session(context)
    run, failed = opened["run"], opened["failed"]
    if failed is None:
        answer = yield from step(context, "validate_restore", run, retries=run["retries"])
        if answer["ok"]:
            run = {**run, "plan": answer["plan"]}
            answer = yield from attempts(context, run, lambda number: _restored(context, run, number))
            if answer["ok"]:
                given = {**run, "fetched": answer["fetched"], "verified": answer["verified"]}
                answer = yield from step(context, "commit_restore", given, retries=run["retries"] + 5)
        else:
            # Nothing may stand for it in the session yet, and a session without anything in it has not failed.
            failed = answer["error"]
        yield from clean_up(context, run, answer)
        yield from deallocate_workers(context, run)
    return (yield from step(context, "close_session", {**run, "error": failed}, retries=5))


def _restored(context: df.DurableOrchestrationContext, run: Answer, attempt: int) -> Saga:
    """One attempt, into a database of its own: what an earlier one half filled is dropped first."""
    lease = readable if run["plan"]["archived"] else lease_worker
    leased = yield from lease(context, run, attempt)
    if not leased["ok"]:
        return leased
    worker = leased["worker"]
    answer = yield from run_job(context, run, "fetch", worker, attempt)
    fetched = answer.get("job", "")
    if answer["ok"]:
        answer = yield from _empty_database(context, {**run, "attempt": attempt})
    if answer["ok"]:
        answer = yield from run_job(context, run, "import", worker, attempt)
    if answer["ok"]:
        answer = yield from _verified(context, run, worker, attempt, fetched)
    verified = answer.get("job", "")
    if answer["ok"] and run["plan"]["target"]["kind"] == _INSTANCE:
        answer = yield from _renamed(context, run, worker, attempt)
    return {**answer, "fetched": fetched, "verified": verified} if answer["ok"] else answer


def _empty_database(context: df.DurableOrchestrationContext, run: Answer) -> Saga:
    """An empty database under the temporary name, online. Once for every attempt."""
    if run["attempt"] > 1:
        dropped: Answer = {}
        for _ in range(_DROP_LOOKS):
            dropped = yield from step(context, "drop_target", run, retries=5)
            if not dropped["ok"]:
                return dropped
            if not dropped.get("pending"):
                break
            yield context.create_timer(now(context) + seconds(run, "copy_poll"))
    answer = yield from step(context, "start_target", run, retries=max(1, run["retries"]))
    deadline = now(context) + seconds(run, "copy_deadline")
    while answer["ok"] and not answer.get("ready"):
        yield context.create_timer(now(context) + seconds(run, "copy_poll"))
        late = now(context) >= deadline
        answer = yield from step(context, "look_at_target", {**run, "late": late}, retries=run["retries"])
    return answer


def _verified(context: df.DurableOrchestrationContext, run: Answer, worker: str, attempt: int, fetched: str) -> Saga:
    """The comparison, made again by itself where it failed: an import takes hours, a question seconds."""
    number = 0
    while True:
        number += 1
        answer = yield from run_job(context, run, "verify", worker, attempt * 100 + number)
        if final(answer) or number > run["retries"]:
            break
        yield context.create_timer(now(context) + seconds(run, "retry_delay"))
    if not answer["ok"] and answer["error"]["code"] == "not-as-stored":
        given = {**run, "fetched": fetched, "verified": answer.get("job", "")}
        yield from step(context, "keep_different", given, retries=10)
    return answer


def _renamed(context: df.DurableOrchestrationContext, run: Answer, worker: str, attempt: int) -> Saga:
    """On an instance only a T-SQL statement renames; the worker makes it, after the old database was marked."""
    answer = yield from step(context, "mark_original", run, retries=run["retries"])
    if answer["ok"]:
        answer = yield from run_job(context, run, "rename", worker, attempt)
    return answer
