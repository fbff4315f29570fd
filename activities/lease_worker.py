"""Leases a worker of the plan's region: one that runs, else a deallocated one started, else a new one created."""

from __future__ import annotations

import azure.durable_functions as df

from activities.answering import Answer, Given, answered
from holdfast.catalog.workers import Lease
from holdfast.cloud.tags import worker_tags
from holdfast.model.errors import HoldfastError, InvalidInput, WorkerFailed
from holdfast.settings import RegionProfile, WorkerProfile
from holdfast.wiring import Services
from holdfast.worker.boot import custom_data

bp = df.Blueprint()

ROLE = "writer"


@bp.activity_trigger(input_name="given")
@answered(step="worker")
def lease_worker(app: Services, given: Given) -> Answer:
    """Called again until `ready`; `queued` says that every worker is taken and none more may be made."""
    plan, session, key = given["plan"], given["session"], given["key"]
    name, region = plan["worker_profile"], plan["worker_region"]
    profile = app.worker_profile(name)
    if region not in profile.regions:
        raise InvalidInput(f"worker profile {name!r} has no entry for the region {region}")
    lease = app.catalog.workers.lease(
        region=region,
        profile=name,
        role=ROLE,
        session=session,
        key=key,
        parallel=profile.parallel,
        most=profile.max_workers,
    )
    if lease.action == "wait":
        return {"ready": False, "queued": True, "pending": True, "worker": ""}
    try:
        _bring_up(app, lease, profile, profile.regions[region])
        ready = _is_ready(app, lease)
    except HoldfastError:
        # The next attempt must not be handed the same broken machine; the janitor removes what is left of it.
        app.catalog.workers.fail(lease.worker)
        raise
    if not ready:
        return {"ready": False, "queued": False, "pending": True, "worker": lease.worker}
    app.catalog.workers.running(lease.worker)
    return {"ready": True, "worker": lease.worker, "detail": f"{lease.worker} in {region}"}


def _bring_up(app: Services, lease: Lease, profile: WorkerProfile, place: RegionProfile) -> None:
    """Asks Azure for the machine. Safe to repeat: a machine of that name that is ours is the one asked for."""
    if lease.action == "ready":
        return
    app.dispatch.open_queue(lease.worker)
    group, region = place.resource_group, lease.region
    found = app.machines.state(group, lease.worker)
    if lease.action == "start":
        if found.state in ("deallocated", "stopped"):
            app.machines.start(group, lease.worker)
        elif found.state == "absent":
            raise WorkerFailed(f"{lease.worker} should be deallocated, but it is gone")
        return
    if found.state == "absent":
        app.machines.create(
            name=lease.worker,
            region=region,
            place=place,
            identity=profile.writer_identity,
            tags=worker_tags(app.settings.installation, lease.session, lease.profile, ROLE),
            custom_data=custom_data(app.settings, name=lease.worker, profile=profile, role=ROLE),
        )


def _is_ready(app: Services, lease: Lease) -> bool:
    """The machine runs, and its worker has checked in since it was asked for."""
    checked = app.dispatch.check_in(lease.worker)
    fresh = checked is not None and checked.at >= lease.since
    if lease.action == "ready":
        if checked is not None and app.clock.now() - checked.at > app.settings.lost_after:
            raise WorkerFailed(f"{lease.worker} has not reported since {checked.at:%Y-%m-%d %H:%M:%S} UTC")
        return fresh
    found = app.machines.state(app.catalog.workers.group(lease.worker), lease.worker)
    if found.failure:
        raise WorkerFailed(f"{lease.worker}: {found.failure}")
    return fresh and found.state == "running"


@bp.activity_trigger(input_name="given")
@answered(step="worker")
def give_up_worker(app: Services, given: Given) -> Answer:
    """A machine that came up but never checked in."""
    app.catalog.workers.fail(given["worker"])
    raise WorkerFailed(
        f"{given['worker']} did not check in within {app.settings.worker_deadline}",
        help="Look at its boot diagnostics: it needs a way to Blob and Queue storage, and its identity's roles on them.",
    )


@bp.activity_trigger(input_name="given")
@answered(cancellable=False)
def pause_worker(app: Services, given: Given) -> Answer:
    """Gives the worker back while storage rehydrates; the source leases one again afterwards."""
    app.catalog.workers.release(given["session"], given["key"])
    return {}
