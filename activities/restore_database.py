"""A restore's own steps: its plan, the empty database, what it is called in the end, and what is left where it failed."""

from __future__ import annotations

import azure.durable_functions as df

from activities.answering import Answer, Given, answered
from activities.restore_naming import give_name, mark_replaced, put_back
from activities.restore_planning import AskedRestore, planned
from activities.submit_job import job_id
from holdfast.cloud import tags as marks
from holdfast.model.clock import parse_iso
from holdfast.model.restore.errors import RestoreImpossible, TargetFailed
from holdfast.model.restore.plan import RestorePlan
from holdfast.model.restore.report import Aftercare, Compared, RestoreReport
from holdfast.model.session import State
from holdfast.wiring import Services

bp = df.Blueprint()


def _plan(given: Given) -> RestorePlan:
    return RestorePlan.model_validate(given["plan"])


def tags_of(app: Services, given: Given) -> dict[str, str]:
    """The tags of this session's database until it has its name."""
    return marks.restore_tags(app.settings.installation, given["session"], given["key"], _plan(given).point)


@bp.activity_trigger(input_name="given")
@answered()
def validate_restore(app: Services, given: Given) -> Answer:
    """Settles the plan. Raises RestoreImpossible with every hindrance."""
    session, key = given["session"], given["key"]
    asked = AskedRestore.model_validate(given["asked"])
    found = planned(app, asked, session, parse_iso(given["started_at"]).replace(microsecond=0))
    app.catalog.sessions.add_sources(session, [(found.point.source, key)])
    app.catalog.sessions.set_source(session, key, State.RUNNING, restore_point=found.point.id)
    app.catalog.sessions.set_step(session, key, "validate", State.RUNNING)
    report = RestoreReport(point=found.point.id, database=found.target, asked_by=asked.asked_by)
    app.catalog.sessions.set_restore(session, report)
    by = f", asked for by {asked.asked_by}" if asked.asked_by else ""
    told = f"restore of {found.point.id} to {found.target}{' (original place)' if asked.original else ''}{by}"
    app.catalog.log.write(session, "info", told, source=found.point.source, once="asked")
    for check in found.checks:
        if check.outcome == "warning":
            text = f"{check.what}: {check.detail}"
            app.catalog.log.write(session, "warning", text, source=found.point.source, once=text)
    if found.plan is None:
        failed = RestoreImpossible(
            "; ".join(check.detail for check in found.hindrances),
            help=" ".join(dict.fromkeys(check.help for check in found.hindrances if check.help)) or None,
        )
        app.catalog.sessions.set_step(session, key, "validate", State.FAILED, failed.detail)
        raise failed
    plan = found.plan
    report = report.model_copy(update={"resource_id": plan.final_id})
    app.catalog.sessions.set_restore(session, report)
    detail = f"{plan.target.name}/{plan.database}, worker in {plan.worker_region}"
    app.catalog.sessions.set_step(session, key, "validate", State.SUCCEEDED, detail)
    if not plan.archived:
        app.catalog.sessions.set_step(session, key, "rehydrate", State.SKIPPED, "not in the archive tier")
    return {"plan": plan.model_dump(mode="json")}


@bp.activity_trigger(input_name="given")
@answered(step="stage")
def start_target(app: Services, given: Given) -> Answer:
    """Asks Azure for the empty database. One that is there already, with our tags, is the one asked for."""
    plan = _plan(given)
    fetched = app.dispatch.result(given["session"], job_id(given, "fetch"))
    collation = str(fetched.output.get("collation") or "") if fetched else ""
    if collation:
        # What the point was made with, whatever the server makes databases with and whatever became of the original.
        plan = plan.model_copy(update={"collation": collation})
    original = app.targets.find(plan.final_id) if plan.replaces is not None else None
    # From the first moment, so that whoever ends a restore after a crash need not know what it replaced.
    people_s = marks.without_marks(original.tags) if original is not None else {}
    operation = app.targets.create(plan, tags_of(app, given), people_s)
    if operation:
        app.catalog.sessions.set_copy_operation(given["session"], given["key"], operation)
    return {"pending": True}


@bp.activity_trigger(input_name="given")
@answered(step="stage")
def look_at_target(app: Services, given: Given) -> Answer:
    """Whether the empty database is online. Raises TargetFailed where it failed or came to no end in time."""
    plan, session, key = _plan(given), given["session"], given["key"]
    state = app.servers.copy_state(plan.temporary_id, app.catalog.sessions.copy_operation(session, key))
    if state.state == "ready":
        return {"ready": True, "detail": f"{plan.temporary} on {plan.target.name}"}
    if state.state == "failed":
        raise state.error or TargetFailed(f"{plan.target.name}/{plan.temporary}: {state.detail}")
    if given.get("late"):
        raise TargetFailed(f"{plan.target.name}/{plan.temporary} was not ready after {app.settings.copy_deadline}")
    return {"ready": False, "pending": True}


