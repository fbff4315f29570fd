"""What the janitor's rounds do: each lists what carries our tags, judges it, removes it, and is safe to repeat."""

from __future__ import annotations

from datetime import timedelta

import azure.durable_functions as df

from activities.answering import Answer, Given, answered
from holdfast.model.errors import ErrorInfo, NotFound
from holdfast.model.session import State, outcome
from holdfast.wiring import Services

bp = df.Blueprint()

_ENDED = (State.SUCCEEDED, State.PARTIAL, State.FAILED, State.CANCELLED)

#: A machine or copy may be a moment older than the row that explains it.
_GRACE = timedelta(minutes=2)


def _ended(app: Services, session: str) -> bool:
    """Whether the session has ended, or is unknown: its catalog row went with a lost catalog, and its run with it."""
    try:
        return app.catalog.sessions.get(session, sources=False).state in _ENDED
    except NotFound:
        return True


@bp.activity_trigger(input_name="given")
@answered(cancellable=False)
def tidy_sessions(app: Services, given: Given) -> Answer:
    """Closes sessions whose orchestration is gone (`dead`, found by the trigger) and frees their workers."""
    for name in given.get("dead", []):
        session = app.catalog.sessions.get(name)
        lost = ErrorInfo(
            code="orchestration-lost",
            title="The run of this session is gone",
            detail="its orchestration ended without closing the session",
            help="Start it again; its copies and workers are removed by the janitor.",
        )
        states = []
        for source in session.sources:
            if source.state in (State.PENDING, State.RUNNING):
                app.catalog.sessions.end_source(name, source.key, State.FAILED, lost)
            states.append(State.FAILED if source.state in (State.PENDING, State.RUNNING) else source.state)
            app.catalog.workers.release(name, source.key)
        for job in app.catalog.jobs.open_jobs(session=name):
            app.dispatch.cancel(name, job.id)
            app.catalog.jobs.close(name, job.id)
        state = outcome(states, cancelled=session.cancel_requested) if states else State.FAILED
        app.catalog.sessions.close(name, state, lost)
        app.catalog.log.write(name, "error", "janitor: closed, because its orchestration is gone")
    return {"removed": len(given.get("dead", []))}


@bp.activity_trigger(input_name="given")
@answered(cancellable=False)
def tidy_copies(app: Services, given: Given) -> Answer:
    """Drops staging copies that carry our tags and whose session has ended or whose time is up."""
    removed = 0
    for copy in app.servers.list_copies(app.settings.installation):
        expired = copy.expires_at is not None and copy.expires_at < app.clock.now()
        if expired or _ended(app, copy.session):
            app.servers.drop_copy(copy.resource_id, copy.tags)
            removed += 1
    return {"removed": removed}


@bp.activity_trigger(input_name="given")
@answered(cancellable=False)
def tidy_workers(app: Services, given: Given) -> Answer:
    """Deallocates machines that nobody uses, deletes failed, unknown and long idle ones."""
    removed = 0
    known = {worker.name: worker for worker in app.catalog.workers.list()}
    machines = {machine.name: machine for machine in app.machines.list(app.settings.installation)}
    for name, machine in machines.items():
        worker = known.pop(name, None)
        if worker is None or worker.state in ("failed", "deleting") or app.catalog.workers.is_idle(worker):
            if worker is not None and not app.catalog.workers.deleting(name):
                continue
            app.machines.delete(machine.group, name)
            app.dispatch.drop_worker(name)
            removed += 1
        elif not worker.slots and machine.state in ("running", "stopped") and _ended(app, worker.session):
            if app.catalog.workers.retire(name):
                app.machines.deallocate(machine.group, name)
                removed += 1
        elif worker.state == "stopping" and machine.state == "deallocated":
            app.catalog.workers.deallocated(name)
    for name, worker in known.items():
        if app.clock.now() - worker.changed_at > _GRACE and not worker.slots:
            app.catalog.workers.remove(name)
            app.dispatch.drop_worker(name)
    return {"removed": removed}


@bp.activity_trigger(input_name="given")
@answered(cancellable=False)
def tidy_exports(app: Services, given: Given) -> Answer:
    """Removes downloads whose time is up."""
    removed = 0
    for blob in app.exports.list():
        session = blob.partition("/")[0]
        try:
            download = app.catalog.sessions.get(session, sources=False).download
        except NotFound:
            download = None
        running = download is None and not _ended(app, session)
        if running or (download is not None and download.expires_at > app.clock.now()):
            continue
        app.exports.delete(blob)
        removed += 1
    return {"removed": removed}
