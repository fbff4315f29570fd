"""The plan of a download, and what it made."""

from __future__ import annotations

import re

import azure.durable_functions as df

from activities.answering import Answer, Given, answered
from holdfast.model.errors import HoldfastError
from holdfast.model.plan import PointPlan
from holdfast.model.session import Download, State
from holdfast.wiring import Services

bp = df.Blueprint()


@bp.activity_trigger(input_name="given")
@answered()
def validate_download(app: Services, given: Given) -> Answer:
    """Finds the point and settles the worker's region: that of the repository."""
    session, key = given["session"], given["key"]
    point = app.catalog.points.get(given["point"], repository=given.get("repository"))
    app.catalog.sessions.add_sources(session, [(point.source, key)])
    app.catalog.sessions.set_source(session, key, State.RUNNING, restore_point=point.id)
    app.catalog.sessions.set_step(session, key, "validate", State.SUCCEEDED)
    plan = PointPlan(
        kind="download",
        point=point.id,
        chain=point.chain,
        origin=point.repository,
        identical=bool(given.get("identical")),
        # A database may be named `a#b c`; the blob's name is part of an address.
        blob=f"{session}/{re.sub(r'[^A-Za-z0-9._-]+', '-', point.source)}-{point.id}.bacpac",
        worker_profile=given["worker_profile"],
        worker_region=app.repository(point.repository).region,
    )
    return {"plan": plan.model_dump(mode="json")}


@bp.activity_trigger(input_name="given")
@answered()
def commit_download(app: Services, given: Given) -> Answer:
    """Records where the file lies and until when."""
    result = app.dispatch.result(given["session"], given["job"])
    if result is None:
        raise HoldfastError(f"job {given['job']} reported nothing")
    out = result.output
    app.catalog.sessions.set_download(
        given["session"],
        Download(
            blob=out["blob"],
            bytes=out["bytes"],
            sha256=out["sha256"],
            identical=out.get("identical", False),
            rows=out.get("rows"),
            losses=out.get("losses", []),
            expires_at=app.clock.now() + app.settings.exports_expiry,
        ),
    )
    return {}
