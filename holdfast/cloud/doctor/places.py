"""Whether a worker can be made wherever the policies need one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from holdfast.cloud.databases import SqlServers
from holdfast.model.diagnosis import Diagnosis, broken, healthy
from holdfast.model.policy import Policy
from holdfast.model.selection import selects
from holdfast.model.source import Source, SourceKind
from holdfast.settings import Settings


def regions_needed(
    settings: Settings, policies: Iterable[Policy], sources: Iterable[Source], servers: SqlServers
) -> Iterator[Diagnosis]:
    """Each region that a policy's databases, staging servers or archive need, against its worker profile."""
    found = list(sources)
    for policy in policies:
        profile = settings.worker_profiles.get(policy.worker)
        what = f"worker profile {policy.worker} of policy {policy.name}"
        if profile is None:
            yield broken("regions", what, "it is not configured", "Add it to HOLDFAST_WORKER_PROFILES.")
            continue
        needed = {_worker_region(policy, s, servers) for s in found if selects(policy.select, s)}
        # Archiving, retention and checks run beside the repository.
        named = [name for name in (policy.repository, policy.archive) if name in settings.repositories]
        needed |= {settings.repositories[name].region for name in named}
        lacking = sorted(region for region in needed if region and region not in profile.regions)
        for region in lacking:
            yield broken(
                "regions",
                what,
                f"it has no entry for {region}, where the policy needs workers",
                f"Add {region} to the regions of the profile {policy.worker} in HOLDFAST_WORKER_PROFILES.",
            )
        if not lacking:
            yield healthy("regions", what, f"workers in {', '.join(sorted(needed - {''})) or 'no region yet'}")


def _worker_region(policy: Policy, source: Source, servers: SqlServers) -> str:
    managed = source.kind is SourceKind.MANAGED_DATABASE
    staging = policy.staging and (policy.staging.managed_instance if managed else policy.staging.sql_server)
    return servers.staging_server(staging).region if staging else source.region
