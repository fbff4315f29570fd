"""A drill's own steps: which point and where to, what the restore proved, and that nothing of it stays."""

from __future__ import annotations

import hashlib
from typing import Any

import azure.durable_functions as df

from activities.answering import Answer, Given, answered
from activities.telling import drill_ended
from holdfast.model.clock import iso, parse_iso
from holdfast.model.drill import DrillProof, DrillRecord, NotProven, drill_database, objective_for, restore_of
from holdfast.model.errors import Cancelled, ErrorInfo, InvalidInput, NotFound
from holdfast.model.plan import DrillPlan
from holdfast.model.point import RestorePoint
from holdfast.model.session import Session, State
from holdfast.model.source import SourceKind, source_key
from holdfast.wiring import Services

bp = df.Blueprint()


@bp.activity_trigger(input_name="given")
@answered()
def validate_drill(app: Services, given: Given) -> Answer:
    """Settles point, target and size, and notes that the drill has begun. Raises NotFound, StagingServerUnusable."""
    session, key = given["session"], given["key"]
    point = _point(app, given)
    server = app.servers.staging_server(given["target"])
    database = drill_database(session)
    app.catalog.sessions.add_sources(session, [(point.source, key)])
    app.catalog.sessions.set_source(session, key, State.RUNNING, restore_point=point.id)
    now = app.clock.now()
    managed = server.kind is SourceKind.MANAGED_DATABASE
    plan = DrillPlan(
        point=point.id,
        chain=point.chain,
        repository=point.repository,
        target=f"{server.resource_id}/databases/{database}",
        restore=restore_of(session),
        asked={
            "point": point.id,
            "repository": point.repository,
            "to": f"{server.resource_id}/databases/{database}",
            "managed_instance": managed,
            "sku": None if managed else objective_for(point.inflated_bytes),
            "verify": given["verify"],
            "worker": given["worker_profile"],
            "asked_by": f"drill {session}",
        },
        restore_key=source_key(f"{server.name}/{database}"),
        asked_at=iso(now),
    )
    app.catalog.drills.put(
        DrillRecord(
            id=session,
            source=point.source,
            chain=point.chain,
            point=point.id,
            point_created_at=point.created_at,
            repository=point.repository,
            policy=given.get("policy"),
            verify=given["verify"],
            target=f"{server.name}/{database}",
            target_id=plan.target,
            restore=plan.restore,
            started_at=parse_iso(given["asked_at"]),
        )
    )
    # A session is there before its orchestration begins, so that it can be looked at and cancelled from the first moment.
    app.catalog.sessions.create(Session(id=plan.restore, kind="restore", started_at=now))
    detail = f"{point.id} to {server.name}, {plan.asked['sku'] or 'the instance'}"
    app.catalog.sessions.set_step(session, key, "validate", State.SUCCEEDED, detail)
    app.catalog.sessions.set_step(session, key, "restore", State.RUNNING, f"session {plan.restore}")
    return {"plan": plan.model_dump(mode="json")}


def _point(app: Services, given: Given) -> RestorePoint:
    if given.get("point"):
        return app.catalog.points.get(given["point"], repository=given.get("repository"))
    archives = {name for name, found in app.settings.repositories.items() if found.archive}
    points = [p for p in app.catalog.points.since(given["chain"], _BEGINNING) if p.repository not in archives]
    if not points:
        raise NotFound(f"chain {given['chain']} has no restore point to drill")
    if given.get("pick") == "random" and len(points) > 1:
        # By the session, so that a step done twice picks the same; the newest is what the schedule drills.
        number = int.from_bytes(hashlib.sha256(given["session"].encode()).digest()[:8], "big")
        chosen = points[number % (len(points) - 1)]
    else:
        chosen = points[-1]
    return app.catalog.points.get(chosen.id, repository=chosen.repository)


_BEGINNING = parse_iso("2000-01-01T00:00:00Z")


