"""Hands the worker the job of a step."""

from __future__ import annotations

import azure.durable_functions as df
from pydantic import BaseModel

from activities.answering import Answer, Given, answered
from holdfast.model.clock import parse_iso
from holdfast.model.flags import Carried, Stamp, claims_found, stamp
from holdfast.model.job import (
    ArchiveSpec,
    DownloadSpec,
    ExportSpec,
    Job,
    JobKind,
    PreflightSpec,
    RehydrateSpec,
    StoreSpec,
    SynchroniseSpec,
)
from holdfast.model.plan import BackupPlan, PointPlan, session_mark
from holdfast.model.preflight.finding import Finding
from holdfast.model.schedule import slot_day
from holdfast.model.session import State
from holdfast.wiring import Services

bp = df.Blueprint()


def job_id(given: Given, kind: str) -> str:
    """The same for the same attempt, so that a step done twice is one job; its own in every session."""
    return f"{given['key']}-{kind}-{given['attempt']}-{session_mark(given['session'])}"


@bp.activity_trigger(input_name="given")
@answered()
def submit_job(app: Services, given: Given) -> Answer:
    """Safe to repeat: the job has one id, and the worker does it once."""
    kind: JobKind = given["kind"]
    session, key = given["session"], given["key"]
    app.catalog.sessions.set_step(session, key, kind, State.RUNNING, again=True)
    job = Job(
        id=job_id(given, kind),
        kind=kind,
        session=session,
        source=app.catalog.sessions.source(session, key).source,
        step=kind,
        attempt=given["attempt"],
        instance_id=given["instance"],
        worker=given["worker"],
        submitted_at=app.clock.now(),
        spec=_spec(app, given, kind).model_dump(mode="json"),
    )
    app.catalog.jobs.add(job)
    app.dispatch.submit(job)
    if app.catalog.sessions.is_cancelled(session):
        # Whoever cancelled meanwhile looked for open jobs before this was one.
        app.dispatch.cancel(session, job.id)
    return {"job": job.id}


def _spec(app: Services, given: Given, kind: JobKind) -> BaseModel:
    if "point" in given["plan"] and "origin" in given["plan"]:
        return _point_spec(app, PointPlan.model_validate(given["plan"]), given, kind)
    plan = BackupPlan.model_validate(given["plan"])
    workspace = f"{given['session']}-{given['key']}-{given['attempt']}"
    if kind == "synchronise":
        return SynchroniseSpec(repository=app.repository(plan.repository), chain=plan.source.chain)
    if kind == "preflight":
        return PreflightSpec(connection=plan.connection, database=plan.source.database)
    if kind == "export":
        return ExportSpec(connection=plan.connection, workspace=workspace)
    return StoreSpec(
        repository=app.repository(plan.repository),
        chain=plan.source.chain,
        source=plan.source.name,
        resource_id=plan.source.resource_id,
        point=plan.point,
        session=given["session"],
        created_at=plan.created_at,
        consistency=plan.consistency,
        flags=list(_flags(app, given, plan).flags),
        warnings=_warnings(app, given),
        workspace=workspace,
    )


def _point_spec(app: Services, plan: PointPlan, given: Given, kind: JobKind) -> BaseModel:
    origin = app.repository(plan.origin)
    if kind == "archive":
        assert plan.target is not None  # noqa: S101 (validate_archive settles it)
        return ArchiveSpec(
            origin=origin,
            target=app.repository(plan.target),
            chain=plan.chain,
            point=plan.point,
            session=given["session"],
            flags=plan.flags,
        )
    if kind == "rehydrate":
        return RehydrateSpec(repository=origin, chain=plan.chain, point=plan.point)
    return DownloadSpec(
        repository=origin,
        chain=plan.chain,
        point=plan.point,
        container_url=app.exports.url,
        blob=plan.blob,
        identical=plan.identical,
    )


def _flags(app: Services, given: Given, plan: BackupPlan) -> Stamp:
    """The flags of this point, from its slot and the chain's points; remembers what archiving will need."""
    session = app.catalog.sessions.get(given["session"], sources=False)
    if session.slot is None or session.policy is None:
        return Stamp()
    policy = app.catalog.policies.get(session.policy).policy
    chain = plan.source.chain
    points = [
        Carried(point.id, slot_day(policy, point.created_at), frozenset(point.flags))
        for point in app.catalog.points.list(chain=chain).points
        if point.id != plan.point
    ]
    claims = claims_found(policy, chain, points)
    due = stamp(policy, chain, plan.point, slot_day(policy, parse_iso(session.slot)), claims)
    if due.archive_flags:
        app.catalog.sessions.set_source(
            given["session"], given["key"], archive_due=True, archive_flags=due.archive_flags
        )
    return due


def _warnings(app: Services, given: Given) -> list[str]:
    """What preflight found and did not stop the export; it goes into the point's manifest."""
    result = app.dispatch.result(given["session"], job_id(given, "preflight"))
    findings = [Finding.model_validate(f) for f in (result.output.get("findings", []) if result else [])]
    return [str(finding) for finding in findings]
