"""Waits for the turn of a source. An orchestration of its own, because it may ask hundreds of times in a night.

It starts afresh after some questions, so that neither its history nor that of the backup grows with the wait.
"""

from __future__ import annotations

from collections.abc import Generator
from datetime import timedelta
from typing import Any

import azure.durable_functions as df

from orchestrators.steps import Answer, now, step

bp = df.Blueprint()

#: Questions of one generation.
_QUESTIONS = 20


@bp.orchestration_trigger(context_name="context")
def await_turn(context: df.DurableOrchestrationContext) -> Generator[Any, Any, Answer | None]:
    """Answers as `take_turn` at last does: ready, or why not. Never raises."""
    run: Answer = context.get_input()
    for _ in range(_QUESTIONS):
        answer = yield from step(context, "take_turn", run, retries=run["retries"])
        if not answer["ok"] or answer["ready"]:
            return answer
        yield context.create_timer(now(context) + timedelta(seconds=answer["again_in"]))
    context.continue_as_new(run)
    return None
