"""Tables of a point: rehydrate it if it is archived, then a worker writes what was asked to the exports container,
or makes a table anew in a database."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import azure.durable_functions as df

from orchestrators.rehydrating import handed_out
from orchestrators.steps import Answer, open_session, step

bp = df.Blueprint()


@bp.orchestration_trigger(context_name="context")
def read_tables(context: df.DurableOrchestrationContext) -> Generator[Any, Any, Answer]:
    """A table session."""
    opened = yield from open_session(context)
    run, failed = opened["run"], opened["failed"]
    if failed is None:
        restores = run["ask"]["act"] == "restore"
        kind = "load" if restores else "table"
        failed = (yield from handed_out(context, run, "validate_tables", kind, keep=not restores))["refused"]
    return (yield from step(context, "close_session", {**run, "error": failed}, retries=5))
