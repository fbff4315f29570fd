"""What retention has to do for a policy in a session: verdicts, alarms, and the work of each repository in batches."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

import azure.durable_functions as df

from activities.answering import Answer, Given, answered
from activities.discover_sources import BATCH
from holdfast.catalog import Batch, Outcome, Standing, Stopped
from holdfast.model.clock import iso
from holdfast.model.errors import InvalidInput
from holdfast.model.job import ChainWork
from holdfast.model.keeping import end_of_day
from holdfast.model.policy import Policy
from holdfast.model.retention import Candidate
from holdfast.model.retention_guards import alarms
from holdfast.wiring import Services

bp = df.Blueprint()


@bp.activity_trigger(input_name="given")
@answered()
def plan_retention(app: Services, given: Given) -> Answer:
    """Settles the session's plan in the catalog and answers how many batches it has. Safe to repeat.

    What is stored counts, not what was backed up: chains whose database is gone are among it.
    """
    session = given["session"]
    policy = app.catalog.policies.get(given["policy"]).policy
    found = list(app.catalog.standings(policy=policy.name))
    # A catalog that was lost does not know what its last run left to be freed.
    first = app.catalog.retention_runs.last_run(policy.name) is None
    stopped = _alarms(app, policy, found)
    for alarm in stopped:
        app.catalog.log.write(
            session,
            "warning",
            f"retention deletes nothing: {alarm.detail}. If that is right: `holdfast retention approve --policy "
            f"{policy.name} {alarm.approval}`",
            once=f"alarm {alarm.approval}",
        )
    app.catalog.retention_runs.record_run(policy.name, stopped)
    for standing in found:
        _remember_waiting(app, standing)
    batches = [batch for batch in _batches(app, policy, found, stop=bool(stopped), first=first) if batch.chains]
    app.catalog.retention_runs.save_plan(session, batches)
    if batches:
        kept = sum(1 for standing in found for one in standing.candidates if _only_locked(app, standing, one))
        app.catalog.retention_runs.set_outcome(session, 0, "plan", Outcome(locked=kept))
    return {"batches": len(batches), "alarms": len(stopped)}


def _alarms(app: Services, policy: Policy, found: list[Standing]) -> list[Stopped]:
    """What keeps this run from deleting anything. A clock that is wrong does no harm while nothing expires."""
    if not any(standing.expired for standing in found):
        return []
    raised = alarms(
        policy.name,
        [(f"{standing.repository}/{standing.chain}", one) for standing in found for one in standing.verdicts],
        now=app.clock.now(),
        last_run=app.catalog.retention_runs.last_run(policy.name),
        percent=policy.retention.mass_expiry_percent,
        floor=policy.retention.mass_expiry_floor,
        approved=app.catalog.retention_runs.approved(policy.name),
    )
    return [Stopped(kind=alarm.kind, detail=alarm.detail, approval=alarm.approval) for alarm in raised]


def _only_locked(app: Services, standing: Standing, one: Candidate) -> bool:
    """Whether nothing but its lock keeps the point: the run before was refused."""
    now = app.clock.now()
    ended = one.last_day is not None and one.last_day < now.astimezone(standing.policy.zone).date()
    return (
        ended and not one.archive_pending and not one.held and one.locked_until is not None and now < one.locked_until
    )


def _remember_waiting(app: Services, standing: Standing) -> None:
    """Points whose archive copy is missing, whoever forgot them: a session that failed, or a catalog that was lost."""
    for candidate in standing.candidates:
        if candidate.archive_pending:
            app.catalog.retention.record_waiting(standing.chain, candidate.id, standing.source)


def _batches(app: Services, policy: Policy, found: Iterable[Standing], *, stop: bool, first: bool) -> Iterable[Batch]:
    """The chains of each repository in which something is to be done, at most a hundred a batch."""
    by_repository: dict[str, list[Standing]] = {}
    for standing in found:
        by_repository.setdefault(standing.repository, []).append(standing)
    for repository, standings in sorted(by_repository.items()):
        works = [_work(app, policy, standing, stop=stop, first=first) for standing in standings]
        due = [work for work in works if work is not None]
        for begin in range(0, len(due), BATCH):
            yield Batch(
                policy=policy.name,
                repository=repository,
                worker_profile=policy.worker,
                immutable=policy.immutable,
                chains=due[begin : begin + BATCH],
            )


def _work(app: Services, policy: Policy, standing: Standing, *, stop: bool, first: bool) -> ChainWork | None:
    """What is to be done in one chain; None where nothing is."""
    now = app.clock.now()
    state = app.catalog.retention.state(standing.repository, standing.chain)
    delete = [] if stop else [verdict.id for verdict in standing.expired]
    left = (state.prune_after is not None and state.prune_after <= now) or (first and len(standing.points) > 1)
    prune = not stop and (bool(delete) or left)
    later = _later_ends(app, standing) if policy.immutable else {}
    mark = _mark(standing, later) if policy.immutable else state.lock_mark
    lock = mark != state.lock_mark
    if not (prune or lock):
        return None
    return ChainWork(
        chain=standing.chain,
        source=standing.source,
        delete=delete,
        reasons={verdict.id: list(verdict.reasons) for verdict in standing.expired} if delete else {},
        prune=prune,
        lock=lock,
        lock_mark=mark,
        ends=later,
        may_empty=standing.points[-1].tier == "archive",
    )


def _later_ends(app: Services, standing: Standing) -> dict[str, datetime]:
    """Points with a later end than their manifests have, because a policy was applied to them again."""
    found = app.catalog.retention.lengthened(standing.repository, standing.chain)
    zones = {p.id: p.terms.zone for p in standing.points if p.terms is not None}
    return {
        point: end_of_day(max(ends.values()), ZoneInfo(zones.get(point, standing.policy.time_zone)))
        for point, ends in found.items()
        if ends
    }


def _mark(standing: Standing, later: Mapping[str, datetime]) -> str:
    """Changes with everything that may need a lock: a new point, or an end that was lengthened."""
    newest = max((one.age for one in standing.candidates), default=None)
    told = "\n".join(f"{point} {iso(end)}" for point, end in sorted(later.items()))
    return f"{newest[1] if newest else ''} {hashlib.sha256(told.encode()).hexdigest()[:16]}"


def retention_region(app: Services, batch: Batch) -> str:
    """Where the worker of a batch runs: beside the repository. Raises InvalidInput where no maintainer can run there."""
    region = app.repository(batch.repository).region
    app.place(batch.worker_profile, region)
    if app.worker_profile(batch.worker_profile).maintainer_identity is None:
        raise InvalidInput(
            f"worker profile {batch.worker_profile!r} names no maintainer identity, so nothing can be deleted or locked",
            help="Set maintainer_identity and maintainer_client_id in HOLDFAST_WORKER_PROFILES.",
        )
    return region
