"""A drill: a point is restored to a database that lives for that alone, compared, and removed on every way out."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import azure.durable_functions as df

from orchestrators.steps import Answer, Saga, now, open_session, seconds, step, tell_session

bp = df.Blueprint()

#: How often it is looked whether the database is gone.
_LOOKS = 240


@bp.orchestration_trigger(context_name="context")
def drill_point(context: df.DurableOrchestrationContext) -> Generator[Any, Any, Answer]:
    """A drill session. The restore is a session of its own, a child of this one."""
    opened = yield from open_session(context)
    run, failed = opened["run"], opened["failed"]
    if failed is None:
        answer = yield from step(context, "validate_drill", run, retries=run["retries"])
        # Nothing may stand for it in the session yet, and a session without anything in it has not failed.
        failed = None if answer["ok"] else answer["error"]
        if answer["ok"]:
            run = {**run, "plan": answer["plan"]}
            yield from _restore(context, run["plan"])
            answer = yield from step(context, "record_drill", run)
        yield from _end(context, run, answer)
    closed = yield from step(context, "close_session", {**run, "error": failed}, retries=5)
    yield from tell_session(context, run)
    return closed


def _restore(context: df.DurableOrchestrationContext, plan: Answer) -> Saga:
    """The restore, to its end. How it ended stands in its session; a child that died is found there, too."""
    given = {
        "session": plan["restore"],
        "policy": None,
        "kind": "restore",
        "slot": None,
        "asked_at": plan["asked_at"],
        "asked": plan["asked"],
        "key": plan["restore_key"],
    }
    try:
        yield context.call_sub_orchestrator("restore_database", given, plan["restore"])
    except Exception:  # noqa: BLE001 (whatever the host reports: the drill goes on to its cleanup)
        return {"ok": False}
    return {"ok": True}


def _end(context: df.DurableOrchestrationContext, run: Answer, answer: Answer) -> Saga:
    outcome: Answer = {"ok": True} if answer["ok"] else {"ok": False, "error": answer["error"]}
    ended: Answer = {}
    for _ in range(_LOOKS):
        ended = yield from step(context, "end_drill", {**run, "outcome": outcome}, retries=10)
        if not ended["ok"] or not ended.get("pending"):
            break
        yield context.create_timer(now(context) + seconds(run, "copy_poll"))
    return ended
