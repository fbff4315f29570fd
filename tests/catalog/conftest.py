"""A catalog of its own for every test, on a real Azurite."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from azure.data.tables import TableServiceClient
from azure.storage.blob import BlobServiceClient, ContainerClient

from holdfast.catalog import Catalog
from holdfast.catalog.details import Details
from holdfast.catalog.tables import Table
from local.azurite import Azurite, StorageAccount, start
from local.azurite_setup import AzuriteMissing

#: Accounts that one Azurite knows; each test takes the next, so no test sees another's rows.
_ACCOUNTS = 200


class HandClock:
    """Stands still until somebody moves it."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)

    def now(self) -> datetime:
        """The present moment."""
        return self.moment

    def advance(self, **by: float) -> datetime:
        """Moves on."""
        self.moment += timedelta(**by)
        return self.moment


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Azurite, Iterator[StorageAccount]]]:
    """One Azurite and its accounts."""
    accounts = [StorageAccount.make(f"catalog{n}") for n in range(_ACCOUNTS)]
    log = tmp_path_factory.mktemp("azurite") / "azurite.log"
    try:
        running = start(accounts, folder=None, log=Path(log))
    except AzuriteMissing as missing:
        pytest.skip(f"{missing}; run `make setup`")
    yield running, itertools.chain(accounts)
    running.stop()


@pytest.fixture
def connection(azurite: tuple[Azurite, Iterator[StorageAccount]]) -> str:
    """The connection string of an account that nobody used before."""
    running, accounts = azurite
    return running.connection_string(next(accounts))


@pytest.fixture
def service(connection: str) -> Iterator[TableServiceClient]:
    """Tables of that account."""
    with TableServiceClient.from_connection_string(connection) as made:
        yield made


@pytest.fixture
def container(connection: str) -> Iterator[ContainerClient]:
    """The details container of that account, not made yet."""
    with BlobServiceClient.from_connection_string(connection) as made:
        yield made.get_container_client("catalog")


@pytest.fixture
def clock() -> HandClock:
    """A clock for the test to move."""
    return HandClock()


@pytest.fixture
def catalog(service: TableServiceClient, container: ContainerClient, clock: HandClock) -> Catalog:
    """An empty catalog; even its tables are still to be made."""
    return Catalog(service, container, clock)


@pytest.fixture
def table(service: TableServiceClient, container: ContainerClient) -> Table:
    """One table, not made yet."""
    return Table(service, "rows", Details(container), always_away=("details",))
