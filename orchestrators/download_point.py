"""A download: rehydrate the point if it is archived, then a worker writes the BACPAC to the exports container."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import azure.durable_functions as df

from orchestrators.rehydrating import handed_out
from orchestrators.steps import Answer, open_session, step

bp = df.Blueprint()


@bp.orchestration_trigger(context_name="context")
def download_point(context: df.DurableOrchestrationContext) -> Generator[Any, Any, Answer]:
    """A download session."""
    opened = yield from open_session(context)
    run, failed = opened["run"], opened["failed"]
    if failed is None:
        failed = (yield from handed_out(context, run, "validate_download", "download"))["refused"]
    return (yield from step(context, "close_session", {**run, "error": failed}, retries=5))
