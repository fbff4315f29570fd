"""A Key Vault key as the repository's wrapper, from the emulated vault by the real clients."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from azure.identity import CredentialUnavailableError
from azure.keyvault.keys import KeyClient

from holdfast.cloud.clients import Clients
from holdfast.cloud.vault_keys import AzureVaultKey, VaultKeyDisabled, VaultKeyGone
from holdfast.model.clock import SystemClock
from holdfast.model.errors import Forbidden, HoldfastError, InvalidInput, Unavailable, WrongKey
from holdfast.repository import Repository, VaultKey
from holdfast.storage.memory import MemoryStore

SECRET = b"a wrapping key of thirty-two by."


@pytest.fixture
def officer(azure: Any, clients: Clients) -> KeyClient:
    """The real client, as somebody who may do everything with keys. The app's identity may wrap, unwrap and read."""
    principal = azure.identity["principal_id"]
    azure.admin(
        "POST", "assignments", {"principal_id": principal, "role": "Key Vault Crypto Officer", "scope": "/vault/keys"}
    )
    return KeyClient(azure.url, clients.identity)


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """The name of a key of this test's own."""
    return re.sub(r"[^a-z]", "-", request.node.name.lower())[:100]


@pytest.fixture
def wrapper(azure: Any, clients: Clients, officer: KeyClient, name: str) -> AzureVaultKey:
    officer.create_rsa_key(name)
    return AzureVaultKey(f"{azure.url}/keys/{name}", clients.identity)


def test_what_is_wrapped_is_unwrapped_with_the_same_version(
    wrapper: AzureVaultKey, officer: KeyClient, name: str
) -> None:
    first = wrapper.newest()
    wrapped = wrapper.wrap(SECRET, first)
    second = officer.rotate_key(name).properties.version
    assert wrapper.newest() == second != first
    assert SECRET not in wrapped
    assert wrapper.unwrap(wrapped, first) == SECRET
    with pytest.raises(WrongKey, match=str(second)):
        wrapper.unwrap(wrapped, str(second))


def test_a_disabled_version_is_named_with_its_mend(wrapper: AzureVaultKey, officer: KeyClient, name: str) -> None:
    version = wrapper.newest()
    wrapped = wrapper.wrap(SECRET, version)
    officer.update_key_properties(name, version, enabled=False)
    for attempt in (
        lambda: wrapper.unwrap(wrapped, version),
        lambda: wrapper.wrap(SECRET, version),
        wrapper.newest,
    ):
        with pytest.raises(VaultKeyDisabled, match=f"{name}/{version}") as raised:
            attempt()
        assert "Enable" in raised.value.help


def test_a_disabled_key_that_the_vault_does_not_even_show_is_called_so(wrapper: AzureVaultKey, azure: Any) -> None:
    """Whether Azure shows a disabled key was not observed; both are understood."""
    said = "Operation get is not allowed on a disabled key."
    azure.fault(method="GET", path="/keys/.*", status=403, code="Forbidden", message=said)
    with pytest.raises(VaultKeyDisabled):
        wrapper.newest()


def test_a_deleted_key_and_a_version_that_is_gone_are_told_apart(
    wrapper: AzureVaultKey, officer: KeyClient, name: str
) -> None:
    version = wrapper.newest()
    wrapped = wrapper.wrap(SECRET, version)
    with pytest.raises(VaultKeyGone, match=f"no version 0123.*{version}"):
        wrapper.unwrap(wrapped, "0123")
    officer.begin_delete_key(name).result()
    with pytest.raises(VaultKeyGone, match=f"{name}: it was deleted") as raised:
        wrapper.unwrap(wrapped, version)
    assert "recover" in raised.value.help


def test_a_missing_right_names_key_and_role(wrapper: AzureVaultKey, azure: Any) -> None:
    version = wrapper.newest()
    wrapped = wrapper.wrap(SECRET, version)
    denied = {"principal_id": azure.identity["principal_id"], "action": "Microsoft.KeyVault/vaults/keys/unwrap/action"}
    denial = azure.admin("POST", "withdrawals", denied)
    with pytest.raises(Forbidden) as raised:
        wrapper.unwrap(wrapped, version)
    azure.admin("DELETE", f"withdrawals/{denial['id']}")
    assert wrapper.key in raised.value.help
    assert "Key Vault Crypto Service Encryption User" in raised.value.help
    assert wrapper.unwrap(wrapped, version) == SECRET


