"""Secrets, from the emulated Key Vault by the real client."""

from __future__ import annotations

from typing import Any

import pytest

from holdfast.cloud.clients import Clients
from holdfast.cloud.secrets import read_secret
from holdfast.model.errors import Forbidden, InvalidInput, NotFound


@pytest.fixture
def vault(azure: Any) -> str:
    """A vault with a secret that the app may read."""
    azure.admin("PUT", "secrets/password", {"value": "correct horse"})
    principal = azure.identity["principal_id"]
    azure.admin(
        "POST", "assignments", {"principal_id": principal, "role": "Key Vault Secrets User", "scope": "/vault/secrets"}
    )
    return str(azure.url)


def test_a_secret_is_read_by_its_address(vault: str, clients: Clients) -> None:
    """The newest version, or the one that is named."""
    assert read_secret(f"{vault}/secrets/password", clients.identity) == "correct horse"


def test_a_secret_that_is_missing_is_named_and_its_neighbours_are_not_told(vault: str, clients: Clients) -> None:
    """No value in an error."""
    with pytest.raises(NotFound) as raised:
        read_secret(f"{vault}/secrets/nothing", clients.identity)
    assert "nothing" in str(raised.value)
    assert "correct horse" not in str(raised.value)


def test_a_secret_without_a_right_is_forbidden(vault: str, clients: Clients, azure: Any) -> None:
    """The right can be given, then it works."""
    denial = azure.admin(
        "POST", "withdrawals", {"principal_id": azure.identity["principal_id"], "action": "Microsoft.KeyVault/*"}
    )
    with pytest.raises(Forbidden):
        read_secret(f"{vault}/secrets/password", clients.identity)
    azure.admin("DELETE", f"withdrawals/{denial['id']}")
    assert read_secret(f"{vault}/secrets/password", clients.identity)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "password",
        "https://vault.vault.azure.net",
        "https://vault.vault.azure.net/secrets/",
        "https://vault.vault.azure.net/keys/password",
        "http://vault.vault.azure.net/secrets/password",
        "https://vault.vault.azure.net/secrets/password/1/2",
    ],
)
def test_another_kind_of_address_is_refused_before_a_token_is_sent(url: str) -> None:
    """In the clear least of all."""

    class NoCredential:
        def get_token(self, *scopes: str, **options: Any) -> Any:
            raise AssertionError("asked for a token")

    with pytest.raises(InvalidInput):
        read_secret(url, NoCredential())
