"""Stops the session's workers that nobody else uses: a deallocated machine costs its disk alone."""

from __future__ import annotations

import azure.durable_functions as df

from activities.answering import Answer, Given, answered
from holdfast.wiring import Services

bp = df.Blueprint()


@bp.activity_trigger(input_name="given")
@answered(cancellable=False)
def deallocate_workers(app: Services, given: Given) -> Answer:
    """Answers how many are still on their way down; called again until none is."""
    pending = 0
    for worker in app.catalog.workers.retire_unused(given["session"]):
        state = app.machines.state(worker.group, worker.name)
        if state.state in ("deallocated", "absent"):
            app.catalog.workers.deallocated(worker.name)
            continue
        if state.state != "deallocating":
            app.machines.deallocate(worker.group, worker.name)
        pending += 1
    return {"pending": pending}
