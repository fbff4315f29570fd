"""What the janitor's rounds do: each lists what carries our tags, judges it, removes it, and is safe to repeat."""

from __future__ import annotations

from datetime import timedelta

import azure.durable_functions as df

from activities.answering import Answer, Given, answered
from holdfast.catalog import Worker
from holdfast.model.errors import ErrorInfo, NotFound
from holdfast.model.plan import copy_name
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
        states: list[State] = []
        for source in session.sources:
            if source.state in (State.PENDING, State.RUNNING):
                app.catalog.sessions.set_source(name, source.key, State.FAILED, lost, settle=True)
            states.append(State.FAILED if source.state in (State.PENDING, State.RUNNING) else source.state)
        app.catalog.workers.release_session(name)
        for job in app.catalog.jobs.open_jobs():
            if job.session == name:
                app.dispatch.cancel(name, job.id)
                app.catalog.jobs.close(job.id)
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
        # On an instance copies stand beside originals: the name must follow from the very tags as well.
        ours = copy.name == copy_name(copy.source_key, copy.session)
        if ours and (expired or _ended(app, copy.session)):
            app.servers.drop_copy(copy.resource_id, copy.tags)
            removed += 1
    return {"removed": removed}


@bp.activity_trigger(input_name="given")
@answered(cancellable=False)
def tidy_workers(app: Services, given: Given) -> Answer:
    """Deallocates machines that nobody uses; deletes failed, unknown and long idle ones; forgets those that are gone."""
    removed = 0
    known = {worker.name: worker for worker in app.catalog.workers.list()}
    for machine in app.machines.list(app.settings.installation):
        worker = known.pop(machine.name, None)
        state = app.machines.state(machine.resource_id).state
        if worker is None or _worthless(app, worker):
            # A machine that a session is just about to use keeps its slot, and then stays.
            if worker is None or app.catalog.workers.retire(worker.name, "deleting"):
                app.machines.delete(machine.resource_id)
                app.dispatch.drop_worker(machine.name)
                removed += 1
        elif state == "deallocated":
            app.catalog.workers.set_state(worker.name, "deallocated", expected=("stopping", "running"))
        elif not worker.slots and worker.state != "stopping" and _ended(app, worker.last_session or ""):
            if app.catalog.workers.retire(worker.name, "stopping"):
                app.machines.deallocate(machine.resource_id)
                removed += 1
        elif worker.state == "stopping" and state in ("running", "stopped"):
            app.machines.deallocate(machine.resource_id)
    for worker in known.values():
        if not worker.slots and app.clock.now() - worker.changed_at > _GRACE:
            app.catalog.workers.remove(worker.name)
            app.dispatch.drop_worker(worker.name)
    return {"removed": removed}


def _worthless(app: Services, worker: Worker) -> bool:
    """Failed, on its way out, or deallocated for longer than its profile keeps an idle machine."""
    if worker.state in ("failed", "deleting"):
        return True
    profile = app.settings.worker_profiles.get(worker.profile)
    idle_for = timedelta(minutes=profile.idle_minutes if profile else 0)
    long_idle = worker.idle_since is not None and app.clock.now() - worker.idle_since >= idle_for
    return worker.state == "deallocated" and not worker.slots and long_idle


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
