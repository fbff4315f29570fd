"""Reads a secret from Key Vault by its address, by managed identity."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from holdfast.cloud.failures import azure_errors
from holdfast.model.errors import InvalidInput

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential


def read_secret(url: str, credential: TokenCredential) -> str:
    """The value of `https://VAULT/secrets/NAME`, or of one version where `/VERSION` follows.

    Raises InvalidInput for another kind of address, NotFound, Forbidden, Unavailable. The value is in none of them.
    """
    from azure.keyvault.secrets import SecretClient

    vault, name, version = _taken_apart(url)
    client = SecretClient(vault, credential)
    with client, azure_errors(f"reading the secret {name} of {vault}"):
        value = client.get_secret(name, version).value
    if value is None:
        raise InvalidInput(f"the secret {name} of {vault} has no value")
    return value


def _taken_apart(url: str) -> tuple[str, str, str | None]:
    parts = urlsplit(url)
    path = parts.path.strip("/").split("/")
    if parts.scheme != "https" or not parts.netloc or len(path) not in (2, 3) or path[0] != "secrets" or not path[1]:
        raise InvalidInput(f"{url!r} is not the address of a Key Vault secret: https://VAULT/secrets/NAME")
    return f"https://{parts.netloc}", path[1], path[2] if len(path) == 3 else None
