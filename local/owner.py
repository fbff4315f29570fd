"""The person who owns the emulated subscription, as an SDK credential: provisions, and looks at what is there."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from azure.core.credentials import AccessToken

from local.azure import tokens
from local.azure.rights import Rights
from local.azure.state_folder import StateFolder

_PRINCIPAL = "00000000-0000-0000-0000-00000000feed"


class OwnerCredential:
    """Signs its own tokens with the emulator's key. Owner of everything: never for the product's own processes."""

    def __init__(self, folder: StateFolder) -> None:
        self._folder = folder

    def grant(self) -> None:
        """Gives the role, once."""
        Rights(self._folder.root).assign(_PRINCIPAL, "Owner", "/")

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        """The SDK's protocol."""
        audience = scopes[0].removesuffix(".default")
        parts = urlsplit(audience)
        token, expires = tokens.issue(
            self._folder,
            f"{parts.scheme}://{parts.netloc}",
            principal_id=_PRINCIPAL,
            client_id=_PRINCIPAL,
            identity_id="/owner",
            lifetime=3600,
        )
        return AccessToken(token, expires)
