"""The app's own rights on the control plane: staging servers, worker groups, subnets, identities."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from holdfast.cloud.databases import SqlServers
from holdfast.cloud.permissions import Permissions
from holdfast.model.diagnosis import Diagnosis, broken, grant, healthy
from holdfast.model.policy import Policy
from holdfast.model.rights import APP_ROLE, Grants, Where, missing, rights_at
from holdfast.model.source import ResourceId
from holdfast.settings import Settings

Check = tuple[str, str, Callable[[], Iterable[Diagnosis]]]


class ControlPlane:
    """Asks `Microsoft.Authorization/permissions`, which tells the app what it may do itself."""

    def __init__(self, settings: Settings, permissions: Permissions, servers: SqlServers) -> None:
        self._settings, self._permissions, self._servers = settings, permissions, servers

    def checks(self, policies: Sequence[Policy]) -> Iterator[Check]:
        """One check a place."""
        staging = [policy.staging for policy in policies if policy.staging is not None]
        for server in _once(s.sql_server for s in staging):
            yield "staging", server, lambda server=server: self._staging(server, "staging server")  # type: ignore[misc]
        for instance in _once(s.managed_instance for s in staging):
            yield "staging", instance, lambda i=instance: self._staging(i, "staging instance")  # type: ignore[misc]
        used = [p for name, p in self._settings.worker_profiles.items() if any(name == q.worker for q in policies)]
        regions = [region for profile in used for region in profile.regions.values()]
        for subnet in _once(region.subnet for region in regions):
            yield "network", subnet, lambda subnet=subnet: self._at("network", subnet, ("subnet",))  # type: ignore[misc]
        for group in _once(_group(region.subnet, region.resource_group) for region in regions):
            yield "workers", group, lambda group=group: self._group(group)  # type: ignore[misc]
        identities = [i for profile in used for i in (profile.writer_identity, profile.maintainer_identity)]
        for identity in _once(identities):
            yield "identities", identity, lambda i=identity: self._at("identities", i, ("worker identity",))  # type: ignore[misc]

    def _staging(self, resource: str, where: Where) -> Iterator[Diagnosis]:
        self._servers.staging_server(resource)  # there, of the right kind, and ready
        reads = f"{ResourceId.parse(resource).type}/databases/read"
        yield from self._at("staging", resource, (where,), (reads,))

    def _at(
        self, check: str, resource: str, places: tuple[Where, ...], more: tuple[str, ...] = ()
    ) -> Iterator[Diagnosis]:
        yield self._judged(check, resource, self._permissions.own_at(ResourceId.parse(resource)), places, more)

    def _group(self, scope: str) -> Iterator[Diagnosis]:
        _, _, subscription, _, group = scope.split("/")
        held = self._permissions.own_in_group(subscription, group)
        yield self._judged("workers", scope, held, ("worker resource group",))

    def _judged(
        self, check: str, scope: str, held: Sequence[Grants], places: tuple[Where, ...], more: tuple[str, ...] = ()
    ) -> Diagnosis:
        lacking = missing(held, [*rights_at(*places), *more])
        if not lacking:
            return healthy(check, scope)
        mend = grant(self._settings.identity_client_id, APP_ROLE, scope)
        return broken(check, scope, f"the app lacks {', '.join(lacking)}", mend)


def _group(subnet: str, resource_group: str) -> str:
    """Workers are made in the subscription of their subnet."""
    return f"/subscriptions/{ResourceId.parse(subnet).subscription}/resourceGroups/{resource_group}"


def _once(values: Iterable[str | None]) -> list[str]:
    return list(dict.fromkeys(value for value in values if value))
