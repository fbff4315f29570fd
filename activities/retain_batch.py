"""One batch of retention: handed out, taken in, ended; and the summary of all batches of a session."""

from __future__ import annotations

import azure.durable_functions as df

from activities.answering import Answer, Given, answered
from activities.plan_retention import retention_region
from holdfast.catalog import Batch, Outcome, RetentionEntry
from holdfast.model.clock import parse_iso
from holdfast.model.counted import counted
from holdfast.model.errors import Cancelled, ErrorInfo, NotFound
from holdfast.model.job import ChainWork, JobResult
from holdfast.model.plan import MaintenancePlan
from holdfast.model.session import RetentionSummary
from holdfast.wiring import Services

bp = df.Blueprint()


@bp.activity_trigger(input_name="given")
@answered()
def take_batch(app: Services, given: Given) -> Answer:
    """What the worker of this batch is, and its jobs. Raises InvalidInput where no maintainer can do them."""
    batch = batch_of(app, given["session"], given["batch"])
    plan = MaintenancePlan(
        batch=given["batch"],
        repository=batch.repository,
        worker_profile=batch.worker_profile,
        worker_region=retention_region(app, batch),
    )
    return {"plan": plan.model_dump(mode="json"), "kinds": batch.kinds}


@bp.activity_trigger(input_name="given")
@answered(cancellable=False)
def end_batch(app: Services, given: Given) -> Answer:
    """Gives the worker back and records how the batch ended; runs after a cancellation too."""
    session, key, outcome = given["session"], given["key"], given["outcome"]
    for job in app.catalog.jobs.open_jobs():
        if job.session == session and job.id.startswith(f"{key}-"):
            app.dispatch.cancel(session, job.id)
            app.catalog.jobs.close(job.id)
    app.catalog.workers.release(session, key)
    problems = []
    if not outcome["ok"]:
        problems += _told(ErrorInfo.model_validate(outcome["error"]))
    app.catalog.retention_runs.set_outcome(session, given["batch"], "end", Outcome(problems=problems))
    return {}


@bp.activity_trigger(input_name="given")
@answered(cancellable=False)
def close_retention(app: Services, given: Given) -> Answer:
    """Sums up the session's batches, tells what went wrong, and forgets the plan. Safe to repeat."""
    session = given["session"]
    if app.catalog.sessions.get(session, sources=False).retention is not None:
        app.catalog.retention_runs.drop_plan(session)
        return {}
    outcomes = app.catalog.retention_runs.outcomes(session)
    parts = [part for batch in outcomes.values() for part in batch.values()]
    problems = [problem for part in parts for problem in part.problems]
    problems += [
        f"batch {number + 1} ended without a record of how"
        for number in range(given.get("batches", 0))
        if "end" not in outcomes.get(number, {})
    ]
    if given.get("error"):
        problems += _told(ErrorInfo.model_validate(given["error"]))
    alarms = app.catalog.retention_runs.alarms(given["policy"]) if given.get("alarms") else []
    summary = RetentionSummary(
        deleted=sum(part.deleted for part in parts),
        locked=sum(part.locked for part in parts),
        freed_bytes=sum(part.freed_bytes for part in parts),
        waiting_bytes=sum(part.waiting_bytes for part in parts),
        lock_changes=sum(part.lock_changes for part in parts),
        alarms=[alarm.detail for alarm in alarms],
        problems=problems,
    )
    for number, problem in enumerate(problems):
        app.catalog.log.write(session, "error", f"retention: {problem}", once=f"retention problem {number}")
    if parts:
        told = f"retention: {counted(summary.deleted, 'point')} deleted, {summary.freed_bytes:,} bytes freed"
        told += f", {summary.waiting_bytes:,} to come" if summary.waiting_bytes else ""
        told += f", {summary.locked} expired points still locked" if summary.locked else ""
        told += f", {summary.lock_changes:,} objects locked" if summary.lock_changes else ""
        app.catalog.log.write(session, "info", told, once="retention")
    app.catalog.sessions.set_retention(session, summary)
    app.catalog.retention_runs.drop_plan(session)
    return {}


