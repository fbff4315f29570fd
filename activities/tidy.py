"""What the janitor's rounds do: each lists what carries our tags, judges it, removes it, and is safe to repeat."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import TypeVar

import azure.durable_functions as df
import structlog

from activities.answering import Answer, Given, answered
from activities.restore_naming import finished
from activities.tell_session import tell_ended
from activities.telling import leftover, session_ended
from holdfast.catalog import Worker
from holdfast.cloud import tags as marks
from holdfast.cloud.copy_state import Copy
from holdfast.cloud.machines import Machine
from holdfast.cloud.restore_targets import Kept
from holdfast.model.errors import HoldfastError, NotFound, RunLost
from holdfast.model.plan import copy_name
from holdfast.model.restore.plan import is_temporary
from holdfast.model.session import State, outcome
from holdfast.wiring import Services

bp = df.Blueprint()

_log = structlog.get_logger("janitor")

_Thing = TypeVar("_Thing", Copy, Machine, Kept)

#: A machine or copy may be a moment older than the row that explains it.
_GRACE = timedelta(minutes=2)


def _each(kind: str, things: Iterable[_Thing], tidy: Callable[[_Thing], bool]) -> int:
    """Tidies one after the other; how many went. One that cannot go (a lock, a missing right) keeps none of the others:
    its error is raised when all had their turn.
    """
    removed, failure = 0, None
    for thing in things:
        try:
            gone = tidy(thing)
            removed += gone
            if gone:
                leftover(kind, thing.resource_id, "removed")
        except HoldfastError as error:
            _log.warning("a leftover could not be removed", error=str(error))
            leftover(kind, thing.resource_id, "stuck")
            failure = error
    if failure is not None:
        raise failure
    return removed


@bp.activity_trigger(input_name="given")
@answered(cancellable=False)
def tidy_sessions(app: Services, given: Given) -> Answer:
    """Closes sessions whose orchestration is gone (`dead`, found by the trigger) and frees their workers."""
    for name in given.get("dead", []):
        session = app.catalog.sessions.get(name)
        lost = RunLost("its orchestration ended without closing the session").info()
        states: list[State] = []
        for source in session.sources:
            if source.state in (State.PENDING, State.RUNNING):
                app.catalog.sessions.set_source(name, source.key, State.FAILED, lost, settle=True)
            states.append(State.FAILED if source.state in (State.PENDING, State.RUNNING) else source.state)
        app.catalog.workers.release_session(name)
        app.catalog.turns.release_session(name)
        for job in app.catalog.jobs.open_jobs():
            if job.session == name:
                app.dispatch.cancel(name, job.id)
                app.catalog.jobs.close(job.id)
        app.catalog.retention_runs.drop_plan(name)
        state = outcome(states, cancelled=session.cancel_requested) if states else State.FAILED
        app.catalog.sessions.close(name, state, lost)
        app.catalog.log.write(name, "error", "janitor: closed, because its orchestration is gone")
        session_ended(app.catalog.sessions.get(name))
        tell_ended(app, name)
    return {"removed": len(given.get("dead", []))}


@bp.activity_trigger(input_name="given")
@answered(cancellable=False)
def tidy_copies(app: Services, given: Given) -> Answer:
    """Drops staging copies that carry our tags and whose session has ended or whose time is up."""

    def tidy(copy: Copy) -> bool:
        expired = copy.expires_at is not None and copy.expires_at < app.clock.now()
        # On an instance copies stand beside originals: the name must follow from the very tags as well.
        ours = copy.name == copy_name(copy.source_key, copy.session)
        return (
            ours
            and (expired or app.catalog.sessions.has_ended(copy.session))
            and app.servers.drop_copy(copy.resource_id, copy.tags)
        )

    return {"removed": _each("copy", app.servers.list_copies(app.settings.installation), tidy)}


@bp.activity_trigger(input_name="given")
@answered(cancellable=False)
def tidy_targets(app: Services, given: Given) -> Answer:
    """What restores left whose session has ended without putting it right: half-filled databases go, and a database that
    made room for one that never came gets its name back. What is kept for a person is left alone."""

    def tidy(one: Kept) -> bool:
        if not app.catalog.sessions.has_ended(one.session):
            return False
        parent, _, name = one.resource_id.rpartition("/")
        if one.kind == "restore" and is_temporary(name, one.session):
            return app.targets.drop(one.resource_id, one.tags)
        if one.kind == "restore":
            # It has its name; only its last tags are missing.
            app.targets.tag(one.resource_id, {**marks.without_marks(one.tags), **finished(one.tags)})
            return True
        named = one.tags.get(marks.NAMED, "")
        if one.kind != "replaced" or not named or _succeeded(app, one.session):
            return False  # it is kept; also where somebody has dropped the restored one since
        if name != named and app.targets.find(f"{parent}/{named}") is not None:
            return False
        if name != named:
            app.targets.rename(one.resource_id, named)
            app.catalog.log.write(one.session, "warning", f"janitor: {one.name} has its name {named} again")
        app.targets.tag(f"{parent}/{named}", marks.without_marks(one.tags))
        return True

    return {"removed": _each("restore", app.targets.made(), tidy)}


def _succeeded(app: Services, session: str) -> bool:
    try:
        return app.catalog.sessions.get(session, sources=False).state is State.SUCCEEDED
    except NotFound:
        return False


@bp.activity_trigger(input_name="given")
@answered(cancellable=False)
def tidy_workers(app: Services, given: Given) -> Answer:
    """Deallocates machines that nobody uses; deletes failed, unknown and long idle ones; forgets those that are gone."""
    # A slot of a session that has ended (its cleanup did not get through) would keep its machine running for ever.
    for session in {session for worker in app.catalog.workers.list() for session in worker.slots.values()}:
        if app.catalog.sessions.has_ended(session):
            app.catalog.workers.release_session(session)
    # Machines first: a row is there before its machine, so one that is made meanwhile is not taken for an unknown one.
    machines = app.machines.list(app.settings.installation)
    known = {worker.name: worker for worker in app.catalog.workers.list()}
    gone = known.keys() - {machine.name for machine in machines}
    for worker in (known[name] for name in gone):
        if not worker.slots and app.clock.now() - worker.changed_at > _GRACE:
            app.catalog.workers.remove(worker.name)
            app.dispatch.drop_worker(worker.name)
    return {"removed": _each("worker", machines, lambda machine: _tidy_machine(app, machine, known.get(machine.name)))}


def _tidy_machine(app: Services, machine: Machine, worker: Worker | None) -> bool:
    """Whether it was asked to stop or to go."""
    state = app.machines.state(machine.resource_id).state
    if worker is None or _worthless(app, worker):
        # A machine that a session is just about to use keeps its slot, and then stays.
        if worker is not None and not app.catalog.workers.retire(worker.name, "deleting"):
            return False
        app.machines.delete(machine.resource_id)
        app.dispatch.drop_worker(machine.name)
        return True
    if state == "deallocated":
        app.catalog.workers.set_state(worker.name, "deallocated", expected=("stopping", "running"))
    elif not worker.slots and worker.state != "stopping" and app.catalog.sessions.has_ended(worker.last_session or ""):
        if app.catalog.workers.retire(worker.name, "stopping"):
            app.machines.deallocate(machine.resource_id)
            return True
    elif worker.state == "stopping" and state in ("running", "stopped"):
        app.machines.deallocate(machine.resource_id)
    return False


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
        running = download is None and not app.catalog.sessions.has_ended(session)
        if running or (download is not None and download.expires_at > app.clock.now()):
            continue
        app.exports.delete(blob)
        removed += 1
    return {"removed": removed}
