"""One Azurite for the whole run (starting it takes a second), and a storage front before it for each test module."""

from __future__ import annotations

import ssl
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from azure.core.credentials import AccessToken

from local import azurite, processes
from local.azure import tokens
from local.azure.certificates import ensure_certificates
from local.azure.rights import Rights
from local.azure.state_folder import StateFolder
from local.azurite import Azurite, AzuritePorts, StorageAccount
from local.movable_clock import MovableClock
from local.processes import ProcessRef
from local.storage_front import process
from local.storage_front.config import FrontAccount, FrontConfig
from local.storage_front.roles import define_roles

SUBSCRIPTION = "/subscriptions/00000000-0000-0000-0000-000000000001"
ACCOUNTS = [StorageAccount.make("hfstate"), StorageAccount.make("hfbackup")]
ADMIN_KEY = "admin-key-of-the-tests"


@pytest.fixture(scope="session")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azurite]:
    """Azurite in memory with two accounts."""
    found = azurite.start(ACCOUNTS, folder=None, log=tmp_path_factory.mktemp("azurite") / "azurite.log")
    yield found
    found.stop()


class Identity:
    """A managed identity of the emulated tenant, as an SDK credential."""

    def __init__(self, folder: StateFolder, lifetime: float = 3600) -> None:
        self.principal_id, self.client_id = str(uuid.uuid4()), str(uuid.uuid4())
        self.lifetime, self.audience = lifetime, "https://storage.azure.com"
        self._folder = folder

    def get_token(self, *scopes: str, **kwargs: Any) -> AccessToken:
        """The SDK's protocol."""
        token, expires = tokens.issue(
            self._folder,
            self.audience,
            principal_id=self.principal_id,
            client_id=self.client_id,
            identity_id=f"{SUBSCRIPTION}/identity",
            lifetime=self.lifetime,
        )
        return AccessToken(token, expires)


@dataclass
class FrontWorld:
    """A storage front in its own process, with the tenant that it asks."""

    folder: StateFolder
    rights: Rights
    ports: AzuritePorts
    config: FrontConfig
    clock: MovableClock
    http: httpx.Client
    process: ProcessRef

    def peak_memory(self) -> int:
        """The most memory that the front has held so far, in bytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024

    def url(self, service: str = "blob", account: str = "hfbackup") -> str:
        return f"https://127.0.0.1:{getattr(self.ports, service)}/{account}"

    def options(self) -> dict[str, Any]:
        """Keyword arguments of every SDK client: our authority, and no patience."""
        return {"connection_verify": str(self.folder.ca), "retry_total": 0}

    def identity(self, *roles: tuple[str, str], lifetime: float = 3600) -> Identity:
        """A new identity with roles: (role, account and what is below it, such as `hfbackup` or `hfbackup/c/locks`)."""
        found = Identity(self.folder, lifetime)
        for role, place in roles:
            self.rights.assign(found.principal_id, role, scope(place))
        return found

    def fault(self, **fields: Any) -> None:
        """Asks for a fault."""
        self.http.post("/.local/faults", json=fields).raise_for_status()


def account_id(name: str) -> str:
    return f"{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/{name}"


def scope(place: str) -> str:
    account, _, rest = place.partition("/")
    container, _, path = rest.partition("/")
    found = account_id(account)
    if container:
        found += f"/blobServices/default/containers/{container}"
    return f"{found}/blobs/{path}" if path else found


@pytest.fixture(scope="module")
def front(storage: Azurite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FrontWorld]:
    """A storage front over https; its clock can be moved."""
    root = tmp_path_factory.mktemp("front")
    folder = StateFolder(root / "azure").prepare()
    ensure_certificates(folder)
    tokens.ensure_signing_key(folder)
    rights = Rights(folder.root)
    define_roles(rights)
    clock = MovableClock(root / "clock.json")
    config = FrontConfig(
        azure_state=folder.root,
        accounts=[FrontAccount(name=a.name, key=a.key, resource_id=account_id(a.name)) for a in ACCOUNTS],
        upstream=storage.ports,
        admin_key=ADMIN_KEY,
        pending_file=root / "pending.sqlite",
        ready_file=root / "ready.json",
        clock_file=clock.file,
    )
    running, ports = process.start(config, root / "config.json", log=root / "front.log")
    url = f"https://127.0.0.1:{ports.blob}"
    with httpx.Client(
        base_url=url, verify=ssl.create_default_context(cafile=folder.ca), headers={"x-local-key": ADMIN_KEY}
    ) as http:
        yield FrontWorld(folder, rights, ports, config, clock, http, running)
    processes.stop(running)
    assert "Traceback" not in (root / "front.log").read_text()


@pytest.fixture
def container() -> str:
    """A container name that no other test has."""
    return f"c{uuid.uuid4().hex[:12]}"
