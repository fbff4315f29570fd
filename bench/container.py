"""An Azurite of one's own with one container in it, for a contender that stores there."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from azure.core.credentials import AzureNamedKeyCredential
from azure.storage.blob import ContainerClient, ContainerSasPermissions, generate_container_sas

from local import azurite

API_VERSION = "2025-11-05"
_CONTAINER = "repository"


class Container:
    """Runs until `stop`. What it stores lies on disk, below the folder."""

    def __init__(self, folder: Path) -> None:
        self.account = azurite.StorageAccount.make("benchaccount")
        self._running = azurite.start([self.account], folder=folder / "azurite", log=folder / "azurite.log")
        self.name = _CONTAINER
        self.url = f"http://127.0.0.1:{self._running.ports.blob}/{self.account.name}/{_CONTAINER}"
        with closing(self._client()) as client:
            client.create_container()

    def shared_access_url(self) -> str:
        """The container's address with a signature in it, for programs that know no other kind of endpoint."""
        signature = generate_container_sas(
            self.account.name,
            self.name,
            account_key=self.account.key,
            permission=ContainerSasPermissions(read=True, write=True, delete=True, list=True, add=True, create=True),
            expiry=datetime.now(UTC) + timedelta(days=1),
        )
        return f"{self.url}?{signature}"

    def stored_bytes(self) -> int:
        """Bytes of all blobs."""
        with closing(self._client()) as client:
            return sum(blob.size for blob in client.list_blobs())

    def stop(self) -> None:
        """Ends Azurite."""
        self._running.stop()

    def _client(self) -> ContainerClient:
        credential = AzureNamedKeyCredential(self.account.name, self.account.key)
        return ContainerClient.from_container_url(self.url, credential=credential, api_version=API_VERSION)
