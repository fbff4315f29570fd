"""An emulator in a thread of this process, with a clock that tests move and a runner that only remembers."""

import asyncio
import base64
import shutil
import threading
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest
import requests
from azure.identity import ManagedIdentityCredential
from azure.keyvault.secrets import SecretClient
from azure.mgmt.compute import ComputeManagementClient
from azure.mgmt.sql import SqlManagementClient

from local.azure import tokens
from local.azure.certificates import ensure_certificates
from local.azure.seeding import SUBSCRIPTION
from local.azure.server import running
from local.azure.state_folder import StateFolder
from local.azure.world import World

GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/holdfast"
NETWORK = f"{GROUP}/providers/Microsoft.Network/virtualNetworks/net"


class HandClock:
    """The machine's clock, and as much more as a test adds."""

    def __init__(self):
        self.ahead = timedelta()

    def now(self):
        return datetime.now(UTC) + self.ahead

    def advance(self, seconds):
        self.ahead += timedelta(seconds=seconds)


class RememberingRunner:
    """Machines that run only in a set."""

    def __init__(self):
        self.running, self.calls, self.boots = set(), [], []

    def start(self, vm_resource, custom_data, imds_url):
        self.calls.append(("start", vm_resource["name"]))
        self.boots.append((vm_resource, custom_data, imds_url))
        self.running.add(vm_resource["properties"]["vmId"])

    def stop(self, vm_id):
        self.calls.append(("stop", vm_id))
        self.running.discard(vm_id)

    def alive(self, vm_id):
        return vm_id in self.running

    def discard(self, vm_id):
        self.calls.append(("discard", vm_id))
        self.running.discard(vm_id)


class Emulator:
    """A running emulator and the ways to it."""

    group = GROUP

    def __init__(self, root, clock=None, runner=None, **settings):
        self.clock, self.runner = clock or HandClock(), runner or RememberingRunner()
        self.root, self._settings = root, settings
        self._ready = threading.Event()
        self._failure = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        assert self._ready.wait(30)
        if self._failure:
            raise self._failure
        self.folder = StateFolder(self.root)
        self.ca = str(self.folder.ca)
        self.session = requests.Session()
        self.session.verify, self.session.trust_env = self.ca, False  # the environment would win otherwise
        return self

    def __exit__(self, *_):
        self.session.close()
        self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join(30)
        assert not self._thread.is_alive()

    def _run(self):
        asyncio.run(self._serve())

    async def _serve(self):
        self._loop, self._stopped = asyncio.get_running_loop(), asyncio.Event()
        try:
            self.world = World(StateFolder(self.root), clock=self.clock, runner=self.runner, **self._settings)
            async with running(self.world) as (self.port, self.http_port):
                self._ready.set()
                await self._stopped.wait()
        except BaseException as failure:
            self._failure = failure
            raise
        finally:
            self._ready.set()
            self.world.close()

    @property
    def url(self):
        return f"https://127.0.0.1:{self.port}"

    @property
    def http_url(self):
        return f"http://127.0.0.1:{self.http_port}"

    def admin(self, method, path, body=None, expect=200):
        reply = self.session.request(
            method,
            f"{self.url}/_local/{path}",
            json=body,
            headers={"x-local-key": self.folder.admin_key.read_text()},
            timeout=30,
        )
        assert reply.status_code == expect, reply.text
        return reply.json()

    def token(self, client_id, resource="https://management.azure.com"):
        reply = requests.get(
            f"{self.http_url}/msi/token",
            params={"resource": resource, "api-version": "2019-08-01", "client_id": client_id},
            headers={"X-IDENTITY-HEADER": self.folder.identity_header.read_text()},
            timeout=30,
        )
        assert reply.status_code == 200, reply.text
        return reply.json()["access_token"]

    def call(self, method, path, token, body=None, **headers):
        """A bare request to Resource Manager: for shapes that the SDK hides."""
        url = path if path.startswith("https://") else f"{self.url}{path}"
        if "api-version" not in url:
            url += ("&" if "?" in url else "?") + "api-version=2025-01-01"
        headers = {"Authorization": f"Bearer {token}", **headers}
        return self.session.request(method, url, json=body, headers=headers, timeout=30)

    def settled(self):
        """Waits until the runner has been told everything."""
        asyncio.run_coroutine_threadsafe(self.world.machines.settled(), self._loop).result(10)

    def make_app(self, *roles):
        """The app's identity, with the least rights that it needs unless others are named."""
        roles = list(roles) or [["Holdfast App", f"/subscriptions/{SUBSCRIPTION}"]]
        return self.admin("POST", "identities", {"name": "app", "app": True, "roles": roles})

    def make_network(self, region="westeurope"):
        subnet = {"name": "workers", "properties": {"addressPrefix": "10.0.0.0/24"}}
        body = {"id": NETWORK, "location": region, "properties": {"subnets": [subnet]}}
        self.admin("PUT", "resources", body)
        return f"{NETWORK}/subnets/workers"

    def put_world(self):
        """Two servers, an instance and three databases."""
        servers = f"{GROUP}/providers/Microsoft.Sql/servers"
        instances = f"{GROUP}/providers/Microsoft.Sql/managedInstances"
        for resource_id in (
            f"{servers}/shop",
            f"{servers}/staging",
            f"{servers}/shop/databases/orders",
            f"{servers}/shop/databases/people",
            f"{instances}/mi",
            f"{instances}/mi/databases/ledger",
        ):
            self.admin("PUT", "resources", {"id": resource_id, "location": "westeurope"})
        return servers, instances

    def machine(self, subnet, identity=None, custom_data="#cloud-config\n", size="Standard_D2ds_v5", session="s1"):
        """The body that a worker is made with."""
        tags = {"holdfast": "test", "holdfast-kind": "worker", "holdfast-session": session}
        ip = {"name": "ip", "properties": {"primary": True, "subnet": {"id": subnet}}}
        card = {"name": "card", "properties": {"deleteOption": "Delete", "primary": True, "ipConfigurations": [ip]}}
        body = {
            "location": "westeurope",
            "tags": tags,
            "properties": {
                "hardwareProfile": {"vmSize": size},
                "storageProfile": {
                    "imageReference": {
                        "publisher": "Canonical",
                        "offer": "ubuntu-24_04-lts",
                        "sku": "server",
                        "version": "1",
                    },
                    "osDisk": {"createOption": "FromImage", "deleteOption": "Delete"},
                },
                "osProfile": {
                    "computerName": "worker",
                    "adminUsername": "azworker",
                    "customData": base64.b64encode(custom_data.encode()).decode(),
                    "linuxConfiguration": {
                        "disablePasswordAuthentication": True,
                        "ssh": {
                            "publicKeys": [{"path": "/home/azworker/.ssh/authorized_keys", "keyData": "ssh-rsa AAAA"}]
                        },
                    },
                },
                "networkProfile": {"networkApiVersion": "2022-11-01", "networkInterfaceConfigurations": [card]},
            },
        }
        if identity:
            body["identity"] = {"type": "UserAssigned", "userAssignedIdentities": {identity: {}}}
        return body


