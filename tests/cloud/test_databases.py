"""Sources and staging servers, on the emulated Azure."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from holdfast.cloud.databases import SqlServers
from holdfast.cloud.tags import copy_tags
from holdfast.model.errors import (
    Forbidden,
    InvalidInput,
    NoSuchSource,
    NotFound,
    StagingServerUnusable,
    Unavailable,
)
from holdfast.model.source import SourceKind


@pytest.fixture(scope="module", autouse=True)
def shop(emulator):  # type: ignore[no-untyped-def]
    """A server with five databases and an instance with two."""
    for number in range(5):
        emulator.place(f"{emulator.servers}/shop")
        emulator.place(f"{emulator.servers}/shop/databases/Db{number}", tags={"backup": "yes"})
    emulator.place(f"{emulator.instances}/works")
    for name in ("ledger", "people"):
        emulator.place(f"{emulator.instances}/works/databases/{name}")


def test_every_database_is_a_source_and_no_system_database_is(servers: SqlServers) -> None:
    """Across pages, servers and instances."""
    found = {s.name: s for s in servers.list_sources() if s.server in ("shop", "works")}
    assert set(found) == {*(f"shop/Db{n}" for n in range(5)), "works/ledger", "works/people"}
    db = found["shop/Db0"]
    assert (db.kind, db.region, db.status, db.tags) == (
        SourceKind.SQL_DATABASE,
        "westeurope",
        "Online",
        {"backup": "yes"},
    )
    assert db.host.startswith("shop")
    assert db.database_guid
    assert db.max_size_bytes
    assert db.secondary is None
    assert found["works/ledger"].kind is SourceKind.MANAGED_DATABASE
    assert found["works/ledger"].host.startswith("works.")


def test_a_copy_of_ours_is_no_source_but_one_that_only_looks_like_it_is(servers: SqlServers, azure) -> None:  # type: ignore[no-untyped-def]
    """A silent skip of somebody's database must never happen, whatever it is called."""
    tags = copy_tags("elsewhere", "s1", "k1", datetime(2026, 1, 1, tzinfo=UTC))
    azure.place(f"{azure.servers}/other")
    azure.place(f"{azure.servers}/other/databases/hf-000000000000-00000000", tags=tags)
    azure.place(f"{azure.servers}/other/databases/hf-111111111111-11111111")
    names = {s.name for s in servers.list_sources()}
    assert "other/hf-000000000000-00000000" not in names
    assert "other/hf-111111111111-11111111" in names


def test_a_source_is_found_by_its_id_and_by_its_name(servers: SqlServers, azure) -> None:  # type: ignore[no-untyped-def]
    """Without regard to case."""
    by_id = servers.get_source(f"{azure.servers}/shop/databases/Db1")
    assert servers.find_source("SHOP/db1") == by_id
    assert servers.find_source("works/LEDGER").database == "ledger"
    for missing in ("shop/db9", "nowhere/db1", "shop/db1/x", "shop", ""):
        with pytest.raises(NoSuchSource):
            servers.find_source(missing)
    with pytest.raises(NoSuchSource):
        servers.get_source(f"{azure.servers}/nowhere/databases/Db1")
    for other in (f"{azure.servers}/shop", "shop/db1", f"{azure.group}/providers/Microsoft.Compute/virtualMachines/x"):
        with pytest.raises(InvalidInput):
            servers.get_source(other)


def test_a_staging_server_is_of_its_kind_and_ready(servers: SqlServers, azure) -> None:  # type: ignore[no-untyped-def]
    """Anything else is for a person to mend."""
    shop = servers.staging_server(f"{azure.servers}/shop")
    assert (shop.kind, shop.name, shop.region) == (SourceKind.SQL_DATABASE, "shop", "westeurope")
    assert servers.staging_server(f"{azure.instances}/works").kind is SourceKind.MANAGED_DATABASE
    azure.place(f"{azure.instances}/asleep")
    azure.place(f"{azure.instances}/asleep", properties={"state": "Stopped"})
    for unusable in (
        f"{azure.servers}/nowhere",
        f"{azure.instances}/asleep",
        f"{azure.servers}/shop/databases/Db1",
        "shop",
    ):
        with pytest.raises(StagingServerUnusable):
            servers.staging_server(unusable)


def test_a_missing_right_on_one_server_hides_nothing_in_silence(servers: SqlServers, azure) -> None:  # type: ignore[no-untyped-def]
    """The whole list fails and names the right; half a list would be taken for all."""
    action = "Microsoft.Sql/servers/databases/read"
    azure.fault(
        method="GET",
        path="/servers/shop/databases$",
        status=403,
        code="AuthorizationFailed",
        message=f"does not have authorization to perform action '{action}' over scope '/x'",
    )
    with pytest.raises(Forbidden) as raised:
        list(servers.list_sources())
    assert action in raised.value.help


def test_a_subscription_that_does_not_exist_is_not_an_empty_one(servers: SqlServers, azure) -> None:  # type: ignore[no-untyped-def]
    """A slip in the settings must not look like nothing to do."""
    azure.fault(method="GET", path="/providers/Microsoft.Sql/servers$", status=404, code="SubscriptionNotFound")
    with pytest.raises(NotFound, match="SubscriptionNotFound"):
        list(servers.list_sources())


def test_azure_that_goes_on_failing_is_unavailable(servers: SqlServers, azure) -> None:  # type: ignore[no-untyped-def]
    """After the SDK's own retries; not before."""
    azure.fault(method="GET", path="/providers/Microsoft.Sql/servers$", status=503, count=1)
    assert servers.find_source("shop/Db1")
    azure.fault(method="GET", path="/servers/shop/databases/Db1$", status=500, code="InternalServerError", count=-1)
    with pytest.raises(Unavailable):
        servers.get_source(f"{azure.servers}/shop/databases/Db1")