@bp.activity_trigger(input_name="given")
@answered(step="record", cancellable=False)
def record_drill(app: Services, given: Given) -> Answer:
    """Takes in what the restore came to. Raises NotProven, or what stopped it."""
    plan = DrillPlan.model_validate(given["plan"])
    session, key = given["session"], given["key"]
    try:
        restore = app.catalog.sessions.get(plan.restore)
    except NotFound:
        raise NotProven(f"{plan.point}: the restore never began") from None
    failed = restore.error or next((one.error for one in restore.sources if one.error is not None), None)
    compared = restore.restore.compared if restore.restore is not None else []
    proof = [DrillProof(what=one.what, outcome=one.outcome, detail=one.detail) for one in compared]
    proven = restore.state is State.SUCCEEDED and bool(proof) and all(one.outcome != "different" for one in proof)
    ended = restore.ended_at or app.clock.now()
    error = None if proven else failed or NotProven(f"{plan.point}: nothing was compared").info()
    cancelled = error is not None and error.code == Cancelled.code
    record = _ended(
        app,
        given,
        state="proven" if proven else "cancelled" if cancelled else "failed",
        restore_seconds=(ended - restore.started_at).total_seconds(),
        proof=proof,
        error=error,
    )
    told = "; ".join(f"{one.what}: {one.outcome}" for one in proof) or "nothing was compared"
    app.catalog.sessions.set_step(session, key, "restore", State.SUCCEEDED if proven else State.FAILED, told)
    if error is not None:
        why = f"{error.title}: {error.detail}" if error.detail else error.title
        raise NotProven(
            f"{plan.point} of {record.source}: {why}",
            help=f"`holdfast session show {plan.restore}` tells more. {error.help}",
        )
    text = f"{plan.point} is proven: {told}; restored in {record.restore_seconds or 0:,.0f} s"
    app.catalog.log.write(session, "info", text, source=record.source, once="proven")
    return {"detail": told}


@bp.activity_trigger(input_name="given")
@answered(step="cleanup", cancellable=False)
def end_drill(app: Services, given: Given) -> Answer:
    """Answers `pending` until what was restored is gone; then the drill ends as `outcome` says."""
    session, key, outcome = given["session"], given["key"], given["outcome"]
    error = None if outcome["ok"] else ErrorInfo.model_validate(outcome["error"])
    if given.get("plan"):
        plan = DrillPlan.model_validate(given["plan"])
        left = [app.drill_targets.remove(target, plan.restore) for target in _made(app, plan.target, plan.restore)]
        if any(left):
            return {"pending": True}
        if error is not None:
            _ended(app, given, state="cancelled" if error.code == Cancelled.code else "failed", error=error)
        app.catalog.drills.thin(plan.chain)
    state = State.SUCCEEDED if error is None else State.CANCELLED if error.code == Cancelled.code else State.FAILED
    if error is not None:
        app.catalog.log.write(session, "error", f"{error.title}: {error.detail}. {error.help}")
    app.catalog.sessions.set_step(session, key, "cleanup", State.SUCCEEDED, "nothing is left of it")
    app.catalog.sessions.set_source(session, key, state, error, settle=True, again=True)
    return {"detail": "nothing is left of it"}


def _made(app: Services, target: str, restore: str) -> list[str]:
    """What the restore may have left: the database, also under the name that it keeps where it is not as stored."""
    try:
        report = app.catalog.sessions.get(restore, sources=False).restore
    except NotFound:
        return [target]
    kept = report.kept_as.rpartition("/")[2] if report is not None else ""
    return [target, *([f"{target.rpartition('/')[0]}/{kept}"] if kept else [])]


def _ended(app: Services, given: Given, **changes: Any) -> DrillRecord:
    """Writes how the drill ended, once."""
    plan = DrillPlan.model_validate(given["plan"])
    known = app.catalog.drills.find(plan.chain, given["session"])
    if known is None:
        raise InvalidInput(f"the drill {given['session']} was never noted")
    if known.state != "running":
        return known
    record = known.model_copy(update={**changes, "ended_at": app.clock.now()})
    held = app.catalog.drills.put(record)
    drill_ended(held)
    return held


@bp.activity_trigger(input_name="given")
@answered(cancellable=False)
def tidy_drills(app: Services, given: Given) -> Answer:
    """The janitor's round: what drills left whose session has ended without putting it right."""
    removed = 0
    for drill in [one for drills in app.catalog.drills.all().values() for one in drills if one.state == "running"]:
        if not app.catalog.sessions.has_ended(drill.id) or not app.catalog.sessions.has_ended(drill.restore):
            continue
        left = [app.drill_targets.remove(place, drill.restore) for place in _made(app, drill.target_id, drill.restore)]
        if True in left:
            removed += 1
            continue  # once it is gone, the next round ends the drill
        lost = NotProven(f"{drill.point}: the drill ended without a record of how").info()
        end = {"state": "failed", "error": lost, "ended_at": app.clock.now()}
        drill_ended(app.catalog.drills.put(drill.model_copy(update=end)))
    return {"removed": removed}
