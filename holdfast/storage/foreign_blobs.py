"""A container that others filled, or a folder of it: listed and read, never written. Names may be whatever Azure allows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import unquote, urlsplit

from azure.core.credentials import AzureNamedKeyCredential, TokenCredential
from azure.storage.blob import ContainerClient, ExponentialRetry

from holdfast.model.errors import InvalidInput
from holdfast.storage.azure_blob import BACKOFF_BASE, INITIAL_BACKOFF, RETRIES
from holdfast.storage.azure_errors import translated

#: What one request brings; also what is held in memory while a blob is copied to a file.
PIECE = 8 << 20


@dataclass(frozen=True)
class ForeignBlob:
    """A blob. `modified` is when Azure says that it was last written."""

    name: str
    bytes: int
    modified: datetime


class ForeignBlobs:
    """Reads block blobs. Errors are those of `ObjectStore`: ObjectMissing, Rehydrating, Forbidden, Unavailable."""

    def __init__(
        self,
        url: str,
        *,
        credential: TokenCredential | AzureNamedKeyCredential | None = None,
        api_version: str | None = None,
        **transport: Any,
    ) -> None:
        """`https://ACCOUNT.blob.core.windows.net/CONTAINER[/FOLDER]`, or an emulator's with the account in the path.

        Raises InvalidInput for an address that names no container or holds a token.
        """
        container, self.prefix = _split(url)
        options: dict[str, Any] = {
            "retry_policy": ExponentialRetry(INITIAL_BACKOFF, BACKOFF_BASE, RETRIES),
            "max_single_get_size": PIECE,
            "max_chunk_get_size": PIECE,
            **transport,
        }
        if api_version:
            options["api_version"] = api_version
        self._container = ContainerClient.from_container_url(container, credential=credential, **options)

    def list(self) -> Iterator[ForeignBlob]:
        """All blobs of the folder and the folders in it, sorted by name; folders that are blobs are left out."""
        with translated(self.prefix):
            for blob in self._container.list_blobs(name_starts_with=self.prefix or None, include=["metadata"]):
                if (blob.metadata or {}).get("hdi_isfolder") != "true":
                    yield ForeignBlob(str(blob.name), int(blob.size), blob.last_modified)

    def read_at(self, name: str, offset: int, length: int) -> bytes:
        """Bytes of a blob; `offset` and `length` lie within it."""
        with translated(name):
            return bytes(self._container.get_blob_client(name).download_blob(offset, length).readall())

    def stream(self, name: str) -> Iterator[bytes]:
        """The whole blob in pieces. One that is changed meanwhile is Unavailable, never a mixture."""
        with translated(name):
            yield from self._container.get_blob_client(name).download_blob().chunks()

    def close(self) -> None:
        """Ends connections."""
        self._container.close()


def _split(url: str) -> tuple[str, str]:
    """The container's address, and the prefix of the names that are meant."""
    parts = urlsplit(url)
    if parts.query or parts.username:
        raise InvalidInput("the address of a container holds no token and no password")
    # Azure's hosts are named after the account; an emulator has it as the first part of the path.
    own = 1 if ".blob." in (parts.hostname or "") else 2
    steps = [step for step in parts.path.split("/") if step]
    if len(steps) < own:
        raise InvalidInput(f"{url!r} names no container")
    folder = "/".join(unquote(step) for step in steps[own:])
    return f"{parts.scheme}://{parts.netloc}/{'/'.join(steps[:own])}", f"{folder}/" if folder else ""
