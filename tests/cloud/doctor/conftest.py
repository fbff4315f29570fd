"""An installation in which nothing is wrong: the emulated Azure, a storage front on Azurite that asks its rights."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from holdfast.cloud.clients import Clients, credential
from holdfast.cloud.databases import SqlServers
from holdfast.cloud.doctor import Doctor
from holdfast.model.diagnosis import Diagnosis
from holdfast.model.policy import Policy, policy_from
from holdfast.settings import RegionProfile, RepositorySettings, Settings, WorkerProfile
from local import azurite, processes
from local.azure.rights import Rights
from local.azurite import StorageAccount
from local.azurite_setup import AzuriteMissing
from local.storage_front import process, roles
from local.storage_front.config import FrontAccount, FrontConfig

SUBSCRIPTION = "/subscriptions/00000000-0000-0000-0000-000000000001"
_GROUP = f"{SUBSCRIPTION}/resourceGroups/holdfast"
_ACCOUNTS = [StorageAccount.make("hfstate"), StorageAccount.make("hfbackup")]


def account(name: str, container: str = "") -> str:
    """Resource id of an account or a container."""
    found = f"{_GROUP}/providers/Microsoft.Storage/storageAccounts/{name}"
    return f"{found}/blobServices/default/containers/{container}" if container else found


class World:
    """One installation, its identities and what a test may take away from it."""

    def __init__(self, azure: Any, blob: int, queue: int, table: int) -> None:
        self.azure = azure
        self.blob, self.queue, self.table = (f"https://127.0.0.1:{port}" for port in (blob, queue, table))
        self.principals: dict[str, str] = {}
        self.clients_of: dict[str, str] = {}
        self.ids: dict[str, str] = {}

    def identity(self, name: str, *given: tuple[str, str], app: bool = False) -> None:
        """Makes an identity with (role, scope) pairs."""
        body = {"name": f"doctor-{name}", "app": app, "roles": given}
        found = self.azure.admin("POST", "identities", body)
        self.principals[name], self.ids[name] = found["principal_id"], found["id"]
        self.clients_of[name] = found["client_id"]

    @contextmanager
    def without(self, who: str, action: str, scope: str = "/") -> Iterator[None]:
        """While one right is gone."""
        given = {"principal_id": self.principals[who], "action": action, "scope": scope}
        denial = self.azure.admin("POST", "withdrawals", given)["id"]
        try:
            yield
        finally:
            self.azure.admin("DELETE", f"withdrawals/{denial}")

    @contextmanager
    def also(self, who: str, role: str, scope: str) -> Iterator[None]:
        """While an identity has one role more."""
        given = {"principal_id": self.principals[who], "role": role, "scope": scope}
        added = self.azure.admin("POST", "assignments", given)["id"]
        try:
            yield
        finally:
            self.azure.admin("DELETE", f"assignments/{added}")

    def settings(self, **more: Any) -> Settings:
        """The settings of the app."""
        place = RegionProfile(size="Standard_D2ds_v5", resource_group="holdfast", subnet=self.azure.subnet)
        profile = WorkerProfile(
            regions={"westeurope": place},
            writer_identity=self.ids["writer"],
            writer_client_id=self.clients_of["writer"],
            maintainer_identity=self.ids["maintainer"],
            maintainer_client_id=self.clients_of["maintainer"],
        )
        repository = RepositorySettings(
            url=f"{self.blob}/hfbackup/backups",
            region="westeurope",
            password_secret=f"{self.azure.url}/secrets/doctor",
        )
        software = f"{self.blob}/hfstate/software"
        given: dict[str, Any] = {
            "subscriptions": [SUBSCRIPTION.rpartition("/")[2]],
            "arm_endpoint": self.azure.url,
            "identity_client_id": self.clients_of["app"],
            "blob_endpoint": f"{self.blob}/hfstate",
            "queue_endpoint": f"{self.queue}/hfstate",
            "table_endpoint": f"{self.table}/hfstate",
            "repositories": {"default": repository},
            "worker_profiles": {"standard": profile},
            "worker_bundle_url": f"{software}/bundle.tar.gz",
            "worker_bundle_sha256": "0",
            "sqlpackage_url": f"{software}/sqlpackage.zip",
            "sqlpackage_sha256": "0",
        }
        return Settings(**{**given, **more})


@pytest.fixture(scope="module")
def _world(emulator: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    root: Path = tmp_path_factory.mktemp("doctor")
    try:
        storage = azurite.start(_ACCOUNTS, folder=None, log=root / "azurite.log")
    except AzuriteMissing as missing:
        pytest.skip(f"{missing}; run `make setup`")
    roles.define_roles(Rights(emulator.folder))
    config = FrontConfig(
        azure_state=emulator.folder,
        accounts=[FrontAccount(name=a.name, key=a.key, resource_id=account(a.name)) for a in _ACCOUNTS],
        upstream=storage.ports,
        admin_key="of-the-tests",
        pending_file=root / "pending.sqlite",
        ready_file=root / "ready.json",
        clock_file=None,
    )
    running, ports = process.start(config, root / "config.json", log=root / "front.log")
    world = World(emulator, ports.blob, ports.queue, ports.table)
    for name, (url, blobs) in {
        "hfstate": (storage.connection_string(_ACCOUNTS[0]), ("jobs", "catalog", "exports", "software")),
        "hfbackup": (storage.connection_string(_ACCOUNTS[1]), ("backups",)),
    }.items():
        with (
            BlobServiceClient.from_connection_string(url) as service,
            QueueServiceClient.from_connection_string(url) as q,
        ):
            for container in blobs:
                service.create_container(container)
            if name == "hfstate":
                q.create_queue("events")
                for blob in ("bundle.tar.gz", "sqlpackage.zip"):
                    service.get_blob_client("software", blob).upload_blob(b"x")
            else:
                service.get_blob_client("backups", "repository.json").upload_blob(b"{}")
    backups, jobs = account("hfbackup", "backups"), account("hfstate", "jobs")
    world.identity(
        "app",
        ("Holdfast App", SUBSCRIPTION),
        (roles.BLOB_OWNER.name, account("hfstate")),
        (roles.QUEUE_CONTRIBUTOR.name, account("hfstate")),
        (roles.TABLE_CONTRIBUTOR.name, account("hfstate")),
        (roles.BLOB_READER.name, backups),
        ("Key Vault Secrets User", "/vault/secrets"),
        app=True,
    )
    locker = (roles.REPOSITORY_LOCKER.name, f"{backups}/blobs/locks")
    world.identity("writer", (roles.REPOSITORY_WRITER.name, backups), locker, (roles.JOB_WRITER.name, jobs))
    world.identity("maintainer", (roles.REPOSITORY_MAINTAINER.name, backups), locker)
    emulator.admin("PUT", "secrets/doctor", {"value": "a password"})
    emulator.place(f"{emulator.servers}/doctor-stage")
    emulator.place(f"{emulator.instances}/doctor-mi")
    emulator.place(f"{emulator.servers}/doctor-sql")
    emulator.place(f"{emulator.servers}/doctor-sql/databases/sales")
    yield world
    processes.stop(running)
    storage.stop()


@pytest.fixture
def world(_world: World, azure: Any) -> World:
    """The installation, with the app's environment around the test."""
    return _world


@pytest.fixture
def policy(world: World) -> Policy:
    """A policy that needs everything."""
    return policy_from(
        {
            "name": "p",
            "select": {"servers": ["doctor-sql"]},
            "staging": {
                "sql_server": f"{world.azure.servers}/doctor-stage",
                "managed_instance": f"{world.azure.instances}/doctor-mi",
            },
        }
    )


@pytest.fixture
def examine(world: World, policy: Policy) -> Iterator[Callable[..., list[Diagnosis]]]:
    """Asks the doctor; settings and policies may be others."""
    with credential(world.clients_of["app"]) as identity:  # type: ignore[attr-defined]

        def ask(*policies: Policy, **more: Any) -> list[Diagnosis]:
            settings = world.settings(**more)
            clients = Clients(settings, identity)
            found = Doctor(settings, clients, SqlServers(clients), identity).examine(list(policies) or [policy])
            clients.close()
            return found

        yield ask


Taken = Callable[[World], AbstractContextManager[None]]
