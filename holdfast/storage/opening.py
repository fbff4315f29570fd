"""From an address to a store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from holdfast.model.clock import Clock
from holdfast.model.errors import InvalidInput
from holdfast.storage.folder import FolderStore
from holdfast.storage.interface import ObjectStore

if TYPE_CHECKING:
    from azure.core.credentials import AzureNamedKeyCredential, TokenCredential


def open_store(
    url: str,
    *,
    credential: TokenCredential | AzureNamedKeyCredential | None = None,
    api_version: str | None = None,
    clock: Clock | None = None,
    **transport: Any,
) -> ObjectStore:
    """The store at `file:///folder` or `https://ACCOUNT.blob.core.windows.net/CONTAINER` (or an emulator's, path-style).

    `credential` is for Blob Storage; `api_version` the service version to speak where the SDK's own is too new;
    `clock` tells a folder when leases end, and every store which locks still count; `transport` goes to the SDK's client
    (timeouts, CA). Nothing is read or written yet. Raises InvalidInput for an address that is neither.
    """
    parts = urlsplit(url)
    if parts.scheme == "file":
        if parts.netloc not in ("", "localhost") or not parts.path.startswith("/") or parts.query:
            raise InvalidInput(f"{url!r}: a folder is named as file:///folder")
        return FolderStore(Path(unquote(parts.path)), clock)
    if parts.scheme in ("https", "http"):
        if parts.query or parts.username:
            raise InvalidInput("the address of a repository holds no token and no password")
        from holdfast.storage.azure_blob import AzureBlobStore  # the SDK takes half a second to import

        return AzureBlobStore(url, credential=credential, api_version=api_version, clock=clock, **transport)
    raise InvalidInput(f"{url!r} is no address of a repository: file:///folder or https://ACCOUNT.blob…/CONTAINER")
