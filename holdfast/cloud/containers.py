"""What a repository's container can do: whether locks mean anything there, and what speaks against relying on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from holdfast.cloud.account_rules import objections, read_account
from holdfast.model.errors import HoldfastError
from holdfast.storage.azure_errors import translated

if TYPE_CHECKING:
    from holdfast.cloud.clients import Clients
    from holdfast.settings import RepositorySettings


class ImmutabilityNotReady(HoldfastError):
    """A policy wants its points write-once, and a container of its is not made for that."""

    code = "immutability-not-ready"
    title = "The container is not ready for immutable restore points"
    advice = "docs/how-to/immutability.md says how to prepare it; or leave `immutable` out of the policy."
    exit_code = 33
    http_status = 409
    permanent = True


class Containers:
    """Containers by address. Raises Forbidden and Unavailable like every store."""

    def __init__(self, clients: Clients) -> None:
        self._clients, self._settings, self._identity = clients, clients.settings, clients.identity

    def immutable(self, url: str) -> bool:
        """Whether the container has version-level immutability, so that blobs of it can be locked and held."""
        return bool(self._properties(url).immutable_storage_with_versioning_enabled)

    def require_immutability(self, name: str, repository: RepositorySettings) -> None:
        """Raises ImmutabilityNotReady unless points in that repository can be locked, by Holdfast's own dates alone."""
        told = self._properties(repository.url)
        if not told.immutable_storage_with_versioning_enabled:
            raise ImmutabilityNotReady(f"repository {name}: {repository.url} has no version-level immutability")
        found = ["the container has a policy of its own for all that is in it"] if told.has_immutability_policy else []
        if repository.account:
            container = repository.url.rstrip("/").rpartition("/")[2]
            found += objections(read_account(self._clients, repository.account, container), container)
        if found:
            raise ImmutabilityNotReady(f"repository {name}: {'; '.join(found)}")

    def _properties(self, url: str) -> Any:
        from azure.storage.blob import ContainerClient

        version = self._settings.storage_api_version
        options: dict[str, Any] = {"api_version": version} if version else {}
        with translated(url), ContainerClient.from_container_url(url, credential=self._identity, **options) as client:
            return client.get_container_properties()
