"""What a repository's container can do: whether locks mean anything there, and what speaks against relying on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from holdfast.model.errors import HoldfastError
from holdfast.storage.azure_errors import translated

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

    from holdfast.settings import Settings


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

    def __init__(self, settings: Settings, identity: TokenCredential) -> None:
        self._settings, self._identity = settings, identity

    def immutable(self, url: str) -> bool:
        """Whether the container has version-level immutability, so that blobs of it can be locked and held."""
        return bool(self._properties(url).immutable_storage_with_versioning_enabled)

    def require_immutability(self, name: str, url: str) -> None:
        """Raises ImmutabilityNotReady unless points in that repository can be locked, and only by Holdfast's own dates."""
        told = self._properties(url)
        if not told.immutable_storage_with_versioning_enabled:
            raise ImmutabilityNotReady(
                f"repository {name}: {url} has no version-level immutability",
                help="Enable blob versioning on the account and version-level immutability on the container (both as in "
                "docs/how-to/immutability.md), or leave `immutable` out of the policy.",
            )
        if told.has_immutability_policy:
            raise ImmutabilityNotReady(
                f"repository {name}: {url} has a default retention of its own, which locks what must stay deletable",
                help="Delete the container's default policy: `az storage container immutability-policy delete`. Locks "
                "that it has set already stay until they end.",
            )

    def _properties(self, url: str) -> Any:
        from azure.storage.blob import ContainerClient

        version = self._settings.storage_api_version
        options: dict[str, Any] = {"api_version": version} if version else {}
        with translated(url), ContainerClient.from_container_url(url, credential=self._identity, **options) as client:
            return client.get_container_properties()
