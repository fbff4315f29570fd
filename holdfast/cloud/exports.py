"""Hands out a finished download as a short-lived link. The bytes go from storage to the person, never through the app."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from holdfast.cloud.state_account import BLOB_ROLE, LINK_ROLE, state_errors
from holdfast.model.errors import NotFound

if TYPE_CHECKING:
    from azure.storage.blob import BlobServiceClient

#: Clocks of the person's machine and of storage may differ by this much.
_SKEW = timedelta(minutes=5)


class Exports:
    """The exports container. Every method that asks storage may raise Forbidden, for the container, and Unavailable."""

    def __init__(self, service: BlobServiceClient, container: str) -> None:
        self.service, self.container = service, container

    @property
    def url(self) -> str:
        """Address of the container."""
        return f"{self.service.url.rstrip('/')}/{self.container}"

    def link(self, blob: str, *, life: timedelta) -> str:
        """A link that reads this one blob for so long: a user-delegation SAS, signed by Entra, not by a key.

        Its times are the machine's own, never those of a scaled clock: storage compares with real time.
        """
        from azure.storage.blob import BlobSasPermissions, generate_blob_sas

        now = datetime.now(UTC)
        start, end = now - _SKEW, now + life
        with self._errors(LINK_ROLE):
            key = self.service.get_user_delegation_key(start, end)
        name = str(self.service.account_name)
        token = generate_blob_sas(
            account_name=name,
            container_name=self.container,
            blob_name=blob,
            user_delegation_key=key,
            permission=BlobSasPermissions(read=True),
            start=start,
            expiry=end,
        )
        return f"{self.url}/{blob}?{token}"

    def list(self) -> Iterator[str]:
        """Names of the downloads that exist."""
        with self._errors(BLOB_ROLE):
            yield from self.service.get_container_client(self.container).list_blob_names()

    def read(self, blob: str) -> bytes:
        """What a worker wrote for the app itself. Raises NotFound."""
        from azure.core.exceptions import ResourceNotFoundError

        with self._errors(BLOB_ROLE):
            try:
                return self.service.get_blob_client(self.container, blob).download_blob().readall()
            except ResourceNotFoundError:
                raise NotFound(f"the container {self.container} holds no {blob}") from None

    def delete(self, blob: str) -> None:
        """Removes a download; a missing one is fine."""
        from azure.core.exceptions import ResourceNotFoundError

        with self._errors(BLOB_ROLE), suppress(ResourceNotFoundError):
            self.service.get_blob_client(self.container, blob).delete_blob()

    def _errors(self, role: str) -> AbstractContextManager[None]:
        return state_errors(f"the container {self.container}", role)
