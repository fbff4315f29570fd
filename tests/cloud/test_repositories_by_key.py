"""What a worker opens its repositories with: the password or the key that its job names, from the emulated vault."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from holdfast.cloud.clients import Clients
from holdfast.cloud.vault_keys import AzureVaultKey, VaultKeyDisabled
from holdfast.model.clock import SystemClock
from holdfast.model.errors import WrongKey
from holdfast.model.job import RepositoryRef
from holdfast.repository import Password, PasswordCost, Repository, VaultKey
from holdfast.storage import open_store
from holdfast.worker.repositories import Repositories


@pytest.fixture
def place(tmp_path: Path) -> str:
    return (tmp_path / "repository").as_uri()


@pytest.fixture
def key(azure: Any) -> str:
    """A key that the app's identity may use, and a secret that it may read."""
    azure.admin("PUT", "keys/of-workers")
    azure.admin("PUT", "secrets/of-workers", {"value": "the password of the workers"})
    for role, scope in (
        ("Key Vault Crypto Service Encryption User", "/vault/keys"),
        ("Key Vault Secrets User", "/vault/secrets"),
    ):
        principal = azure.identity["principal_id"]
        azure.admin("POST", "assignments", {"principal_id": principal, "role": role, "scope": scope})
    return f"{azure.url}/keys/of-workers"


def _ref(url: str, **way: str) -> RepositoryRef:
    return RepositoryRef(name="default", url=url, region="westeurope", **way)


def test_a_job_opens_by_the_way_that_it_names(azure: Any, clients: Clients, key: str, place: str) -> None:
    cost = PasswordCost(iterations=1, lanes=1, memory_kib=64)
    made = Repository.init(open_store(place), "the password of the workers", clock=SystemClock(), cost=cost)
    repositories = Repositories(clients.identity, SystemClock())
    by_password = repositories.open(_ref(place, password_secret=f"{azure.url}/secrets/of-workers"))
    with pytest.raises(WrongKey, match="default: it has no keyvault slot") as raised:
        repositories.open(_ref(place, vault_key=key))
    assert key in raised.value.help
    made.slots.add(VaultKey(AzureVaultKey(key, clients.identity)), "vault")
    by_key = repositories.open(_ref(place, vault_key=key))
    assert by_key._keys.objects == by_password._keys.objects
    made.slots.remove("first", VaultKey(AzureVaultKey(key, clients.identity)))
    assert made.slots.add(Password("another", cost), "first").kind == "password"


def test_a_key_that_is_disabled_counts_for_the_next_job(azure: Any, clients: Clients, key: str, place: str) -> None:
    """Nothing that a key opened is kept."""
    Repository.init(open_store(place), VaultKey(AzureVaultKey(key, clients.identity)), clock=SystemClock())
    repositories = Repositories(clients.identity, SystemClock())
    repositories.open(_ref(place, vault_key=key))
    said = "Operation unwrapKey is not allowed on a disabled key."
    azure.fault(method="POST", path="/unwrapkey", status=403, code="Forbidden", message=said)
    with pytest.raises(VaultKeyDisabled, match="of-workers"):
        repositories.open(_ref(place, vault_key=key))
    repositories.open(_ref(place, vault_key=key))
