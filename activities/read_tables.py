"""The plan of a session that reads tables of a point."""

from __future__ import annotations

import re

import azure.durable_functions as df

from activities.answering import Answer, Given, answered
from holdfast.model.plan import PointPlan
from holdfast.model.session import State
from holdfast.model.table_ask import TableAsk
from holdfast.wiring import Services

bp = df.Blueprint()


@bp.activity_trigger(input_name="given")
@answered()
def validate_tables(app: Services, given: Given) -> Answer:
    """Finds the point, and the later one of a comparison, and settles the worker's region: that of the repository."""
    session, key = given["session"], given["key"]
    ask = TableAsk.model_validate(given["ask"])
    point = app.catalog.points.get(given["point"], repository=given.get("repository"))
    if ask.other:
        app.catalog.points.get(ask.other, repository=point.repository)
    app.catalog.sessions.add_sources(session, [(point.source, key)])
    app.catalog.sessions.set_source(session, key, State.RUNNING, restore_point=point.id)
    app.catalog.sessions.set_step(session, key, "validate", State.SUCCEEDED)
    # A table may be named `a#b c`; the blob's name is part of an address.
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", ask.table)[:80] or "tables"
    ending = ask.format if ask.act == "export" else "json"
    plan = PointPlan(
        kind="table",
        point=point.id,
        chain=point.chain,
        origin=point.repository,
        ask=ask,
        blob=f"{session}/{name}-{point.id}.{ending}",
        worker_profile=given["worker_profile"],
        worker_region=app.repository(point.repository).region,
    )
    return {"plan": plan.model_dump(mode="json")}