@bp.activity_trigger(input_name="given")
@answered(cancellable=False)
def drop_target(app: Services, given: Given) -> Answer:
    """Drops the database of an earlier attempt; called again until it is gone."""
    plan = _plan(given)
    if app.targets.drop(plan.temporary_id, tags_of(app, given)):
        return {"pending": True}
    return {"pending": False}


@bp.activity_trigger(input_name="given")
@answered(cancellable=False)
def keep_different(app: Services, given: Given) -> Answer:
    """A database that is not what the point holds is kept under its temporary name, for people to look at."""
    plan, session = _plan(given), given["session"]
    kept = {**tags_of(app, given), marks.KIND: "restore-differs"}
    app.targets.tag(plan.temporary_id, kept)
    report = _report(app, given, plan)
    name = f"{plan.target.name}/{plan.temporary}"
    app.catalog.sessions.set_restore(
        session, report.model_copy(update={"kept_as": name, "resource_id": plan.temporary_id})
    )
    text = f"{name} is kept: it is not what {plan.point} holds, and was not given its name"
    app.catalog.log.write(session, "error", text, source=plan.source, once="kept")
    return {}


@bp.activity_trigger(input_name="given")
@answered(step="commit")
def mark_original(app: Services, given: Given) -> Answer:
    """On an instance, before the worker renames: the old database says which name it had."""
    plan = _plan(given)
    final = app.targets.find(plan.final_id)
    if plan.replaces is not None and final is not None:
        mark_replaced(app, plan, given, final)
    return {"pending": True}


@bp.activity_trigger(input_name="given")
@answered(step="commit")
def commit_restore(app: Services, given: Given) -> Answer:
    """Gives the verified database its name. Safe to repeat at any moment of it."""
    plan, session = _plan(given), given["session"]
    give_name(app, plan, given, tags_of(app, given))
    report = _report(app, given, plan)
    name = f"{plan.target.name}/{plan.database}"
    if plan.replaces is not None:
        aside = f"{plan.target.name}/{plan.replaces.aside}"
        report = report.model_copy(update={"replaced": aside, "replaced_until": plan.replaces.expires})
        until = f"{plan.replaces.expires:%Y-%m-%d}"
        text = f"{name} was renamed to {aside}; it is kept until somebody deletes it, at least to {until}"
        app.catalog.log.write(session, "info", text, source=plan.source, once="replaced")
    app.catalog.sessions.set_restore(session, report)
    for one in report.compared:
        level = "info" if one.outcome == "same" else "warning"
        said = f"{one.what}: {one.outcome}, {one.detail}"
        app.catalog.log.write(session, level, said, source=plan.source, once=f"compared {one.what}")  # type: ignore[arg-type]
    left = (
        f"; {len(report.aftercare)} things are left for a person, see the session's report" if report.aftercare else ""
    )
    app.catalog.log.write(session, "info", f"restored {plan.point} to {name}{left}", source=plan.source, once="done")
    return {"detail": name}


def abandon(app: Services, given: Given) -> bool:
    """After a restore that failed: what was moved is moved back, what was half filled is dropped. True once done."""
    plan = _plan(given)
    put_back(app, plan)
    found = app.targets.find(plan.temporary_id)
    if found is None or marks.is_marked(found.tags, "restore-differs"):
        return True
    app.targets.drop(plan.temporary_id, tags_of(app, given))
    return app.targets.find(plan.temporary_id) is None


def _report(app: Services, given: Given, plan: RestorePlan) -> RestoreReport:
    """What is known now: the comparisons, and what the package cannot bring."""
    known = app.catalog.sessions.get(given["session"], sources=False).restore
    report = known or RestoreReport(point=plan.point, database=f"{plan.target.name}/{plan.database}")
    verified = app.dispatch.result(given["session"], given["verified"])
    fetched = app.dispatch.result(given["session"], given["fetched"])
    compared = [Compared.model_validate(one) for one in (verified.output.get("compared", []) if verified else [])]
    aftercare = [Aftercare.model_validate(one) for one in (fetched.output.get("aftercare", []) if fetched else [])]
    return report.model_copy(update={"compared": compared, "aftercare": aftercare, "resource_id": plan.final_id})
