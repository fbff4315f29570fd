"""Holds a point until somebody releases it, or releases it: in the catalog, and in the storage where that can."""

from __future__ import annotations

import azure.durable_functions as df

from activities.answering import Answer, Given, answered
from holdfast.model.plan import HoldPlan
from holdfast.model.session import State
from holdfast.wiring import Services

bp = df.Blueprint()


@bp.activity_trigger(input_name="given")
@answered()
def validate_hold(app: Services, given: Given) -> Answer:
    """Settles where the point lies. The catalog's hold begins here, before the storage's, and ends after it."""
    session, key = given["session"], given["key"]
    point = app.catalog.points.get(given["point"], repository=given["repository"])
    app.catalog.sessions.add_sources(session, [(point.source, key)])
    app.catalog.sessions.set_source(session, key, State.RUNNING, restore_point=point.id, again=True)
    repository = app.repository(point.repository)
    in_storage = app.containers.immutable(repository.url)
    plan = HoldPlan(
        point=point.id,
        chain=point.chain,
        repository=point.repository,
        on=given["on"],
        reason=given.get("reason") or "",
        worker_profile=given["worker_profile"],
        worker_region=repository.region,
    )
    if in_storage:
        app.place(plan.worker_profile, plan.worker_region)
    else:
        for step in ("worker", "hold"):
            app.catalog.sessions.set_step(session, key, step, State.SKIPPED, "the container has no immutability")
        app.catalog.log.write(
            session,
            "warning",
            f"repository {point.repository} has no version-level immutability: the hold binds retention and no one else",
            source=point.source,
        )
    app.catalog.sessions.set_step(session, key, "validate", State.SUCCEEDED)
    if plan.on:
        app.catalog.retention.hold(plan.repository, plan.point, plan.reason)
    return {"plan": plan.model_dump(mode="json"), "in_storage": in_storage}


@bp.activity_trigger(input_name="given")
@answered()
def commit_hold(app: Services, given: Given) -> Answer:
    """Ends the catalog's hold, where that was asked for and the storage has released the point."""
    plan = HoldPlan.model_validate(given["plan"])
    source = app.catalog.sessions.source(given["session"], given["key"]).source
    if not plan.on:
        app.catalog.retention.release(plan.repository, plan.point)
    word = "held" if plan.on else "released"
    told = f"{plan.point} is {word}{': ' + plan.reason if plan.reason else ''}"
    app.catalog.log.write(given["session"], "info", told, source=source, once=f"{word} {plan.point}")
    return {}
