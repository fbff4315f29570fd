"""Notifications: looks for what is overdue, writes daily summaries, sends what waits. Backups never wait for it."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import azure.durable_functions as df

from orchestrators.steps import Answer, step

bp = df.Blueprint()

#: Activities that send, one after the other, while more is due; what is left waits for the next round.
_SENDING = 10


@bp.orchestration_trigger(context_name="context")
def notices(context: df.DurableOrchestrationContext) -> Generator[Any, Any, Answer]:
    """One round."""
    run: Answer = {"timing": {"retry_delay": 5}}
    looked = yield from step(context, "find_overdue", run)
    if looked.get("looked"):
        yield from step(context, "write_summaries", run)
    sent = 0
    for _ in range(_SENDING):
        answer = yield from step(context, "send_notices", run)
        sent += answer.get("sent", 0)
        if not answer.get("more"):
            break
    return {"ok": True, "sent": sent}
