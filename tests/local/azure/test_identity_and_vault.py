"""Tokens reach exactly those that they are meant for, and the real SecretClient needs no setting of its own."""

import time

import pytest
import requests
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ResourceNotFoundError
from azure.identity import CredentialUnavailableError, ManagedIdentityCredential

RG = "holdfast"
ARM_SCOPE = "https://management.azure.com/.default"


@pytest.fixture
def machine_environment(monkeypatch, emulator):
    """Lets this process believe that it is a machine."""
    for name in ("IDENTITY_ENDPOINT", "IDENTITY_HEADER", "MSI_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)

    def become(name):
        monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", f"{emulator.http_url}/vm/{name}")

    return become


def test_a_machine_gets_tokens_of_its_own_identities_only(emulator, clients, machine_environment, monkeypatch):
    writer = emulator.admin("POST", "identities", {"name": "writer"})
    maintainer = emulator.admin("POST", "identities", {"name": "maintainer"})
    subnet = emulator.make_network()
    vms = clients(emulator).compute.virtual_machines
    vms.begin_create_or_update(RG, "w1", emulator.machine(subnet, writer["id"])).result()
    monkeypatch.delenv("IDENTITY_ENDPOINT")
    monkeypatch.delenv("IDENTITY_HEADER")
    machine_environment("w1")
    with ManagedIdentityCredential(client_id=writer["client_id"]) as mine:
        assert mine.get_token("https://storage.azure.com/.default").token.count(".") == 2
    with (
        ManagedIdentityCredential(client_id=maintainer["client_id"]) as other,
        pytest.raises(CredentialUnavailableError),
    ):
        other.get_token("https://storage.azure.com/.default")
    with ManagedIdentityCredential() as unnamed:
        assert unnamed.get_token("https://storage.azure.com/.default").token


def test_a_machine_without_power_gets_nothing(emulator, clients):
    writer = emulator.admin("POST", "identities", {"name": "writer"})
    vms = clients(emulator).compute.virtual_machines
    vms.begin_create_or_update(RG, "w1", emulator.machine(emulator.make_network(), writer["id"])).result()

    def ask(**headers):
        url = f"{emulator.http_url}/vm/w1/metadata/identity/oauth2/token"
        params = {"resource": "https://storage.azure.com", "api-version": "2018-02-01"}
        return requests.get(url, params=params, headers=headers, timeout=10).status_code

    assert ask(Metadata="true") == 200
    assert ask() == 400
    vms.begin_deallocate(RG, "w1").result()
    assert ask(Metadata="true") == 400


def test_the_apps_endpoint_wants_its_header(emulator):
    emulator.make_app()
    url, params = (
        f"{emulator.http_url}/msi/token",
        {"resource": "https://management.azure.com", "api-version": "2019-08-01"},
    )
    assert requests.get(url, params=params, headers={"X-IDENTITY-HEADER": "guess"}, timeout=10).status_code == 401
    header = {"X-IDENTITY-HEADER": emulator.folder.identity_header.read_text()}
    assert requests.get(url, params=params, headers=header, timeout=10).status_code == 200


def test_resource_manager_takes_no_token_but_its_own(emulator):
    app = emulator.make_app()
    emulator.put_world()
    path = f"{emulator.group}/providers/Microsoft.Sql/servers/shop"
    for token, code in (
        ("", "AuthenticationFailed"),
        ("x", "InvalidAuthenticationToken"),
        (emulator.token(app["client_id"], "https://storage.azure.com"), "InvalidAuthenticationTokenAudience"),
        (emulator.token(app["client_id"])[:-8] + "AAAAAAAA", "InvalidAuthenticationToken"),
    ):
        refused = emulator.call("GET", path, token)
        assert (refused.status_code, refused.json()["error"]["code"]) == (401, code)
        assert refused.headers["WWW-Authenticate"].startswith("Bearer ")
    token = emulator.token(app["client_id"], "https://management.core.windows.net/")
    assert emulator.call("GET", path, token).status_code == 200
    emulator.admin("PUT", "tokens", {"expire": True})
    assert emulator.call("GET", path, token).json()["error"]["code"] == "ExpiredAuthenticationToken"


def test_short_lived_tokens_are_renewed_by_the_real_credential(emulator, clients):
    emulator.put_world()
    emulator.admin("PUT", "tokens", {"lifetime": 2})
    sql = clients(emulator).sql
    assert sql.servers.get(RG, "shop").name == "shop"
    time.sleep(2.2)
    assert sql.servers.get(RG, "shop").name == "shop"


def test_a_worker_may_not_touch_resource_manager(emulator, clients):
    emulator.put_world()
    sql = clients(emulator, ["SQL reader", "/"]).sql
    with pytest.raises(HttpResponseError) as caught:
        sql.servers.get(RG, "shop")
    assert (caught.value.status_code, caught.value.error.code) == (403, "AuthorizationFailed")


def test_a_list_holds_what_the_identity_may_read(emulator, clients):
    servers, _ = emulator.put_world()
    sql = clients(emulator, ["Reader", f"{servers}/shop"]).sql
    assert [s.name for s in sql.servers.list()] == ["shop"]
    nobody = emulator.admin("POST", "identities", {"name": "nobody", "app": True})
    token = emulator.token(nobody["client_id"])
    assert emulator.call("GET", f"{emulator.group}/providers/Microsoft.Sql/servers", token).status_code == 403


def test_a_right_can_be_withdrawn_and_given_back(emulator, clients):
    emulator.put_world()
    sql = clients(emulator).sql
    app = emulator.make_app()
    body = {"principal_id": app["principal_id"], "action": "Microsoft.Sql/servers/databases/*"}
    denial = emulator.admin("POST", "withdrawals", body)["id"]
    with pytest.raises(HttpResponseError) as caught:
        sql.databases.get(RG, "shop", "orders")
    assert caught.value.error.code == "AuthorizationFailed"
    emulator.admin("DELETE", f"withdrawals/{denial}")
    assert sql.databases.get(RG, "shop", "orders").name == "orders"


def test_a_machine_may_not_be_given_a_subnet_or_identity_without_the_right(emulator, clients):
    vms = clients(emulator).compute.virtual_machines
    app, worker = emulator.make_app(), emulator.admin("POST", "identities", {"name": "worker"})
    body = emulator.machine(emulator.make_network(), worker["id"])
    for action in ("Microsoft.Network/virtualNetworks/subnets/join/action", "*/assign/action"):
        denial = emulator.admin("POST", "withdrawals", {"principal_id": app["principal_id"], "action": action})["id"]
        with pytest.raises(HttpResponseError) as caught:
            vms.begin_create_or_update(RG, "w1", body, polling=False)
        assert (caught.value.status_code, caught.value.error.code) == (403, "LinkedAuthorizationFailed")
        emulator.admin("DELETE", f"withdrawals/{denial}")


def test_secrets_are_set_read_and_listed(emulator, clients):
    vault = clients(emulator, ["Key Vault Secrets Officer", "/vault/secrets"]).vault
    first = vault.set_secret("repository-password", "one")
    vault.set_secret("repository-password", "two")
    assert vault.get_secret("repository-password").value == "two"
    assert vault.get_secret("repository-password", first.properties.version).value == "one"
    assert [p.name for p in vault.list_properties_of_secrets()] == ["repository-password"]
    assert len(list(vault.list_properties_of_secret_versions("repository-password"))) == 2
    with pytest.raises(ResourceNotFoundError) as caught:
        vault.get_secret("no-such")
    assert caught.value.error.code == "SecretNotFound"


def test_a_user_of_secrets_may_not_set_them(emulator, clients):
    vault = clients(emulator, ["Key Vault Secrets User", "/vault/secrets/mine"]).vault
    emulator.admin("PUT", "secrets/mine", {"value": "x"})
    emulator.admin("PUT", "secrets/other", {"value": "y"})
    assert vault.get_secret("mine").value == "x"
    for attempt in (lambda: vault.get_secret("other"), lambda: vault.set_secret("mine", "z")):
        with pytest.raises(HttpResponseError) as caught:
            attempt()
        assert caught.value.status_code == 403


def test_the_vault_renews_an_expired_token(emulator, clients):
    vault = clients(emulator, ["Key Vault Secrets User", "/"]).vault
    emulator.admin("PUT", "secrets/mine", {"value": "x"})
    emulator.admin("PUT", "tokens", {"lifetime": 1.5})
    assert vault.get_secret("mine").value == "x"
    time.sleep(1.7)
    assert vault.get_secret("mine").value == "x"


def test_an_unknown_identity_gets_no_token(emulator, app_environment):
    app_environment(emulator)
    with (
        ManagedIdentityCredential(client_id="00000000-0000-0000-0000-00000000dead") as credential,
        pytest.raises((ClientAuthenticationError, CredentialUnavailableError)),
    ):
        credential.get_token(ARM_SCOPE)
