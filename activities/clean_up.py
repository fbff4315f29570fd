"""The way out of every source: drop the copy, give the worker back, record how it ended. Runs after cancellation too."""

from __future__ import annotations

import azure.durable_functions as df

from activities.answering import Answer, Given, answered
from activities.restore_database import abandon
from activities.stage_source import tags_of
from holdfast.model.errors import Cancelled, ErrorInfo, HoldfastError, NameTaken
from holdfast.model.plan import BackupPlan
from holdfast.model.session import State
from holdfast.wiring import Services

bp = df.Blueprint()


@bp.activity_trigger(input_name="given")
@answered(step="cleanup", cancellable=False)
def clean_up(app: Services, given: Given) -> Answer:
    """Answers `pending` until the copy is gone. The worker is given back first: the copy's drop may take minutes.

    A copy that can never be dropped keeps nobody waiting: the source ends with its own error all the same, or with
    this one.
    """
    session, key, outcome = given["session"], given["key"], given["outcome"]
    for job in app.catalog.jobs.open_jobs():
        if job.session == session and job.id.startswith(f"{key}-"):
            app.dispatch.cancel(session, job.id)
            app.catalog.jobs.close(job.id)
    app.catalog.workers.release(session, key)
    left: HoldfastError | None = None
    done = "worker given back"
    if _has_copy(given):
        done = "copy dropped, worker given back"
    elif _unfinished(given):
        done = "nothing half-restored is left, worker given back"
    try:
        if not _drop(app, given):
            return {"pending": True}
    except NameTaken:
        # Staging has told that the name is taken; what has it was never ours.
        done = "worker given back; what has the copy's name is not ours"
    except HoldfastError as failure:
        if not failure.info().permanent:
            raise
        left = failure
    # Not before: the copy counts against its server's limit for as long as it is there.
    app.catalog.turns.release(session, key)
    error = ErrorInfo.model_validate(outcome["error"]) if not outcome["ok"] else left.info() if left else None
    state = State.SUCCEEDED
    if error is not None:
        state = State.CANCELLED if error.code == Cancelled.code else State.FAILED
        source = app.catalog.sessions.source(session, key).source
        # What a job came to stands in the log already, attempt by attempt; this is the end of it.
        backing_up = given.get("plan") and given["kind"] == "backup"
        told = "no restore point from this session" if backing_up else f"{error.detail}. {error.help}"
        app.catalog.log.write(session, "error", f"{error.title}: {told}", source=source)
    if left is not None:
        app.catalog.log.write(session, "error", f"cleanup: the copy is left to the janitor: {left}. {left.help}")
    # Before the source is settled, which ends whatever step still runs the way the source ended.
    ended = State.FAILED if left else State.SUCCEEDED
    app.catalog.sessions.set_step(session, key, "cleanup", ended, left.detail if left else done)
    # A point that is due for the archive leaves that step open.
    open_steps = given.get("child") == "backup_database" and app.catalog.sessions.source(session, key).archive_due
    app.catalog.sessions.set_source(session, key, state, error, settle=not open_steps or error is not None, again=True)
    if left is not None:
        raise left
    return {"detail": done}


def _has_copy(given: Given) -> bool:
    return bool(given.get("plan", {}).get("staging"))


def _unfinished(given: Given) -> bool:
    """Whether a restore may have left something that is not to stay."""
    return given.get("plan", {}).get("kind") == "restore" and not given["outcome"]["ok"]


def _drop(app: Services, given: Given) -> bool:
    if _unfinished(given):
        return abandon(app, given)
    if not _has_copy(given):
        return True
    plan = BackupPlan.model_validate(given["plan"])
    if app.servers.copy_state(plan.copy_id).state == "absent":
        return True
    app.servers.drop_copy(plan.copy_id, tags_of(app, given))
    return app.servers.copy_state(plan.copy_id).state == "absent"
