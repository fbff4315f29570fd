"""The janitor: finds what a crash left behind, by tags and expiry, and removes that and nothing else."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import azure.durable_functions as df

from orchestrators.steps import Answer, step

bp = df.Blueprint()

#: One activity a kind of leftover; each lists, judges by tags and removes, and is safe to repeat.
_ROUNDS = ("tidy_sessions", "tidy_copies", "tidy_targets", "tidy_drills", "tidy_workers", "tidy_exports")


@bp.orchestration_trigger(context_name="context")
def tidy_up(context: df.DurableOrchestrationContext) -> Generator[Any, Any, Answer]:
    """One round of the janitor."""
    run: Answer = context.get_input() or {}
    removed = 0
    for name in _ROUNDS:
        answer = yield from step(context, name, {**run, "timing": {"retry_delay": 5}})
        removed += answer.get("removed", 0)
    return {"ok": True, "removed": removed}
