"""The staging copy: start it, look at it, drop it. The copy is found again by its name and our tags."""

from __future__ import annotations

from datetime import timedelta

import azure.durable_functions as df

from activities.answering import Answer, Given, answered
from holdfast.cloud.tags import copy_tags
from holdfast.model.errors import StagingFailed
from holdfast.model.plan import BackupPlan
from holdfast.wiring import Services

bp = df.Blueprint()


def _plan(given: Given) -> BackupPlan:
    return BackupPlan.model_validate(given["plan"])


def tags_of(app: Services, given: Given) -> dict[str, str]:
    """The tags of this session's copy of this source."""
    expires = _plan(given).created_at + app.settings.staging_expiry
    return copy_tags(app.settings.installation, given["session"], given["key"], expires)


@bp.activity_trigger(input_name="given")
@answered(step="stage")
def start_copy(app: Services, given: Given) -> Answer:
    """Asks Azure for the copy. One that is there already, with our tags, is taken as the one asked for."""
    plan = _plan(given)
    assert plan.staging is not None  # noqa: S101 (the orchestration stages only where the plan says so)
    started = app.servers.start_copy(plan.source, plan.staging, plan.copy_name, tags_of(app, given))
    if started.operation:
        # A copy that fails may vanish; Azure then still says why behind this address.
        app.catalog.sessions.set_copy_operation(given["session"], given["key"], started.operation)
    return {"pending": True}


@bp.activity_trigger(input_name="given")
@answered(step="stage")
def look_at_copy(app: Services, given: Given) -> Answer:
    """Whether the copy is online. Raises StagingFailed where it failed, vanished or came to no end in time."""
    plan = _plan(given)
    operation = app.catalog.sessions.copy_operation(given["session"], given["key"])
    state = app.servers.copy_state(plan.copy_id, operation)
    if state.state == "ready":
        app.catalog.turns.keep_the_copy(given["session"], given["key"])
        return {"ready": True, "detail": f"{plan.copy_name} on {plan.staging.name if plan.staging else ''}"}
    if state.state == "failed":
        raise StagingFailed(f"copy of {plan.source.name}: {state.detail}")
    waited = app.clock.now() - plan.created_at
    # A copy is listed only some time after Azure accepted it (36 s in the recordings), so absence alone is no failure
    # until it has lasted.
    if state.state == "absent" and waited > timedelta(minutes=15):
        raise StagingFailed(f"copy of {plan.source.name}: Azure accepted it, but it is not there")
    if given.get("late"):
        raise StagingFailed(f"copy of {plan.source.name} was not ready after {app.settings.copy_deadline}")
    return {"ready": False, "pending": True}


@bp.activity_trigger(input_name="given")
@answered(cancellable=False)
def drop_copy(app: Services, given: Given) -> Answer:
    """Drops a failed copy before it is made again; never anything that lacks our tags."""
    app.servers.drop_copy(_plan(given).copy_id, tags_of(app, given))
    return {}
