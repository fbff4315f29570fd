"""Key Vault keys on the wire, with the real clients: versions, wrapping, disabling, deletion, and who may what."""

import pytest
import requests
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.keyvault.keys import KeyClient
from azure.keyvault.keys.crypto import CryptographyClient, KeyWrapAlgorithm

OAEP = KeyWrapAlgorithm.rsa_oaep_256
USER = ["Key Vault Crypto Service Encryption User", "/vault/keys"]
OFFICER = ["Key Vault Crypto Officer", "/vault/keys"]


@pytest.fixture
def vault(emulator, clients):
    """The real client of keys, as an officer."""
    with KeyClient(emulator.url, clients(emulator, OFFICER).credential) as found:
        yield found


def inner_code(error):
    return error.value.response.json()["error"]["innererror"]["code"]


def test_a_key_has_versions_and_the_newest_is_the_key(vault):
    first = vault.create_rsa_key("repositories", size=3072)
    second = vault.rotate_key("repositories")
    assert (first.key_type, len(first.key.n)) == ("RSA", 384)
    assert vault.get_key("repositories").id == second.id != first.id
    assert vault.get_key("repositories", first.properties.version).key.n == first.key.n
    assert [k.name for k in vault.list_properties_of_keys()] == ["repositories"]
    assert {k.version for k in vault.list_properties_of_key_versions("repositories")} == {
        first.properties.version,
        second.properties.version,
    }


def test_what_a_version_wraps_that_version_alone_unwraps(vault, emulator, clients):
    first, second = vault.create_rsa_key("repositories"), vault.rotate_key("repositories")
    credential = clients(emulator, USER).credential
    with CryptographyClient(first.id, credential) as old, CryptographyClient(second.id, credential) as new:
        wrapped = old.wrap_key(OAEP, b"k" * 32)
        assert wrapped.key_id == first.id
        assert b"k" * 32 not in wrapped.encrypted_key
        assert old.unwrap_key(OAEP, wrapped.encrypted_key).key == b"k" * 32
        with pytest.raises(HttpResponseError) as caught:
            new.unwrap_key(OAEP, wrapped.encrypted_key)
    assert (caught.value.status_code, caught.value.error.code) == (400, "BadParameter")


def test_the_vault_itself_wraps_as_the_clients_own_code_does(vault, emulator, clients):
    """Without the right to read keys the real client lets the vault wrap; either half takes the other's work."""
    key = vault.create_rsa_key("repositories")
    emulator.admin(
        "POST", "roles", {"name": "Wrapper", "data_actions": ["Microsoft.KeyVault/vaults/keys/*wrap/action"]}
    )
    blind = emulator.admin("POST", "identities", {"name": "blind", "app": True, "roles": [["Wrapper", "/vault/keys"]]})
    origin = emulator.url.removeprefix("https://")
    token = emulator.token(blind["client_id"], f"https://{origin.partition('.')[2]}")

    def call(verb, value):
        address = f"{key.id}/{verb}?api-version=7.5"
        headers = {"Authorization": f"Bearer {token}"}
        return emulator.session.post(address, json={"alg": "RSA-OAEP-256", "value": value}, headers=headers, timeout=30)

    wrapped = call("wrapkey", "a2trawo").json()
    assert wrapped["kid"] == key.id
    assert call("unwrapkey", wrapped["value"]).json()["value"] == "a2trawo"
    assert call("unwrapkey", "AAAA").status_code == 400
    headers = {"Authorization": f"Bearer {token}"}
    assert emulator.session.get(f"{key.id}?api-version=7.5", headers=headers, timeout=30).status_code == 403


def test_a_disabled_version_does_nothing_until_it_is_enabled(vault, emulator, clients):
    key = vault.create_rsa_key("repositories")
    with CryptographyClient(key.id, clients(emulator, USER).credential) as client:
        wrapped = client.wrap_key(OAEP, b"k" * 32).encrypted_key
        vault.update_key_properties("repositories", key.properties.version, enabled=False)
        assert vault.get_key("repositories").properties.enabled is False
        with pytest.raises(HttpResponseError) as caught:
            client.unwrap_key(OAEP, wrapped)
        assert (caught.value.status_code, caught.value.error.code, inner_code(caught)) == (
            403,
            "Forbidden",
            "KeyDisabled",
        )
        vault.update_key_properties("repositories", key.properties.version, enabled=True)
        assert client.unwrap_key(OAEP, wrapped).key == b"k" * 32


