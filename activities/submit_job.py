"""Hands the worker the job of a step."""

from __future__ import annotations

from typing import Any

import azure.durable_functions as df
from pydantic import BaseModel

from activities.answering import Answer, Given, answered
from activities.lease_worker import of_source
from activities.retain_batch import batch_of
from activities.settling import settle, settle_copy
from holdfast.model.job import (
    ArchiveSpec,
    DownloadSpec,
    ExportSpec,
    FetchSpec,
    HoldSpec,
    ImportSpec,
    Job,
    JobKind,
    LockSpec,
    PreflightSpec,
    RehydrateSpec,
    RenameSpec,
    RetainSpec,
    StoreSpec,
    SurveySpec,
    SynchroniseSpec,
    VerifySpec,
)
from holdfast.model.plan import BackupPlan, HoldPlan, PointPlan, SourcePlan, SurveyPlan, session_mark
from holdfast.model.preflight.finding import Finding
from holdfast.model.restore.plan import RestorePlan
from holdfast.model.session import State
from holdfast.model.table_job import LoadSpec, TableSpec
from holdfast.model.transformation import Transformation
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
    source = None
    if of_source(given):
        source = app.catalog.sessions.set_step(session, key, step_of(kind), State.RUNNING, again=True).source
    job = Job(
        id=job_id(given, kind),
        kind=kind,
        session=session,
        source=source,
        step=step_of(kind),
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


def step_of(kind: JobKind) -> str:
    """The step that a job belongs to: most bear its name."""
    return "commit" if kind == "rename" else kind


def _spec(app: Services, given: Given, kind: JobKind) -> BaseModel:
    if given["plan"].get("kind") == "restore":
        return _restore_spec(app, RestorePlan.model_validate(given["plan"]), given, kind)
    if given["plan"].get("role") == "maintainer":
        return _maintenance_spec(app, given, kind)
    if "point" in given["plan"] and "origin" in given["plan"]:
        return _point_spec(app, PointPlan.model_validate(given["plan"]), given, kind)
    if kind == "survey":
        return _survey_spec(app, SurveyPlan.model_validate(given["plan"]), given)
    if given["plan"].get("kind") == "preflight":
        looked_at = SourcePlan.model_validate(given["plan"])
        return PreflightSpec(connection=looked_at.connection, database=looked_at.source.database, look_only=True)
    plan = BackupPlan.model_validate(given["plan"])
    workspace = f"{given['session']}-{given['key']}-{given['attempt']}"
    if kind == "synchronise":
        return SynchroniseSpec(repository=app.repository(plan.repository), chain=plan.source.chain)
    if kind == "preflight":
        return PreflightSpec(connection=plan.connection, database=plan.source.database, repair=plan.repair)
    if kind == "export":
        return ExportSpec(connection=plan.connection, workspace=workspace)
    terms = settle(app, given, plan)
    return StoreSpec(
        repository=app.repository(plan.repository),
        chain=plan.source.chain,
        source=plan.source.name,
        resource_id=plan.source.resource_id,
        point=plan.point,
        session=given["session"],
        created_at=plan.created_at,
        consistency=plan.consistency,
        flags=list(terms.until) if terms is not None else [],
        terms=terms,
        **_of_preflight(app, given),
        workspace=workspace,
    )


def _restore_spec(app: Services, plan: RestorePlan, given: Given, kind: JobKind) -> BaseModel:
    # One folder for all attempts: a package that is whole serves the next attempt too.
    workspace = f"{given['session']}-{given['key']}"
    if kind == "import":
        return ImportSpec(connection=plan.connection, workspace=workspace, attempt=job_id(given, kind))
    if kind == "verify":
        return VerifySpec(connection=plan.connection, workspace=workspace, contents=plan.verify == "contents")
    if kind == "rename":
        aside = [(plan.database, plan.replaces.aside)] if plan.replaces is not None else []
        return RenameSpec(connection=plan.connection, moves=[*aside, (plan.temporary, plan.database)])
    repository = app.repository(plan.repository)
    if kind == "rehydrate":
        return RehydrateSpec(repository=repository, chain=plan.chain, point=plan.point, priority=plan.priority)
    return FetchSpec(repository=repository, chain=plan.chain, point=plan.point, workspace=workspace)


def _survey_spec(app: Services, plan: SurveyPlan, given: Given) -> SurveySpec:
    return SurveySpec(
        repository=app.repository(plan.repository),
        container_url=app.exports.url,
        # An attempt of its own each: what a lost worker still writes is read by nobody.
        folder=f"{given['session']}/{given['key']}-{given['attempt']}",
        read=plan.read,
        adopt=plan.adopt,
        databases=plan.databases,
        dry_run=plan.dry_run,
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
            terms=settle_copy(app.catalog.policies.get(given["policy"]).policy, app.catalog.points.get(plan.point)),
        )
    if kind == "rehydrate":
        also = [plan.ask.other] if plan.ask is not None and plan.ask.other else []
        return RehydrateSpec(repository=origin, chain=plan.chain, point=plan.point, also=also)
    place = {"repository": origin, "chain": plan.chain, "point": plan.point}
    if kind == "load":
        return LoadSpec.model_validate({**place, "ask": plan.ask, "connection": plan.connection})
    place |= {"container_url": app.exports.url, "blob": plan.blob}
    if plan.ask is not None:
        return TableSpec.model_validate({**place, "ask": plan.ask})
    return DownloadSpec.model_validate({**place, "identical": plan.identical})


def _maintenance_spec(app: Services, given: Given, kind: JobKind) -> BaseModel:
    if kind == "hold":
        hold = HoldPlan.model_validate(given["plan"])
        return HoldSpec(repository=app.repository(hold.repository), points=[hold.point], on=hold.on)
    batch = batch_of(app, given["session"], given["plan"]["batch"])
    repository = app.repository(batch.repository)
    if kind == "lock":
        return LockSpec(repository=repository, chains=[one for one in batch.chains if one.lock])
    return RetainSpec(
        repository=repository,
        chains=[one for one in batch.chains if one.prune],
        immutable=batch.immutable,
        grace=app.settings.prune_grace,
    )


def _of_preflight(app: Services, given: Given) -> dict[str, Any]:
    """What preflight found and did not stop the export, and what it changed on the copy: for the point's manifest."""
    result = app.dispatch.result(given["session"], job_id(given, "preflight"))
    output = result.output if result else {}
    findings = [Finding.model_validate(found) for found in output.get("findings", [])]
    done = [Transformation.model_validate(one) for one in output.get("transformations", [])]
    return {"warnings": [str(finding) for finding in findings], "transformations": done}
