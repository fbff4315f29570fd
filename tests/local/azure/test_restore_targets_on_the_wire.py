"""What a restore asks of Azure: empty databases, new names, pools, locks; through the real azure-mgmt-sql."""

import pytest
from azure.core.exceptions import HttpResponseError
from azure.core.rest import HttpRequest
from azure.mgmt.sql.models import ResourceMoveDefinition

RG = "holdfast"


def empty(**more):
    return {"location": "westeurope", "properties": {}, **more}


def code_of(call):
    with pytest.raises(HttpResponseError) as caught:
        call()
    return caught.value.error.code


def test_an_empty_database_is_made_as_it_was_asked_for(emulator, clients):
    emulator.put_world()
    databases = clients(emulator).sql.databases
    body = empty(
        tags={"holdfast": "x"},
        sku={"name": "BC_Gen5", "tier": "BusinessCritical", "family": "Gen5", "capacity": 4},
        properties={
            "collation": "Latin1_General_CI_AS",
            "maxSizeBytes": 64 << 30,
            "requestedBackupStorageRedundancy": "Local",
        },
    )
    made = databases.begin_create_or_update(RG, "shop", "new", body).result()
    assert (made.status, made.collation, made.max_size_bytes) == ("Online", "Latin1_General_CI_AS", 64 << 30)
    assert (made.requested_service_objective_name, made.tags) == ("BC_Gen5_4", {"holdfast": "x"})
    assert made.current_backup_storage_redundancy == "Local"


def test_a_pool_takes_databases_of_its_own_server_only(emulator, clients):
    servers, _ = emulator.put_world()
    pool = f"{servers}/shop/elasticPools/pool1"
    sku = {"name": "GP_Gen5", "tier": "GeneralPurpose", "capacity": 2}
    emulator.admin("PUT", "resources", {"id": pool, "sku": sku})
    sql = clients(emulator).sql
    assert [found.name for found in sql.elastic_pools.list_by_server(RG, "shop")] == ["pool1"]
    assert sql.elastic_pools.get(RG, "shop", "pool1").sku.capacity == 2
    body = empty(properties={"elasticPoolId": pool})
    made = sql.databases.begin_create_or_update(RG, "shop", "pooled", body).result()
    assert (made.elastic_pool_id, made.sku.name) == (pool, "ElasticPool")
    call = lambda: sql.databases.begin_create_or_update(RG, "staging", "pooled", body).result()  # noqa: E731
    assert code_of(call) == "TargetElasticPoolDoesNotExist"


def test_a_tier_does_not_take_a_size_that_it_cannot_hold(emulator, clients):
    emulator.put_world()
    databases = clients(emulator).sql.databases
    body = empty(sku={"name": "Basic", "tier": "Basic", "capacity": 5}, properties={"maxSizeBytes": 64 << 30})
    assert code_of(lambda: databases.begin_create_or_update(RG, "shop", "n", body)) == "InvalidMaxSizeTierCombination"


def test_a_rename_keeps_the_database_and_overwrites_none(emulator, clients):
    servers, _ = emulator.put_world()
    databases = clients(emulator).sql.databases
    before = databases.get(RG, "shop", "orders")
    move = ResourceMoveDefinition(id=f"{servers}/shop/databases/aside")
    databases.rename(RG, "shop", "orders", move)
    after = databases.get(RG, "shop", "aside")
    assert (after.database_id, after.creation_date) == (before.database_id, before.creation_date)
    taken = ResourceMoveDefinition(id=f"{servers}/shop/databases/people")
    assert code_of(lambda: databases.rename(RG, "shop", "aside", taken)) == "DatabaseAlreadyExists"


def test_no_rename_with_a_replica_or_a_lock_and_no_deletion_under_one(emulator, clients):
    servers, _ = emulator.put_world()
    orders = f"{servers}/shop/databases/orders"
    sql = clients(emulator).sql
    move = ResourceMoveDefinition(id=f"{servers}/shop/databases/aside")
    link = {"id": f"{orders}/replicationLinks/l1", "properties": {"partnerServer": "other"}}
    emulator.admin("PUT", "resources", link)
    assert code_of(lambda: sql.databases.rename(RG, "shop", "orders", move)) == "DatabaseInGeoReplication"

    people = f"{servers}/shop/databases/people"
    lock = {"id": f"{people}/providers/Microsoft.Authorization/locks/keep", "properties": {"level": "CanNotDelete"}}
    emulator.admin("PUT", "resources", lock)
    assert code_of(lambda: sql.databases.begin_delete(RG, "shop", "people").result()) == "ScopeLocked"
    frozen = {"id": f"{servers}/shop/providers/Microsoft.Authorization/locks/all", "properties": {"level": "ReadOnly"}}
    emulator.admin("PUT", "resources", frozen)
    assert code_of(lambda: sql.databases.begin_create_or_update(RG, "shop", "n", empty())) == "ScopeLocked"
    scope = orders.split("/resourceGroups/", maxsplit=1)[0]
    url = f"{scope}/providers/Microsoft.Authorization/locks?api-version=2016-09-01"
    listed = sql.send_request(HttpRequest("GET", url)).json()["value"]
    assert [(one["name"], one["properties"]["level"]) for one in listed] == [
        ("keep", "CanNotDelete"),
        ("all", "ReadOnly"),
    ]
