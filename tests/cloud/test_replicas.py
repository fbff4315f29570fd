"""Replicas, links, failover groups and dedicated SQL pools, as the real SDK reads them from the emulated Azure."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from holdfast.cloud.databases import SqlServers
from holdfast.model.errors import Forbidden
from holdfast.model.source import Source


@pytest.fixture(scope="module", autouse=True)
def linked(emulator):  # type: ignore[no-untyped-def]
    """A database with a geo-secondary, and two instances in a failover group."""
    for server, role, other, secondary in (("gold", "Primary", "silver", {}), ("silver", "Secondary", "gold", "Geo")):
        emulator.place(f"{emulator.servers}/{server}", region="westeurope" if role == "Primary" else "northeurope")
        database = emulator.place(f"{emulator.servers}/{server}/databases/sales")
        emulator.place(database, properties={"secondaryType": secondary} if secondary else {})
        emulator.place(
            f"{database}/replicationLinks/11111111-0000-4000-8000-000000000001",
            properties={"partnerServer": other, "partnerDatabase": "sales", "role": role, "linkType": "GEO"},
        )
        emulator.place(f"{emulator.servers}/{server}/databases/alone")
    pair = {
        "primaryManagedInstanceId": f"{emulator.instances}/mi-first",
        "partnerManagedInstanceId": f"{emulator.instances}/mi-second",
    }
    for name, region, role in (("mi-first", "westeurope", "Primary"), ("mi-second", "northeurope", "Secondary")):
        emulator.place(f"{emulator.instances}/{name}", region=region)
        emulator.place(f"{emulator.instances}/{name}/databases/people", region=region)
        emulator.place(
            f"{emulator.group}/providers/Microsoft.Sql/locations/{region}/instanceFailoverGroups/both",
            region=region,
            properties={"replicationRole": role, "managedInstancePairs": [pair]},
        )


def by_name(servers: SqlServers) -> Mapping[str, Source]:
    return {s.name: s for s in servers.list_sources()}


def test_a_secondary_says_so_and_goes_by_its_resource_id(servers: SqlServers) -> None:
    found = by_name(servers)
    assert found["gold/sales"].secondary is None
    assert found["silver/sales"].secondary == "Geo"
    assert found["silver/sales"].identity == found["silver/sales"].resource_id.lower()
    assert found["gold/sales"].identity == (found["gold/sales"].database_guid or "").lower()
    assert found["gold/sales"].made_at is not None


def test_the_partners_of_a_database_are_named_and_of_one_without_a_link_there_are_none(servers: SqlServers) -> None:
    found = by_name(servers)
    asked = [found["gold/sales"], found["gold/alone"]]
    assert servers.partners(asked) == {asked[0].identity: {"silver/sales"}, asked[1].identity: set()}
    assert servers.partners([]) == {}


def test_databases_of_the_secondary_instance_of_a_group_are_replicas(servers: SqlServers) -> None:
    found = by_name(servers)
    assert found["mi-first/people"].secondary is None
    assert found["mi-second/people"].secondary == "Failover group"
    assert servers.find_source("mi-second/people").secondary == "Failover group"
    first = found["mi-first/people"]
    assert servers.partners([first]) == {first.identity: {"mi-second/people"}}


def test_a_dedicated_sql_pool_is_listed_and_says_why_it_cannot_be_exported(servers: SqlServers, azure) -> None:  # type: ignore[no-untyped-def]
    """Not skipped in silence."""
    pool = azure.place(f"{azure.servers}/gold/databases/pool", sku={"name": "DW100c", "tier": "DataWarehouse"})
    assert "BACPAC" in (servers.get_source(pool).unfit or "")
    assert by_name(servers)["gold/alone"].unfit is None


def test_links_that_may_not_be_read_name_the_right(servers: SqlServers, azure) -> None:  # type: ignore[no-untyped-def]
    source = servers.find_source("gold/sales")
    principal, action = azure.identity["principal_id"], "Microsoft.Sql/servers/replicationLinks/read"
    denial = azure.admin("POST", "withdrawals", {"principal_id": principal, "action": action, "scope": "/"})["id"]
    try:
        with pytest.raises(Forbidden) as raised:
            servers.partners([source])
    finally:
        azure.admin("DELETE", f"withdrawals/{denial}")
    assert action in raised.value.help
