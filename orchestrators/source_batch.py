"""The second level of a fan-out: at most a hundred sources.

Replay is linear in the history, so one orchestration over thousands of children costs minutes of processor time; a
tree costs seconds.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import azure.durable_functions as df

from orchestrators.steps import Answer, step

bp = df.Blueprint()


@bp.orchestration_trigger(context_name="context")
def source_batch(context: df.DurableOrchestrationContext) -> Generator[Any, Any, Answer]:
    """Runs the child saga for each source of one batch; counts how they ended."""
    run: Answer = context.get_input()
    listed = yield from step(context, "list_batch", run, retries=5)
    if not listed["ok"]:
        return {"succeeded": 0, "failed": 1}
    if not listed["keys"]:
        return {"succeeded": 0, "failed": 0}
    answers = yield context.task_all(
        [
            context.call_sub_orchestrator(
                run["child"],
                {**run, "key": key, "delay": listed["delays"].get(key, 0)},
                f"{run['session']}:{run['child']}:{key}",
            )
            for key in listed["keys"]
        ]
    )
    good = sum(1 for answer in answers if answer["ok"])
    return {"succeeded": good, "failed": len(answers) - good}