def _told(error: ErrorInfo) -> list[str]:
    """An error as a problem of retention; none for a session that somebody cancelled."""
    return [] if error.code == Cancelled.code else [f"{error.title}: {error.detail}. {error.help}"]


def batch_of(app: Services, session: str, number: int) -> Batch:
    """A batch of the session's plan. Raises NotFound."""
    batch = app.catalog.retention_runs.batch(session, number)
    if batch is None:
        raise NotFound(f"session {session} has no batch {number} of retention")
    return batch


def locked(app: Services, given: Given, result: JobResult) -> Answer:
    """Takes in what a lock job did."""
    number = given["plan"]["batch"]
    batch = batch_of(app, given["session"], number)
    marks = {one.chain: one for one in batch.chains}
    changes, problems = 0, []
    for told in result.output["chains"]:
        one = marks[told["chain"]]
        changes += told["changed"]
        problems += [f"{one.source}: {problem}" for problem in told["problems"]]
        if not told["problems"]:
            app.catalog.retention.set_locked(batch.repository, one.chain, one.lock_mark)
    outcome = Outcome(lock_changes=changes, problems=problems)
    app.catalog.retention_runs.set_outcome(given["session"], number, "lock", outcome)
    return {}


def retained(app: Services, given: Given, result: JobResult) -> Answer:
    """Takes in what a retain job did: the catalog forgets what is gone, and the log remembers why it went."""
    session, number = given["session"], given["plan"]["batch"]
    batch = batch_of(app, session, number)
    works = {one.chain: one for one in batch.chains}
    deleted, problems = 0, []
    for told in result.output["chains"]:
        one = works[told["chain"]]
        deleted += len(told["deleted"]) + len(told["gone"])
        problems += [f"{one.source}: {problem}" for problem in told["problems"]]
        problems += [f"{one.source}: {told['error']}"] if told["error"] else []
        for point, why in told["kept"].items():
            problems.append(f"{one.source}: {point} was to be deleted and is kept: {why}")
        _forget(app, batch, one, [*told["deleted"], *told["gone"]], session)
        for point in (point for point, end in told["locked"].items() if end == "held"):
            # Held in storage by a person or by a catalog that was lost.
            app.catalog.retention.hold(batch.repository, point, "the storage holds it")
        held = {point: parse_iso(end) for point, end in told["locked"].items() if end != "held"}
        waits = parse_iso(told["waiting_until"]) if told["waiting_until"] else None
        if told["busy"]:
            app.catalog.log.write(session, "info", f"retention left to the next run: {told['busy']}", source=one.source)
        if told["not_ours"]:
            text = f"retention leaves the chain alone: {told['not_ours']}"
            app.catalog.log.write(session, "warning", text, source=one.source, once=f"not ours {one.chain}")
        if told["busy"] or told["error"] or told["refused_bytes"]:
            # Tried again with the next run: a chain in use, or packs that locks keep until some day.
            waits = app.clock.now()
        app.catalog.retention.set_pruned(batch.repository, one.chain, waits, held)
    outcome = Outcome(
        deleted=deleted,
        locked=sum(len(told["locked"]) for told in result.output["chains"]),
        freed_bytes=sum(told["freed_bytes"] for told in result.output["chains"]),
        waiting_bytes=sum(told["waiting_bytes"] for told in result.output["chains"]),
        problems=problems,
    )
    app.catalog.retention_runs.set_outcome(session, number, "retain", outcome)
    return {}


def _forget(app: Services, batch: Batch, one: ChainWork, points: list[str], session: str) -> None:
    for point in points:
        entry = RetentionEntry(
            at=app.clock.now(),
            policy=batch.policy,
            session=session,
            repository=batch.repository,
            chain=one.chain,
            source=one.source,
            point=point,
            reasons=one.reasons.get(point, []),
        )
        app.catalog.retention_runs.write(entry)
        app.catalog.points.remove(point, repository=batch.repository)
        app.catalog.retention.forget(batch.repository, one.chain, point)
