"""Every store under test, by name: memory, a folder, and a container of a real Azurite."""

from __future__ import annotations

import contextlib
import secrets
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


class StoreUnderTest:
    """A store, a way to open it once more, and a way to let its leases end."""

    lease = timedelta(seconds=15)

    def __init__(self, reopen: Callable[[], ObjectStore], pass_time: Callable[[float], None]) -> None:
        self.reopen, self.pass_time = reopen, pass_time
        self.store = reopen()


@pytest.fixture(params=["memory", "folder", "azurite"])
def under_test(request: pytest.FixtureRequest, tmp_path: Path, hand_clock: HandClock) -> Iterator[StoreUnderTest]:
    def move(seconds: float) -> None:
        hand_clock.move(timedelta(seconds=seconds))

    if request.param == "memory":
        memory = MemoryStore(clock=hand_clock)
        yield StoreUnderTest(lambda: memory, move)
        return
    if request.param == "folder":
        url = (tmp_path / "repository").as_uri()
        yield StoreUnderTest(lambda: open_store(url, clock=hand_clock), move)
        return
    url, credential = request.getfixturevalue("azurite_container")()
    opened: list[ObjectStore] = []

    def reopen() -> ObjectStore:
        opened.append(open_store(url, credential=credential, api_version="2025-11-05"))
        return opened[-1]

    yield StoreUnderTest(reopen, time.sleep)
    for store in opened:
        store.close()


@pytest.fixture
def store(under_test: StoreUnderTest) -> ObjectStore:
    return under_test.store
