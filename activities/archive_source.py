"""What is archived in a session, and the plan of each source's archive copy."""

from __future__ import annotations

import azure.durable_functions as df

from activities.answering import Answer, Given, answered
from activities.discover_sources import BATCH
from holdfast.model.errors import InvalidInput, NotFound
from holdfast.model.plan import PointPlan
from holdfast.model.policy import Policy
from holdfast.model.selection import database_matches, selects
from holdfast.model.session import ARCHIVE_STEPS, State
from holdfast.model.source import source_key
from holdfast.wiring import Services

bp = df.Blueprint()


@bp.activity_trigger(input_name="given")
@answered()
def plan_archive(app: Services, given: Given) -> Answer:
    """How many batches of this backup session hold a source whose point is due for the archive.

    Where this session's own is not due, an earlier one may be waiting: an archive session that failed is caught up.
    """
    session = given["session"]
    policy = app.catalog.policies.get(given["policy"]).policy
    if policy.archive is not None:
        _catch_up(app, session, policy, scheduled=bool(given.get("slot")))
    due = app.catalog.sessions.source_keys(given["session"], archive_due=True)
    return {"batches": -(-len(due) // BATCH)}


def _catch_up(app: Services, session: str, policy: Policy, *, scheduled: bool) -> None:
    """Makes the oldest waiting point of each database due: of the session's own databases, and in a scheduled session
    also of those that the policy backed up once and that are gone."""
    waiting = {source_key(one.source): one for one in reversed(app.catalog.retention.waiting())}
    there = set(app.catalog.sessions.source_keys(session))
    own = set(app.catalog.sessions.source_keys(session, archive_due=True))
    alive = {source.key for source in app.servers.list_sources()} if waiting.keys() - there else set()
    for key in sorted(waiting.keys() - own):
        one = waiting[key]
        try:
            point = app.catalog.points.get(one.point, repository=policy.repository)
        except NotFound:
            continue  # it lies elsewhere
        made_by = point.terms.policy if point.terms is not None else None
        gone = scheduled and key not in alive and made_by == policy.name
        if point.state != "present" or point.terms is None or not (key in there or gone):
            continue
        if key not in there:
            app.catalog.sessions.add_sources(session, [(one.source, key)], steps=ARCHIVE_STEPS)
        app.catalog.sessions.set_source(
            session, key, archive_due=True, archive_flags=list(point.terms.archive), archive_point=point.id
        )


@bp.activity_trigger(input_name="given")
@answered()
def discover_points(app: Services, given: Given) -> Answer:
    """An archive session on demand: the newest point of every chain of the policy's repository that fits."""
    session, globs = given["session"], given.get("databases") or ["*"]
    policy = app.catalog.policies.get(given["policy"]).policy
    if policy.archive is None:
        raise InvalidInput(
            f"policy {policy.name} names no archive repository", help="Add `archive: NAME` to the policy."
        )
    selected = (
        None if given.get("databases") else {s.name for s in app.servers.list_sources() if selects(policy.select, s)}
    )
    newest: dict[str, str] = {}
    for point in app.catalog.points.list(repository=policy.repository).points:
        fits = (
            point.source in selected if selected is not None else any(database_matches(g, point.source) for g in globs)
        )
        if fits:
            newest[point.source] = point.id
    if not newest:
        raise NotFound(
            f"repository {policy.repository} holds no point of {', '.join(globs)} to archive",
            help="Back up first: `holdfast backup start`.",
        )
    chosen = sorted(newest.items())
    app.catalog.sessions.add_sources(session, [(name, source_key(name)) for name, _ in chosen])
    for name, newest_point in chosen:
        app.catalog.sessions.set_source(session, source_key(name), restore_point=newest_point, archive_due=True)
    return {"batches": -(-len(chosen) // BATCH)}


@bp.activity_trigger(input_name="given")
@answered(step=lambda given: "validate" if given["kind"] == "archive" else "archive")
def validate_archive(app: Services, given: Given) -> Answer:
    """Settles which point goes where, and where the worker runs: in the region of the repository that is read."""
    source = app.catalog.sessions.set_source(given["session"], given["key"], State.RUNNING, again=True)
    policy = app.catalog.policies.get(given["policy"]).policy
    wanted = source.archive_point or source.restore_point
    if wanted is None or policy.archive is None:
        raise NotFound(f"{source.source} has no point to archive in session {given['session']}")
    origin, target = app.repository(policy.repository), app.repository(policy.archive)
    if not target.archive:
        raise InvalidInput(
            f"{policy.archive!r} is not an archive repository",
            help="Set `archive: true` on it in HOLDFAST_REPOSITORIES, or name another in the policy.",
        )
    point = app.catalog.points.get(wanted)
    plan = PointPlan(
        kind="archive",
        point=point.id,
        chain=point.chain,
        origin=policy.repository,
        target=policy.archive,
        flags=source.archive_flags,
        worker_profile=policy.worker,
        worker_region=origin.region,
    )
    # In a backup session this is no more than the start of the step.
    return {"plan": plan.model_dump(mode="json"), "pending": given["kind"] != "archive"}