@pytest.fixture(scope="session")
def keys(tmp_path_factory):
    """Keys and certificates made once: making them takes longer than most tests."""
    folder = StateFolder(tmp_path_factory.mktemp("keys")).prepare()
    ensure_certificates(folder)
    tokens.ensure_signing_key(folder)
    return folder.root


@pytest.fixture(autouse=True)
def ready_keys(tmp_path, keys):
    """Every emulator of these tests finds them."""
    shutil.copytree(keys, tmp_path / "azure")


@pytest.fixture
def emulator(tmp_path):
    with Emulator(tmp_path / "azure", pace=0.01, page_size=2) as found:
        yield found


@pytest.fixture
def start():
    """The class itself, for tests that stop and start one: `with start(folder, pace=…) as emulator`."""
    return Emulator


@pytest.fixture
def slow(tmp_path):
    """An emulator at Azure's own pace, for tests that move the clock by hand."""
    with Emulator(tmp_path / "azure") as found:
        yield found


class Clients:
    """The real SDKs with the real managed identity credential."""

    def __init__(self, emulator, client_id, stack):
        self.credential = stack.enter_context(ManagedIdentityCredential(client_id=client_id))
        arm = {"base_url": emulator.url, "credential_scopes": ["https://management.azure.com/.default"]}
        self.sql = stack.enter_context(SqlManagementClient(self.credential, SUBSCRIPTION, **arm, polling_interval=1))
        self.compute = stack.enter_context(
            ComputeManagementClient(self.credential, SUBSCRIPTION, **arm, polling_interval=1)
        )
        self.vault = stack.enter_context(SecretClient(emulator.url, self.credential))


@pytest.fixture
def app_environment(monkeypatch):
    """Sets the variables that the app is started with."""

    def set_for(emulator):
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{emulator.http_url}/msi/token")
        monkeypatch.setenv("IDENTITY_HEADER", emulator.folder.identity_header.read_text())
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", emulator.ca)
        monkeypatch.setenv("SSL_CERT_FILE", emulator.ca)

    return set_for


@pytest.fixture
def clients(app_environment):
    """Makes clients of an emulator's app identity."""
    with ExitStack() as stack:

        def make(emulator, *roles):
            app_environment(emulator)
            return Clients(emulator, emulator.make_app(*roles)["client_id"], stack)

        yield make