def test_a_deleted_key_is_gone_keeps_its_name_and_can_be_recovered(vault, emulator, clients):
    key = vault.create_rsa_key("repositories")
    with CryptographyClient(key.id, clients(emulator, USER).credential) as client:
        wrapped = client.wrap_key(OAEP, b"k" * 32).encrypted_key
        assert vault.begin_delete_key("repositories").result().recovery_id.endswith("/deletedkeys/repositories")
        with pytest.raises(ResourceNotFoundError) as caught:
            client.unwrap_key(OAEP, wrapped)
        assert caught.value.error.code == "KeyNotFound"
        with pytest.raises(ResourceExistsError):
            vault.create_rsa_key("repositories")
        vault.begin_recover_deleted_key("repositories").result()
        assert client.unwrap_key(OAEP, wrapped).key == b"k" * 32


def test_a_user_of_keys_may_wrap_and_not_make_change_or_delete(vault, emulator, clients):
    key = vault.create_rsa_key("repositories")
    user = emulator.admin("POST", "identities", {"name": "user", "app": True, "roles": [USER]})
    origin = emulator.url.removeprefix("https://")
    token = emulator.token(user["client_id"], f"https://{origin.partition('.')[2]}")

    def call(method, path, body=None):
        headers = {"Authorization": f"Bearer {token}"}
        url = f"{emulator.url}/keys/{path}?api-version=7.5"
        return emulator.session.request(method, url, json=body, headers=headers, timeout=30).status_code

    version = key.properties.version
    assert call("GET", "repositories") == 200
    assert call("POST", "other/create", {"kty": "RSA"}) == 403
    assert call("PATCH", f"repositories/{version}", {"attributes": {"enabled": False}}) == 403
    assert call("DELETE", "repositories") == 403


def test_no_token_gets_the_challenge_and_a_missing_key_its_code(vault, emulator):
    asked = requests.get(f"{emulator.url}/keys/x?api-version=7.5", verify=emulator.ca, timeout=30)
    assert asked.status_code == 401
    assert 'resource="https://0.0.1:' in asked.headers["WWW-Authenticate"]
    for name in ("x", "x/0123"):
        with pytest.raises(ResourceNotFoundError) as caught:
            vault.get_key(*name.split("/"))
        assert caught.value.error.code == "KeyNotFound"


@pytest.mark.parametrize("body", [{"kty": "EC"}, {"kty": "RSA", "key_size": 512}, [], "no"])
def test_a_key_that_cannot_be_is_refused(vault, emulator, clients, body):
    app = emulator.make_app(OFFICER)
    origin = emulator.url.removeprefix("https://")
    token = emulator.token(app["client_id"], f"https://{origin.partition('.')[2]}")
    headers = {"Authorization": f"Bearer {token}"}
    url = f"{emulator.url}/keys/x/create?api-version=7.5"
    assert emulator.session.post(url, json=body, headers=headers, timeout=30).status_code == 400


def test_a_key_outlives_a_restart_and_is_made_once(start, tmp_path):
    with start(tmp_path / "azure") as emulator:
        version = emulator.admin("PUT", "keys/repositories")["version"]
        assert emulator.admin("PUT", "keys/repositories")["version"] == version
    with start(tmp_path / "azure") as emulator:
        assert emulator.admin("PUT", "keys/repositories") == {"version": version}


def test_no_answer_holds_more_than_the_public_half(vault, emulator):
    emulator.admin("PUT", "keys/repositories")
    held = vault.get_key("repositories").key
    assert (held.n, held.e) != (None, None)
    assert {held.d, held.p, held.q, held.dp, held.dq, held.qi, held.k} == {None}
