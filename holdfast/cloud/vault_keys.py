"""A Key Vault key that wraps and unwraps, by whoever is signed in. It is a `KeyWrapper` of the repository.

RSA-OAEP-256. Wrapping may happen here, with the public half that the vault gives out; unwrapping only in the vault.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from holdfast.cloud.failures import failure_of, to_error
from holdfast.model.errors import Forbidden, HoldfastError, InvalidInput, NotFound, Unavailable, WrongKey

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential
    from azure.core.exceptions import AzureError
    from azure.keyvault.keys import KeyClient, KeyVaultKey
    from azure.keyvault.keys.crypto import CryptographyClient

_ROLE = "Key Vault Crypto Service Encryption User"


class VaultKeyDisabled(HoldfastError):
    """The vault keeps the key and does not use it: disabled, before its time or after it."""

    code = "vault-key-disabled"
    title = "The Key Vault key is disabled or not valid now"
    advice = "Enable the version of the key that is named, or open the repository with another of its slots."
    exit_code = 12
    http_status = 403
    permanent = True


class VaultKeyGone(NotFound):
    """The key or its version is not in the vault."""

    code = "vault-key-gone"
    title = "The Key Vault key is not there"
    advice = (
        "Recover the key if it was deleted (`az keyvault key recover`), or restore it from its backup; until then open "
        "the repository with another of its slots."
    )
    exit_code = 12


class AzureVaultKey:
    """`https://VAULT/keys/NAME`, or one version of it where `/VERSION` follows. Raises InvalidInput for another address.

    Every method raises VaultKeyDisabled, VaultKeyGone, Forbidden, Unavailable; each names the key. Nothing is asked before.
    """

    def __init__(self, url: str, credential: TokenCredential) -> None:
        self._vault, self._name, self.version = _taken_apart(url)
        self.key = f"{self._vault}/keys/{self._name}"
        self._credential = credential

    def newest(self) -> str:
        """The version that is the newest now. Raises VaultKeyDisabled where it is disabled, so that nobody wraps with it."""
        version = self._described("").properties.version
        assert version is not None  # noqa: S101 (the vault's answer always names it)
        return version

    def wrap(self, secret: bytes, version: str) -> bytes:
        """The secret under that version."""
        from azure.keyvault.keys.crypto import CryptographyClient, KeyWrapAlgorithm

        key = self._described(version)
        with CryptographyClient(key, self._credential) as client, self._errors("wrapping", version):
            return client.wrap_key(KeyWrapAlgorithm.rsa_oaep_256, secret).encrypted_key

    def unwrap(self, wrapped: bytes, version: str) -> bytes:
        """The secret again. Raises WrongKey where that version did not wrap it."""
        from azure.keyvault.keys.crypto import KeyWrapAlgorithm

        with self._unwrapping(version) as client, self._errors("unwrapping", version):
            return client.unwrap_key(KeyWrapAlgorithm.rsa_oaep_256, wrapped).key

    def _unwrapping(self, version: str) -> CryptographyClient:
        from azure.keyvault.keys.crypto import CryptographyClient

        return CryptographyClient(f"{self.key}/{version}", self._credential)

    def _described(self, version: str) -> KeyVaultKey:
        with self._client() as client, self._errors("reading", version):
            found = client.get_key(self._name, version or None)
        if found.properties.enabled is False:
            raise VaultKeyDisabled(self._told(found.properties.version or version))
        return found

    def _client(self) -> KeyClient:
        from azure.keyvault.keys import KeyClient

        return KeyClient(self._vault, self._credential)

    def _told(self, version: str) -> str:
        return f"{self.key}/{version}" if version else self.key

    @contextmanager
    def _errors(self, doing: str, version: str) -> Iterator[None]:
        from azure.core.exceptions import AzureError

        try:
            yield
        except AzureError as error:
            raise self._error(error, doing, version) from None
        except ValueError as error:
            # The SDK's own check of the key's times; it says them and nothing else.
            raise VaultKeyDisabled(f"{self._told(version)}: {error}") from None

    def _error(self, error: AzureError, doing: str, version: str) -> HoldfastError:
        from azure.core.exceptions import ClientAuthenticationError

        failure, key = failure_of(error), self._told(version)
        inner = _inner_code(error)
        if inner == "KeyDisabled" or "disabled key" in failure.message:
            return VaultKeyDisabled(key)
        if failure.status == 404:
            return self._gone(version)
        if failure.status == 400 and doing == "unwrapping":
            return WrongKey(
                f"{key} did not wrap what the slot holds",
                help="The slot was damaged or is forged; open the repository with another of its slots.",
            )
        found = to_error(failure, f"{doing} with {key}" if doing != "reading" else f"reading {key}")
        if isinstance(found, Forbidden):
            if inner and inner != "ForbiddenByRbac":
                found.detail += f" ({inner})"
            advice = f"Give the identity the role {_ROLE!r} on {self.key}, and let the vault's network rules admit it."
            return Forbidden(found.detail, help=advice)
        if isinstance(error, ClientAuthenticationError) and not failure.status:
            advice = (
                "Sign in to Azure (`az login`), or run where a managed identity is; it was asked for a token in vain."
            )
            return Unavailable(f"{key}: nobody is signed in", help=advice)
        if isinstance(found, Unavailable):
            advice = f"Check the vault's name {self._vault}, that it exists, and that this network reaches it."
            return Unavailable(found.detail, help=advice)
        return found

    def _gone(self, version: str) -> HoldfastError:
        """Tells a version that is gone from a key that is."""
        from azure.core.exceptions import AzureError

        if version:
            try:
                with self._client() as client:
                    newest = client.get_key(self._name).properties.version
            except AzureError:
                pass
            else:
                return VaultKeyGone(f"{self.key} has no version {version} (its newest is {newest})")
        return VaultKeyGone(f"{self.key}: it was deleted, or never was in this vault")


def _inner_code(error: AzureError) -> str:
    response = getattr(error, "response", None)
    try:
        inner = json.loads(response.text())["error"]["innererror"] if response is not None else {}
        return str(inner.get("code") or "")
    except Exception:  # noqa: BLE001 (a body that cannot be read says nothing; the status still does)
        return ""


def _taken_apart(url: str) -> tuple[str, str, str | None]:
    parts = urlsplit(url)
    path = parts.path.strip("/").split("/")
    if (
        parts.scheme != "https"
        or not parts.netloc
        or "@" in parts.netloc
        or parts.query
        or len(path) not in (2, 3)
        or path[0] != "keys"
        or not all(path)
    ):
        raise InvalidInput(f"{url!r} is not the address of a Key Vault key: https://VAULT/keys/NAME[/VERSION]")
    return f"https://{parts.netloc}", path[1], path[2] if len(path) == 3 else None
