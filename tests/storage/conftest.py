"""Every store under test, by name: memory, a folder, a container of a real Azurite, and one with version-level immutability.

The last lies behind the storage front, which answers for Azure what Azurite does not know.
"""

from __future__ import annotations

import contextlib
import secrets
import ssl
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from holdfast.storage import ObjectStore, open_store
from holdfast.storage.memory import MemoryStore


class HandClock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.time = datetime(2026, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    def move(self, by: timedelta) -> None:
        self.time += by


@pytest.fixture
def hand_clock() -> HandClock:
    return HandClock()


@pytest.fixture(scope="session")
def azurite_container(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Any]]:
    """Makes containers in an Azurite of this test run: a function that returns the address and the credential."""
    azurite = pytest.importorskip("local.azurite")
    setup = pytest.importorskip("local.azurite_setup")
    from azure.core.credentials import AzureNamedKeyCredential
    from azure.storage.blob import ContainerClient

    account = azurite.StorageAccount.make("contractaccount")
    try:
        running = azurite.start([account], folder=None, log=tmp_path_factory.mktemp("azurite") / "log")
    except setup.AzuriteMissing as missing:
        pytest.skip(f"no Azurite: {missing}")
    credential = AzureNamedKeyCredential(account.name, account.key)

    def make() -> tuple[str, AzureNamedKeyCredential]:
        url = f"http://127.0.0.1:{running.ports.blob}/{account.name}/c{secrets.token_hex(8)}"
        with contextlib.closing(ContainerClient.from_container_url(url, credential=credential)) as container:
            container.create_container()
        return url, credential

    yield make
    running.stop()


class FrontWorld:
    """A storage front before an Azurite of its own, and what makes containers with version-level immutability in it."""

    account = "hfimmutable"
    account_id = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/hfimmutable"

    def __init__(self, root: Path) -> None:
        azurite = pytest.importorskip("local.azurite")
        from local.azure import tokens
        from local.azure.certificates import ensure_certificates
        from local.azure.rights import Rights
        from local.azure.state_folder import StateFolder
        from local.movable_clock import MovableClock
        from local.storage_front import process
        from local.storage_front.config import FrontAccount, FrontConfig
        from local.storage_front.roles import define_roles

        self.folder = StateFolder(root / "azure").prepare()
        ensure_certificates(self.folder)
        tokens.ensure_signing_key(self.folder)
        self.rights = Rights(self.folder.root)
        define_roles(self.rights)
        self.clock = MovableClock(root / "clock.json")
        account = azurite.StorageAccount.make(self.account)
        self.azurite = azurite.start([account], folder=None, log=root / "azurite.log")
        self.admin_key = secrets.token_hex(8)
        config = FrontConfig(
            azure_state=self.folder.root,
            accounts=[FrontAccount(name=account.name, key=account.key, resource_id=self.account_id)],
            upstream=self.azurite.ports,
            admin_key=self.admin_key,
            pending_file=root / "pending.sqlite",
            ready_file=root / "ready.json",
            clock_file=self.clock.file,
        )
        self.log = root / "front.log"
        self.process, self.ports = process.start(config, root / "config.json", log=self.log)

    def identity(self, *roles: tuple[str, str]) -> Any:
        """A credential with roles, each on a container (or on what is below it)."""
        from azure.core.credentials import AccessToken

        from local.azure import tokens

        principal = secrets.token_hex(8)
        for role, place in roles:
            container, _, path = place.partition("/")
            scope = f"{self.account_id}/blobServices/default/containers/{container}"
            self.rights.assign(principal, role, f"{scope}/blobs/{path}" if path else scope)
        token, expires = tokens.issue(
            self.folder,
            "https://storage.azure.com",
            principal_id=principal,
            client_id=principal,
            identity_id="/subscriptions/s/identity",
            lifetime=3600,
        )

        class Identity:
            def get_token(self, *scopes: str, **kwargs: Any) -> AccessToken:
                return AccessToken(token, expires)

        return Identity()

    def open(self, container: str, credential: Any) -> ObjectStore:
        url = f"https://127.0.0.1:{self.ports.blob}/{self.account}/{container}"
        ca = str(self.folder.ca)
        return open_store(url, credential=credential, clock=self.clock, connection_verify=ca, retry_total=0)

    def container(self) -> str:
        """A new container with version-level immutability."""
        import httpx
        from azure.storage.blob import ContainerClient

        name = f"c{secrets.token_hex(8)}"
        url = f"https://127.0.0.1:{self.ports.blob}"
        owner = self.identity(("Storage Blob Data Owner", name))
        with contextlib.closing(
            ContainerClient(f"{url}/{self.account}", name, credential=owner, connection_verify=str(self.folder.ca))
        ) as client:
            client.create_container()
        tls = ssl.create_default_context(cafile=self.folder.ca)
        place = {"account": self.account, "container": name}
        httpx.post(
            f"{url}/.local/immutability", json=place, headers={"x-local-key": self.admin_key}, verify=tls
        ).raise_for_status()
        return name

    def stop(self) -> None:
        from local import processes

        processes.stop(self.process)
        self.azurite.stop()
        assert "Traceback" not in self.log.read_text()


@pytest.fixture(scope="session")
def front_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FrontWorld]:
    setup = pytest.importorskip("local.azurite_setup")
    try:
        world = FrontWorld(tmp_path_factory.mktemp("front"))
    except setup.AzuriteMissing as missing:
        pytest.skip(f"no Azurite: {missing}")
    yield world
    world.stop()


class StoreUnderTest:
    """A store, a way to open it once more, a way to let its leases end, and the clock that its locks go by."""

    lease = timedelta(seconds=15)

    def __init__(
        self, reopen: Callable[[], ObjectStore], pass_time: Callable[[float], None], clock: Any, advance: Any
    ) -> None:
        self.reopen, self.pass_time, self.clock = reopen, pass_time, clock
        self.advance: Callable[[timedelta], object] = advance
        self.store = reopen()


@pytest.fixture(params=["memory", "folder", "azurite", "immutable"])
def under_test(request: pytest.FixtureRequest, tmp_path: Path, hand_clock: HandClock) -> Iterator[StoreUnderTest]:
    def move(seconds: float) -> None:
        hand_clock.move(timedelta(seconds=seconds))

    if request.param == "memory":
        memory = MemoryStore(clock=hand_clock)
        yield StoreUnderTest(lambda: memory, move, hand_clock, hand_clock.move)
        return
    if request.param == "folder":
        url = (tmp_path / "repository").as_uri()
        yield StoreUnderTest(lambda: open_store(url, clock=hand_clock), move, hand_clock, hand_clock.move)
        return
    if request.param == "immutable":
        world: FrontWorld = request.getfixturevalue("front_world")
        container = world.container()
        owner = world.identity(("Storage Blob Data Owner", container))
        fronted: list[Any] = [world.open(container, owner)]
        fronted[0].finish_rehydration = lambda: world.clock.advance(timedelta(hours=16))  # it takes hours here, too
        yield StoreUnderTest(lambda: fronted[0], time.sleep, world.clock, world.clock.advance)
        fronted[0].close()
        return
    url, credential = request.getfixturevalue("azurite_container")()
    opened: list[ObjectStore] = []

    def reopen() -> ObjectStore:
        opened.append(open_store(url, credential=credential, api_version="2025-11-05"))
        return opened[-1]

    yield StoreUnderTest(reopen, time.sleep, hand_clock, hand_clock.move)
    for store in opened:
        store.close()


@pytest.fixture
def store(under_test: StoreUnderTest) -> ObjectStore:
    return under_test.store
