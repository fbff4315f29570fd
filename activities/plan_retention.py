"""What retention has to do for a policy in a session: verdicts, alarms, and the work of each repository in batches."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

import azure.durable_functions as df

from activities.answering import Answer, Given, answered
from activities.discover_sources import BATCH
from holdfast.catalog import Batch, Outcome, RetentionEntry, Standing, Stopped
from holdfast.model.clock import iso
from holdfast.model.errors import InvalidInput
from holdfast.model.job import ChainWork
from holdfast.model.keeping import end_of_day
from holdfast.model.policy import Policy
from holdfast.model.retention import Candidate, Verdict
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
    # A catalog that was lost does not know what its last run left to be freed.
    first = app.catalog.retention_runs.last_run(policy.name) is None
    plan = _Plan(app, policy, first)
    for standing in app.catalog.standings(policy=policy.name):
        plan.add(standing)
    _forget_finished(app, session, policy)
    stopped = plan.alarms()
    for alarm in stopped:
        app.catalog.log.write(
            session,
            "warning",
            f"retention deletes nothing: {alarm.detail}. If that is right: `holdfast retention approve --policy "
            f"{policy.name} {alarm.approval}`",
            once=f"alarm {alarm.approval}",
        )
    batches = list(plan.batches(stop=bool(stopped)))
    app.catalog.retention_runs.save_plan(session, batches)
    if batches:
        app.catalog.retention_runs.set_outcome(session, 0, "plan", Outcome(locked=plan.locked))
    app.catalog.retention_runs.record_run(policy.name, stopped)
    return {"batches": len(batches), "alarms": len(stopped)}


def _forget_finished(app: Services, session: str, policy: Policy) -> None:
    """Points that are gone and whose time is over: a run that died deleted them and could not say so, or a person did."""
    for point in app.catalog.points.deleted():
        if point.terms is None or point.terms.policy != policy.name or point.terms.keeps(app.clock.now()):
            continue
        entry = RetentionEntry(
            at=app.clock.now(),
            policy=policy.name,
            session=session,
            repository=point.repository,
            chain=point.chain,
            source=point.source,
            point=point.id,
            reasons=[f"ended {point.terms.last_day}", "the repository says that it was deleted"],
        )
        app.catalog.retention_runs.write(entry)
        app.catalog.points.remove(point.id, repository=point.repository)
        app.catalog.retention.forget(point.repository, point.chain, point.id)


class _Plan:
    """What there is to do, chain by chain: a chain's points are let go once they are judged, for there may be many."""

    def __init__(self, app: Services, policy: Policy, first: bool) -> None:
        self._app, self._policy, self._first = app, policy, first
        self._now = app.clock.now()
        self._judged: list[tuple[str, Verdict]] = []
        self._works: dict[str, list[ChainWork]] = {}
        self.locked = 0

    def add(self, standing: Standing) -> None:
        """Judges one chain in one repository."""
        self._judged += [(f"{standing.repository}/{standing.chain}", one) for one in standing.verdicts]
        self._works.setdefault(standing.repository, []).append(self._work(standing))
        self.locked += sum(1 for one in standing.candidates if self._only_locked(standing, one))
        for one in standing.candidates:
            # Whoever forgot it: a session that failed, or a catalog that was lost.
            if one.archive_pending:
                self._app.catalog.retention.record_waiting(standing.chain, one.id, standing.source)

    def alarms(self) -> list[Stopped]:
        """What keeps this run from deleting anything. A clock that is wrong does no harm while nothing expires."""
        if all(verdict.keep for _, verdict in self._judged):
            return []
        rules, runs = self._policy.retention, self._app.catalog.retention_runs
        raised = alarms(
            self._policy.name,
            self._judged,
            now=self._now,
            last_run=runs.last_run(self._policy.name),
            percent=rules.mass_expiry_percent,
            floor=rules.mass_expiry_floor,
            approved=runs.approved(self._policy.name),
        )
        return [Stopped(kind=alarm.kind, detail=alarm.detail, approval=alarm.approval) for alarm in raised]

    def batches(self, *, stop: bool) -> Iterator[Batch]:
        """The chains of each repository in which something is to be done, at most a hundred a batch. With `stop` only
        locks are looked after."""
        nothing = {"delete": [], "reasons": {}, "prune": False} if stop else {}
        for repository, works in sorted(self._works.items()):
            wanted = [work.model_copy(update=nothing) for work in works]
            due = [work for work in wanted if work.prune or work.lock]
            for begin in range(0, len(due), BATCH):
                yield Batch(
                    policy=self._policy.name,
                    repository=repository,
                    worker_profile=self._policy.worker,
                    immutable=self._policy.immutable,
                    chains=due[begin : begin + BATCH],
                )

    def _work(self, standing: Standing) -> ChainWork:
        state, expired = standing.state, standing.expired
        left = state.prune_after is not None and state.prune_after <= self._now
        later = _later_ends(standing) if self._policy.immutable else {}
        mark = _mark(standing, later) if self._policy.immutable else state.lock_mark
        return ChainWork(
            chain=standing.chain,
            source=standing.source,
            delete=[verdict.id for verdict in expired],
            reasons={verdict.id: list(verdict.reasons) for verdict in expired},
            applied=[verdict.id for verdict in expired if verdict.id in standing.later],
            prune=bool(expired) or left or (self._first and len(standing.points) > 1),
            lock=mark != state.lock_mark,
            lock_mark=mark,
            ends=later,
            may_empty=standing.points[-1].tier == "archive",
        )

    def _only_locked(self, standing: Standing, one: Candidate) -> bool:
        """Whether nothing but its lock keeps the point: the run before was refused."""
        ended = one.last_day is not None and one.last_day < self._now.astimezone(standing.policy.zone).date()
        free = ended and not one.archive_pending and not one.held
        return free and one.locked_until is not None and self._now < one.locked_until


def _later_ends(standing: Standing) -> dict[str, datetime]:
    """Points with a later end than their manifests have, because a policy was applied to them again."""
    zones = {p.id: p.terms.zone for p in standing.points if p.terms is not None}
    return {
        point: end_of_day(max(ends.values()), ZoneInfo(zones.get(point, standing.policy.time_zone)))
        for point, ends in standing.later.items()
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
