"""Validates one source against the control plane and settles the plan of its backup."""

from __future__ import annotations

import azure.durable_functions as df

from activities.answering import Answer, Given, answered
from holdfast.model.clock import parse_iso
from holdfast.model.errors import Conflict, InvalidInput, SourceUnusable, StagingServerUnusable
from holdfast.model.plan import BackupPlan, StagingServer, copy_name
from holdfast.model.point import point_id
from holdfast.model.policy import Policy
from holdfast.model.session import State
from holdfast.model.source import Source, SourceKind
from holdfast.model.source_status import is_asleep, why_unusable
from holdfast.wiring import Services

bp = df.Blueprint()

_KIND_WORD = {SourceKind.SQL_DATABASE: "SQL server", SourceKind.MANAGED_DATABASE: "managed instance"}


@bp.activity_trigger(input_name="given")
@answered(step="validate")
def validate_source(app: Services, given: Given) -> Answer:
    """Exists, is online, has a staging server of the right kind, a repository and a worker profile for the region."""
    session, key = given["session"], given["key"]
    policy = app.catalog.policies.get(given["policy"]).policy
    name = app.catalog.sessions.set_source(session, key, State.RUNNING).source
    source = _with_chain(app, app.servers.find_source(name))
    hindrance = why_unusable(source)
    if hindrance is not None:
        raise SourceUnusable(f"{source.name} {hindrance.why}", help=hindrance.mend)
    if is_asleep(source):
        text = "paused (serverless): the copy or the export wakes it, and it costs compute until it pauses again"
        app.catalog.log.write(session, "info", text, source=source.name, once=f"asleep {key}")
    staging = _staging(app, policy, source, given.get("staging"))
    region = (staging or source).region
    app.place(policy.worker, region)
    repository = app.repository(policy.repository)
    if repository.archive:
        raise InvalidInput(
            f"{policy.repository!r} is an archive repository; backups need an ordinary one",
            help="Name it under `archive` in the policy, and another under `repository`.",
        )
    created_at = parse_iso(given["started_at"]).replace(microsecond=0)
    plan = BackupPlan(
        source=source,
        staging=staging,
        copy_name=copy_name(key, session),
        point=point_id(created_at, source.chain, session),
        created_at=created_at,
        repository=policy.repository,
        archive=policy.archive,
        worker_profile=policy.worker,
        worker_region=region,
        repair=policy.preflight.repair_staging_copy and staging is not None,
    )
    if staging is None:
        app.catalog.sessions.set_step(session, key, "stage", State.SKIPPED, "direct export")
        app.catalog.log.write(
            session, "warning", "direct export: not one consistent moment while it is written to", source=source.name
        )
    detail = f"{source.region}, {'staging on ' + staging.name if staging else 'direct'}, worker in {region}"
    return {"plan": plan.model_dump(mode="json"), "detail": detail}


def _with_chain(app: Services, source: Source) -> Source:
    """The source with the chain that discovery settled for it. Raises Conflict where another has taken that over."""
    known = app.catalog.known.get(source.identity)
    if known is None or not known.lineage:
        return source
    if not known.holds:
        raise Conflict(f"another database goes on with the chain of {source.name}", help="Start the session again.")
    return source.model_copy(update={"lineage": known.lineage})


def _staging(app: Services, policy: Policy, source: Source, wanted: bool | None) -> StagingServer | None:
    if wanted is False:
        return None
    if policy.staging is None:
        if wanted:
            raise InvalidInput(
                f"staging was asked for, but policy {policy.name} names no staging server",
                help="Add `staging` to the policy, or start the backup with --direct.",
            )
        return None
    managed = source.kind is SourceKind.MANAGED_DATABASE
    resource = policy.staging.managed_instance if managed else policy.staging.sql_server
    if resource is None:
        raise StagingServerUnusable(
            f"{source.name} is on a {_KIND_WORD[source.kind]}, and policy {policy.name} names no staging "
            f"{_KIND_WORD[source.kind]}",
            help=f"Add staging.{'managed_instance' if managed else 'sql_server'} to the policy, or start with --direct.",
        )
    server = app.servers.staging_server(resource)
    if server.kind is not source.kind:
        raise StagingServerUnusable(
            f"{source.name} needs a {_KIND_WORD[source.kind]} to stage on; {server.name} is a {_KIND_WORD[server.kind]}"
        )
    return server
