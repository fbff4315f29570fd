"""Records a new point in the catalog. The point exists in the repository already; this makes it found."""

from __future__ import annotations

import azure.durable_functions as df

from activities.answering import Answer, Given, answered
from activities.synchronising import Place, synchronise
from activities.telling import point_stored
from holdfast.model.counted import counted
from holdfast.model.errors import HoldfastError
from holdfast.model.plan import PointPlan
from holdfast.model.point import RestorePoint
from holdfast.wiring import Services

bp = df.Blueprint()


def stored_point(app: Services, given: Given) -> RestorePoint:
    """The point that the job of this attempt reported."""
    result = app.dispatch.result(given["session"], given["job"])
    if result is None or "point" not in result.output:
        raise HoldfastError(f"job {given['job']} reported no point")
    return RestorePoint.model_validate(result.output["point"])


@bp.activity_trigger(input_name="given")
@answered(step="commit")
def commit_point(app: Services, given: Given) -> Answer:
    """Safe to repeat: a point is written under its id."""
    point = stored_point(app, given)
    app.catalog.points.put(point)
    if point.terms is not None:
        # Now that the point exists, and not before: a session that failed must not take a period from the next.
        app.catalog.retention.record_claims(point.chain, point.terms.policy, point.terms.claims)
        if point.terms.archive:
            app.catalog.retention.record_waiting(point.chain, point.id, point.source)
    app.catalog.sessions.set_source(given["session"], given["key"], restore_point=point.id)
    rows = sum(table.rows or 0 for table in point.tables)
    holds = f"{counted(len(point.tables), 'table')}, {counted(rows, 'row')}"
    point_stored(point)
    detail = f"{point.id}, {point.kind}, {holds}, {point.stored_bytes:,} bytes stored"
    app.catalog.log.write(given["session"], "info", f"restore point {detail}", source=point.source)
    return {"detail": detail}


@bp.activity_trigger(input_name="given")
@answered()
def commit_archive(app: Services, given: Given) -> Answer:
    """Records the archive copy, and what else its chain holds that the catalog does not know.

    The worker read the copy back, and the original whole on the way: that is known of both from now on.
    """
    point = stored_point(app, given)
    app.catalog.points.put(point)
    plan = PointPlan.model_validate(given["plan"])
    app.catalog.retention.record_archived(point.chain, plan.point, point.id)
    app.catalog.retention.record_verified(plan.origin, point.chain, plan.point)
    result = app.dispatch.result(given["session"], given["job"])
    # The result of a worker that booted from an older bundle has no chain; that is not an empty one.
    if result is not None and "points" in result.output:
        as_of = app.catalog.jobs.get(given["job"]).submitted_at
        place = Place(given["session"], given["job"], point.source, point.repository, point.chain)
        synchronise(app, place, result.output, as_of=as_of)
    point_stored(point)
    app.catalog.log.write(given["session"], "info", f"archived {point.id} to {point.repository}", source=point.source)
    return {}
