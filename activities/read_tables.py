"""The plan of a session that reads tables of a point."""

from __future__ import annotations

import re

import azure.durable_functions as df

from activities.answering import Answer, Given, answered
from holdfast.model.job import SqlConnection
from holdfast.model.plan import PointPlan
from holdfast.model.session import LOAD_STEPS, TABLE_STEPS, State
from holdfast.model.source import Source, SourceKind
from holdfast.model.table_ask import TableAsk
from holdfast.wiring import Services

bp = df.Blueprint()


@bp.activity_trigger(input_name="given")
@answered()
def validate_tables(app: Services, given: Given) -> Answer:
    """Finds the point, and the later one of a comparison, and settles the worker's region: that of the repository, or
    of the database that a table is restored to.

    Raises NotFound for a point or a database that is not there.
    """
    session, key = given["session"], given["key"]
    ask = TableAsk.model_validate(given["ask"])
    point = app.catalog.points.get(given["point"], repository=given.get("repository"))
    if ask.other:
        app.catalog.points.get(ask.other, repository=point.repository)
    target = app.servers.find_source(ask.target) if ask.act == "restore" else None
    steps = LOAD_STEPS if target is not None else TABLE_STEPS
    app.catalog.sessions.add_sources(session, [(point.source, key)], steps=steps)
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
        connection=_connection(target) if target is not None else None,
        worker_region=target.region if target is not None else app.repository(point.repository).region,
    )
    return {"plan": plan.model_dump(mode="json")}


def _connection(target: Source) -> SqlConnection:
    managed = target.kind is SourceKind.MANAGED_DATABASE
    return SqlConnection(host=target.host, database=target.database, managed_instance=managed)
