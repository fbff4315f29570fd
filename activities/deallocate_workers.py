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
    session, pending = given["session"], 0
    for worker in app.catalog.workers.unused_by(session):
        app.catalog.workers.retire(worker.name, "stopping")
    for worker in app.catalog.workers.list():
        if worker.state != "stopping" or worker.last_session != session:
            continue
        machine = app.machine_id(worker)
        state = app.machines.state(machine).state
        if state == "absent":
            app.catalog.workers.remove(worker.name)
        elif state == "deallocated":
            app.catalog.workers.set_state(worker.name, "deallocated", expected={"stopping"})
        else:
            if state != "deallocating":
                app.machines.deallocate(machine)
            pending += 1
    return {"pending": pending}