def test_a_right_to_unwrap_alone_is_enough_to_read(wrapper: AzureVaultKey, azure: Any) -> None:
    version = wrapper.newest()
    wrapped = wrapper.wrap(SECRET, version)
    denied = {"principal_id": azure.identity["principal_id"], "action": "Microsoft.KeyVault/vaults/keys/read"}
    denial = azure.admin("POST", "withdrawals", denied)
    try:
        assert wrapper.unwrap(wrapped, version) == SECRET
        with pytest.raises(Forbidden):
            wrapper.newest()
    finally:
        azure.admin("DELETE", f"withdrawals/{denial['id']}")


def test_a_vault_that_does_not_answer_is_named(clients: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    from azure.core.pipeline.policies import RetryPolicy

    monkeypatch.setattr(RetryPolicy, "sleep", lambda *_, **__: None)
    wrapper = AzureVaultKey("https://127.0.0.1:9/keys/k", clients.identity)
    with pytest.raises(Unavailable) as raised:
        wrapper.unwrap(b"x", "1")
    assert "https://127.0.0.1:9/keys/k/1" in raised.value.detail
    assert "https://127.0.0.1:9" in raised.value.help


def test_who_is_not_signed_in_is_told_so(azure: Any) -> None:
    class NotSignedIn:
        def get_token(self, *_: str, **__: Any) -> Any:
            raise CredentialUnavailableError(message="no account")

    wrapper = AzureVaultKey(f"{azure.url}/keys/k", NotSignedIn())
    for attempt in (wrapper.newest, lambda: wrapper.unwrap(b"x", "1")):
        with pytest.raises(Unavailable, match="nobody is signed in") as raised:
            attempt()
        assert "az login" in raised.value.help


def test_a_repository_is_made_and_read_with_the_key(
    wrapper: AzureVaultKey, officer: KeyClient, name: str, azure: Any
) -> None:
    """Init, open, rotate to the newest version, the old version disabled, open."""
    store = MemoryStore()
    Repository.init(store, VaultKey(wrapper), clock=SystemClock())
    old = wrapper.newest()
    officer.rotate_key(name)
    opened = Repository.open(store, VaultKey(wrapper), clock=SystemClock())
    done = opened.slots.rotate("first", VaultKey(wrapper))
    assert (done.added, len(done.removed)) == (True, 1)
    assert done.slot.key == f"{wrapper.key}/{wrapper.newest()}"
    assert opened.slots.rotate("first", VaultKey(wrapper)).removed == []
    officer.update_key_properties(name, old, enabled=False)
    assert Repository.open(store, VaultKey(wrapper), clock=SystemClock()).points() == []


def test_what_the_vault_said_is_what_opening_says(wrapper: AzureVaultKey, officer: KeyClient, name: str) -> None:
    store = MemoryStore()
    Repository.init(store, VaultKey(wrapper), clock=SystemClock())
    officer.update_key_properties(name, wrapper.newest(), enabled=False)
    with pytest.raises(VaultKeyDisabled):
        Repository.open(store, VaultKey(wrapper), clock=SystemClock())


@pytest.mark.parametrize("attempt", ["newest", "wrap", "unwrap"])
def test_no_secret_stands_in_what_goes_wrong(
    wrapper: AzureVaultKey, azure: Any, attempt: str, caplog: pytest.LogCaptureFixture
) -> None:
    calls: dict[str, Callable[[], Any]] = {
        "newest": wrapper.newest,
        "wrap": lambda: wrapper.wrap(SECRET, "0123"),
        "unwrap": lambda: wrapper.unwrap(SECRET, "0123"),
    }
    azure.fault(method="GET", path="/keys/.*", status=400, code="BadParameter")
    azure.fault(method="POST", path="/keys/.*", status=400, code="BadParameter")
    with caplog.at_level("DEBUG"), pytest.raises(HoldfastError) as raised:
        calls[attempt]()
    for told in (str(raised.value), raised.value.help, caplog.text):
        assert SECRET.decode() not in told
        assert "eyJ" not in told


@pytest.mark.parametrize(
    "url",
    [
        "",
        "key",
        "https://vault.vault.azure.net",
        "https://vault.vault.azure.net/keys/",
        "https://vault.vault.azure.net/secrets/key",
        "http://vault.vault.azure.net/keys/key",
        "https://user@vault.vault.azure.net/keys/key",
        "https://vault.vault.azure.net/keys/key/1/2",
        "https://vault.vault.azure.net/keys/key?sig=1",
    ],
)
def test_another_kind_of_address_is_refused_before_anything_is_asked(url: str) -> None:
    with pytest.raises(InvalidInput):
        AzureVaultKey(url, None)  # type: ignore[arg-type]
