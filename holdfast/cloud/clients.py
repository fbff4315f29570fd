"""The one factory of Azure clients: endpoint, scope and credential come from the settings, and nowhere else.

The credential is always the managed identity. It finds its endpoint by the platform's own environment variables
(`IDENTITY_ENDPOINT` in Functions, `AZURE_POD_IDENTITY_AUTHORITY_HOST` or Azure's metadata address on a VM).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from holdfast.settings import Settings

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential
    from azure.data.tables import TableServiceClient
    from azure.mgmt.authorization import AuthorizationManagementClient
    from azure.mgmt.compute import ComputeManagementClient
    from azure.mgmt.sql import SqlManagementClient
    from azure.storage.blob import BlobServiceClient
    from azure.storage.queue import QueueServiceClient

_Client = TypeVar("_Client")

#: Seconds between polls of an operation. Nothing here waits for one, but should something ever: Azure answers some
#: deletions with `Retry-After: 0`, which the SDK reads as "not given" and turns into its default of 30 s.
_POLLING_INTERVAL = 10
#: Seconds. The SDK's own 300 would hold an activity for minutes on a connection that went away.
_TIMEOUTS: dict[str, Any] = {"connection_timeout": 20, "read_timeout": 90}


def credential(client_id: str | None) -> TokenCredential:
    """The managed identity: the user-assigned one of that client id, or the system-assigned one."""
    from azure.identity import ManagedIdentityCredential

    return ManagedIdentityCredential(client_id=client_id)


def table_service(settings: Settings, identity: TokenCredential) -> TableServiceClient:
    """Tables of the state account."""
    from azure.data.tables import TableServiceClient

    return TableServiceClient(settings.table_endpoint, credential=identity, **_TIMEOUTS)


def blob_service(settings: Settings, identity: TokenCredential) -> BlobServiceClient:
    """Blobs of the state account."""
    from azure.storage.blob import BlobServiceClient

    return BlobServiceClient(settings.blob_endpoint, credential=identity, **_version(settings), **_TIMEOUTS)


def queue_service(settings: Settings, identity: TokenCredential) -> QueueServiceClient:
    """Queues of the state account. Messages are plain text, as host.json says to the queue trigger as well."""
    from azure.storage.queue import QueueServiceClient

    return QueueServiceClient(settings.queue_endpoint, credential=identity, **_version(settings), **_TIMEOUTS)


def _version(settings: Settings) -> dict[str, Any]:
    return {"api_version": settings.storage_api_version} if settings.storage_api_version else {}


class Clients:
    """Clients of the control plane, one a subscription, made when they are first asked for. Safe between threads."""

    def __init__(self, settings: Settings, identity: TokenCredential) -> None:
        self.settings, self.identity = settings, identity
        self._made: dict[tuple[str, str], Any] = {}
        self._lock = threading.Lock()

    def sql(self, subscription: str) -> SqlManagementClient:
        """SQL servers, managed instances and their databases."""

        def make() -> SqlManagementClient:
            from azure.mgmt.sql import SqlManagementClient

            return SqlManagementClient(self.identity, subscription, **self._options())

        return self._once("sql", subscription, make)

    def compute(self, subscription: str) -> ComputeManagementClient:
        """Virtual machines."""

        def make() -> ComputeManagementClient:
            from azure.mgmt.compute import ComputeManagementClient

            return ComputeManagementClient(self.identity, subscription, **self._options())

        return self._once("compute", subscription, make)

    def authorization(self, subscription: str) -> AuthorizationManagementClient:
        """Permissions and role assignments."""

        def make() -> AuthorizationManagementClient:
            from azure.mgmt.authorization import AuthorizationManagementClient

            return AuthorizationManagementClient(self.identity, subscription, **self._options())

        return self._once("authorization", subscription, make)

    def close(self) -> None:
        """Ends the connections. What was made before must not be used afterwards."""
        with self._lock:
            for made in self._made.values():
                made.close()
            self._made.clear()

    def _options(self) -> dict[str, Any]:
        return {
            "base_url": self.settings.arm_endpoint,
            "credential_scopes": [self.settings.arm_audience],
            "polling_interval": _POLLING_INTERVAL,
            **_TIMEOUTS,
        }

    def _once(self, kind: str, subscription: str, make: Callable[[], _Client]) -> _Client:
        key = (kind, subscription.lower())
        with self._lock:
            if key not in self._made:
                self._made[key] = make()
            found: _Client = self._made[key]
            return found
