"""Leases a worker of the plan's region: one that runs, else a deallocated one started, else a new one created."""

from __future__ import annotations

import azure.durable_functions as df
import structlog

from activities.answering import Answer, Given, answered
from holdfast.catalog import Action, Worker, WorkerRole
from holdfast.cloud.tags import worker_tags
from holdfast.model.errors import HoldfastError, InvalidInput, Unavailable, WorkerFailed
from holdfast.settings import RegionProfile, WorkerProfile
from holdfast.wiring import Services
from holdfast.worker.boot import custom_data

bp = df.Blueprint()

_log = structlog.get_logger("workers")


def _role(given: Given) -> WorkerRole:
    """Whose identity the machine has: a plan that deletes, locks or restores says so, all others only write."""
    role: WorkerRole = given["plan"].get("role", "writer")
    return role


def of_source(given: Given) -> bool:
    """Whether the plan is about one source of the session. Retention's is about many chains, some without a source."""
    return bool(given["plan"].get("kind") != "retention")


def _step(given: Given) -> str:
    """In a backup session the worker of an archive copy is part of the archive step; elsewhere it is a step of its own.

    The worker of retention is no step of any source.
    """
    if not of_source(given):
        return ""
    return "archive" if given["kind"] == "backup" and given["plan"].get("kind") == "archive" else "worker"


@bp.activity_trigger(input_name="given")
@answered(step=_step)
def lease_worker(app: Services, given: Given) -> Answer:
    """Called again until `ready`; `queued` says that every worker is taken and none more may be made."""
    plan, session, key = given["plan"], given["session"], given["key"]
    name, region = plan["worker_profile"], plan["worker_region"]
    place, profile = app.place(name, region), app.worker_profile(name)
    role = _role(given)
    lease = app.catalog.workers.lease(region, name, role, session, key, profile)
    worker = lease.worker
    if worker is None:
        _forget_gone(app, name, region, role)
        return {"ready": False, "queued": True, "pending": True, "worker": ""}
    try:
        _bring_up(app, worker, lease.action, place, session)
        ready = _is_ready(app, worker, lease.action)
    except Unavailable:
        # Azure's answer says nothing of the machine, which may have other sources' jobs in hand: it is asked again.
        raise
    except HoldfastError as error:
        # The next attempt must not be handed the same broken machine; the janitor removes what is left of it.
        app.catalog.workers.set_state(worker.name, "failed", failure=error.detail)
        _tell(app, given, error)
        raise
    if not ready:
        return {"ready": False, "queued": False, "pending": True, "worker": worker.name}
    app.catalog.workers.set_state(worker.name, "running", expected=("creating", "starting"))
    # An archive copy's step goes on: the worker is only where it begins.
    archiving = _step(given) == "archive"
    return {"ready": True, "pending": archiving, "worker": worker.name, "detail": f"{worker.name} in {region}"}


def _forget_gone(app: Services, profile: str, region: str, role: WorkerRole) -> None:
    """Makes room in a full pool where a given-up machine is gone, before the janitor's next round."""
    for worker in app.catalog.workers.list():
        ours = (worker.profile, worker.region, worker.role) == (profile, region, role)
        lost = ours and worker.state in ("failed", "deleting") and not worker.slots
        if lost and app.machines.state(app.machine_id(worker)).state == "absent":
            app.catalog.workers.remove(worker.name)
            app.dispatch.drop_worker(worker.name)


def _tell(app: Services, given: Given, error: HoldfastError) -> None:
    """An attempt that ended with its worker is told even where the next one succeeds: it cost time and a machine."""
    source = app.catalog.sessions.source(given["session"], given["key"]).source if of_source(given) else None
    text = f"worker, attempt {given['attempt']}: {error}. {error.help}"
    app.catalog.log.write(given["session"], "error", text, source=source)


def _bring_up(app: Services, worker: Worker, action: Action, place: RegionProfile, session: str) -> None:
    """Asks Azure for the machine. Safe to repeat: a machine of that name that is ours is the one asked for."""
    if action == "ready":
        return
    app.dispatch.open_queue(worker.name)
    machine, profile = app.machine_id(worker), app.worker_profile(worker.profile)
    found = app.machines.state(machine)
    if found.state in ("deallocated", "stopped"):
        # Also one that is to be made: a catalog that was emptied gives out the names of machines that are there.
        app.machines.start(machine)
    elif found.state == "absent":
        if action == "start":
            raise WorkerFailed(f"{worker.name} should be deallocated, but it is gone")
        app.machines.create(
            worker.name,
            worker.region,
            place,
            _identity(profile, worker.role),
            worker_tags(app.settings.installation, session, worker.profile, worker.role),
            custom_data(app.settings, worker.name, profile, role=worker.role),
        )


def _identity(profile: WorkerProfile, role: WorkerRole) -> str:
    identities: dict[WorkerRole, str | None] = {
        "writer": profile.writer_identity,
        "maintainer": profile.maintainer_identity,
        "restorer": profile.restorer_identity,
    }
    identity = identities[role]
    if identity is None:
        raise InvalidInput(
            f"the worker profile names no {role} identity",
            help=f"Set {role}_identity and {role}_client_id in HOLDFAST_WORKER_PROFILES.",
        )
    return identity


def _is_ready(app: Services, worker: Worker, action: Action) -> bool:
    """The machine runs, and its worker has checked in since it was asked for."""
    checked = app.dispatch.check_in(worker.name)
    if action == "ready":
        if checked is None or app.clock.now() - checked.at > app.settings.lost_after:
            raise WorkerFailed(f"{worker.name} stopped reporting")
        return True
    found = app.machines.state(app.machine_id(worker))
    if isinstance(found.error, Unavailable):
        # Said of the machine, not of our question: it will not come to anything.
        raise WorkerFailed(found.error.detail)
    if found.error is not None:
        raise found.error
    return found.state == "running" and checked is not None and checked.at >= worker.changed_at


@bp.activity_trigger(input_name="given")
@answered(step=_step)
def give_up_worker(app: Services, given: Given) -> Answer:
    """A machine that never checked in is deleted, and the attempt ends with an error: the next one gets another.

    Nothing happens to one that did check in, as another source has found, since the saga last looked.
    """
    worker = app.catalog.workers.set_state(
        given["worker"], "failed", expected=("creating", "starting"), failure="never checked in"
    )
    if worker.state != "failed":
        return {"pending": True}
    error = WorkerFailed(
        f"{worker.name} did not check in within {app.settings.worker_deadline} and is given up",
        help="Another machine is tried as the policy allows. If that goes the same way: a worker needs a way to Blob and "
        "Queue storage, its identity the roles on them.",
    )
    _tell(app, given, error)
    try:
        app.machines.delete(app.machine_id(worker))
    except HoldfastError as failure:
        _log.warning("a machine that was given up is left to the janitor", worker=worker.name, error=str(failure))
    raise error


@bp.activity_trigger(input_name="given")
@answered(cancellable=False)
def pause_worker(app: Services, given: Given) -> Answer:
    """Gives the worker back while storage rehydrates; the source leases one again afterwards."""
    app.catalog.workers.release(given["session"], given["key"])
    return {}
