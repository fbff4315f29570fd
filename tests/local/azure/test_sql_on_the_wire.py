"""SQL servers, instances and their databases, through the real azure-mgmt-sql."""

import time
from datetime import UTC, datetime, timedelta

import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError

RG = "holdfast"


def copy_of(servers, name="orders", **more):
    properties = {"createMode": "Copy", "sourceDatabaseId": f"{servers}/shop/databases/{name}"}
    return {"location": "westeurope", "properties": properties, **more}


def no_wait(client, group, server, name, body):
    client.begin_create_or_update(group, server, name, body, polling=False)


def test_servers_and_databases_come_page_by_page_with_master(emulator, clients):
    emulator.put_world()
    sql = clients(emulator).sql
    assert [s.name for s in sql.servers.list()] == ["shop", "staging"]
    assert [s.name for s in sql.servers.list_by_resource_group(RG)] == ["shop", "staging"]
    assert {d.name for d in sql.databases.list_by_server(RG, "shop")} == {"master", "orders", "people"}
    assert "system" in sql.databases.get(RG, "shop", "master").kind
    assert sql.servers.get(RG, "SHOP").fully_qualified_domain_name == "shop.database.windows.net"
    pages = [r for r in emulator.admin("GET", "requests") if r["path"].endswith("shop/databases")]
    assert len(pages) == 2
    assert pages[0]["api_version"] == "2025-01-01"


def test_a_copy_goes_online_and_keeps_its_tags(emulator, clients):
    servers, _ = emulator.put_world()
    sql = clients(emulator).sql
    body = copy_of(servers, tags={"holdfast": "x"})
    made = sql.databases.begin_create_or_update(RG, "staging", "copy", body).result()
    assert (made.status, made.tags, made.name) == ("Online", {"holdfast": "x"}, "copy")
    assert made.database_id != sql.databases.get(RG, "shop", "orders").database_id


def test_time_and_not_polls_moves_a_copy_on(slow, clients):
    """Absent for 36 s, Copying until 76 s, Online then, however often one looks (recordings.md 2.1)."""
    servers, _ = slow.put_world()
    databases = clients(slow).sql.databases
    no_wait(databases, RG, "staging", "copy", copy_of(servers))
    for _ in range(5):
        with pytest.raises(ResourceNotFoundError) as caught:
            databases.get(RG, "staging", "copy")
        assert caught.value.error.code == "ResourceNotFound"
    slow.clock.advance(40)
    assert databases.get(RG, "staging", "copy").status == "Copying"
    assert "copy" in [d.name for d in databases.list_by_server(RG, "staging")]
    slow.clock.advance(33)
    assert databases.get(RG, "staging", "copy").status == "Copying"
    slow.clock.advance(4)
    assert databases.get(RG, "staging", "copy").status == "Online"


def test_an_operation_outlives_a_restart_of_the_emulator(tmp_path, start, clients):
    with start(tmp_path / "azure") as first:
        servers, _ = first.put_world()
        no_wait(clients(first).sql.databases, RG, "staging", "copy", copy_of(servers))
        clock = first.clock
    clock.advance(80)
    with start(tmp_path / "azure", clock=clock) as second:
        assert clients(second).sql.databases.get(RG, "staging", "copy").status == "Online"


def test_the_accept_of_a_copy_looks_as_recorded(slow, clients):
    servers, _ = slow.put_world()
    clients(slow)
    token = slow.token(slow.make_app()["client_id"])
    path = f"{servers}/staging/databases/copy"
    accepted = slow.call("PUT", path, token, copy_of(servers))
    assert accepted.status_code == 202
    assert list(accepted.json()) == ["operation", "startTime"]
    assert accepted.json()["operation"] == "CreateDatabaseAsCopy"
    assert accepted.headers["Retry-After"] == "15"
    poll = accepted.headers["Azure-AsyncOperation"]
    assert "/locations/westeurope/databaseAzureAsyncOperation/" in poll
    assert "/resourceGroups/holdfast/" in poll
    assert "/databaseOperationResults/" in accepted.headers["Location"]
    assert 3000 < len(poll) < 4500
    first = slow.call("GET", poll, token)
    assert list(first.json()) == ["name", "status", "startTime"]
    assert (first.json()["status"], first.headers["Retry-After"]) == ("InProgress", "15")
    assert slow.call("GET", accepted.headers["Location"], token).status_code == 202
    slow.clock.advance(77)
    done = slow.call("GET", poll, token)
    assert (done.json()["status"], done.headers["Retry-After"]) == ("Succeeded", "15")
    assert slow.call("GET", accepted.headers["Location"], token).json()["name"] == "copy"
    assert slow.call("GET", poll.replace("&s=", "&s=A"), token).status_code == 403


def test_a_copy_never_replaces_a_database(emulator, clients):
    servers, _ = emulator.put_world()
    databases = clients(emulator).sql.databases
    no_wait(databases, RG, "staging", "copy", copy_of(servers))
    with pytest.raises(ResourceExistsError):
        no_wait(databases, RG, "staging", "COPY", copy_of(servers, "people"))
    with pytest.raises(ResourceNotFoundError):
        no_wait(databases, RG, "staging", "other", copy_of(servers, "no-such-database"))
    with pytest.raises(ResourceNotFoundError):
        no_wait(databases, RG, "no-such-server", "other", copy_of(servers))


def test_a_failing_operation_says_its_code_and_leaves_nothing_or_something_broken(emulator, clients):
    servers, _ = emulator.put_world()
    databases = clients(emulator).sql.databases
    fault = {"mode": "operation", "method": "PUT", "path": "/databases/gone$", "code": "CopyFailed"}
    emulator.admin("POST", "faults", fault)
    emulator.admin("POST", "faults", {**fault, "path": "/databases/broken$", "leaves": "broken"})
    for name in ("gone", "broken"):
        with pytest.raises(HttpResponseError) as caught:
            databases.begin_create_or_update(RG, "staging", name, copy_of(servers)).result()
        assert caught.value.error.code == "CopyFailed"
    with pytest.raises(ResourceNotFoundError):
        databases.get(RG, "staging", "gone")
    assert databases.get(RG, "staging", "broken").status == "Suspect"
    assert emulator.admin("GET", "faults") == []


def test_a_deletion_is_accepted_twice_and_answers_204_for_what_never_was(emulator, clients):
    emulator.put_world()
    databases = clients(emulator).sql.databases
    assert databases.begin_delete(RG, "shop", "orders").result() is None
    with pytest.raises(ResourceNotFoundError):
        databases.get(RG, "shop", "orders")
    databases.begin_delete(RG, "shop", "orders").result()
    databases.begin_delete(RG, "shop", "never-was").result()
    deletes = [r for r in emulator.admin("GET", "requests") if r["method"] == "DELETE"]
    assert [r["status"] for r in deletes] == [202, 202, 204]


def test_a_copy_that_is_dropped_while_it_is_made_does_not_come_back(slow, clients):
    servers, _ = slow.put_world()
    databases = clients(slow).sql.databases
    no_wait(databases, RG, "staging", "copy", copy_of(servers))
    slow.clock.advance(50)
    databases.begin_delete(RG, "staging", "copy", polling=False)
    slow.clock.advance(100)
    with pytest.raises(ResourceNotFoundError):
        databases.get(RG, "staging", "copy")


def test_operations_are_listed_and_one_can_be_cancelled(slow, clients):
    servers, _ = slow.put_world()
    sql = clients(slow, ["Owner", "/"]).sql
    no_wait(sql.databases, RG, "staging", "copy", copy_of(servers))
    slow.clock.advance(40)
    (going,) = sql.database_operations.list_by_database(RG, "staging", "copy")
    assert (going.properties.operation, going.properties.state) == ("CreateDatabaseAsCopy", "InProgress")
    sql.database_operations.cancel(RG, "staging", "copy", going.name)
    with pytest.raises(ResourceNotFoundError):
        sql.databases.get(RG, "staging", "copy")
    slow.clock.advance(40)
    with pytest.raises(ResourceNotFoundError):
        sql.databases.get(RG, "staging", "copy")


def test_a_broken_copy_says_why_in_its_operations(emulator, clients):
    servers, _ = emulator.put_world()
    sql = clients(emulator).sql
    fault = {"mode": "operation", "path": "databases/copy$", "code": "CopyFailed", "message": "why", "leaves": "broken"}
    emulator.admin("POST", "faults", fault)
    no_wait(sql.databases, RG, "staging", "copy", copy_of(servers))
    time.sleep(1)
    (failed,) = sql.database_operations.list_by_database(RG, "staging", "copy")
    assert failed.properties.state == "Failed"
    assert "CopyFailed: why" in failed.properties.error_description


def test_a_rename_keeps_the_database_id(emulator, clients):
    servers, _ = emulator.put_world()
    databases = clients(emulator, ["Owner", "/"]).sql.databases
    before = databases.get(RG, "shop", "orders")
    databases.rename(RG, "shop", "orders", {"id": f"{servers}/shop/databases/sales"})
    after = databases.get(RG, "shop", "sales")
    assert (after.database_id, after.creation_date) == (before.database_id, before.creation_date)
    with pytest.raises(ResourceNotFoundError):
        databases.get(RG, "shop", "orders")


def test_tags_change_by_patch(emulator, clients):
    emulator.put_world()
    databases = clients(emulator).sql.databases
    databases.begin_update(RG, "shop", "orders", {"tags": {"backup": "yes"}}).result()
    assert databases.get(RG, "shop", "orders").tags == {"backup": "yes"}


# --- managed instances ---


def restore_of(instances, moment, name="ledger"):
    source = f"{instances}/mi/databases/{name}"
    properties = {
        "createMode": "PointInTimeRestore",
        "sourceDatabaseId": source,
        "restorePointInTime": moment.isoformat(),
    }
    return {"location": "westeurope", "properties": properties, "tags": {"holdfast-kind": "copy"}}


def test_an_instance_database_can_be_restored_only_after_its_first_backup(slow, clients):
    _, instances = slow.put_world()
    managed = clients(slow).sql.managed_databases
    assert managed.get(RG, "mi", "ledger").earliest_restore_point is None
    with pytest.raises(HttpResponseError) as caught:
        no_wait(managed, RG, "mi", "early", restore_of(instances, slow.clock.now()))
    assert caught.value.status_code == 400
    slow.clock.advance(130)
    earliest = managed.get(RG, "mi", "ledger").earliest_restore_point
    assert earliest is not None
    with pytest.raises(HttpResponseError):
        no_wait(managed, RG, "mi", "early", restore_of(instances, earliest - timedelta(seconds=1)))
    with pytest.raises(HttpResponseError):
        no_wait(managed, RG, "mi", "late", restore_of(instances, slow.clock.now() + timedelta(minutes=1)))
    no_wait(managed, RG, "mi", "copy", restore_of(instances, earliest))
    assert managed.get(RG, "mi", "copy").status == "Restoring"
    slow.clock.advance(101)
    assert managed.get(RG, "mi", "copy").status == "Online"


def test_an_instance_database_is_restored_listed_and_dropped(emulator, clients):
    _, instances = emulator.put_world()
    sql = clients(emulator).sql
    time.sleep(1.3)  # the first backup, at this pace
    made = sql.managed_databases.begin_create_or_update(
        RG, "mi", "copy", restore_of(instances, datetime.now(UTC))
    ).result()
    assert (made.status, made.tags) == ("Online", {"holdfast-kind": "copy"})
    assert [d.name for d in sql.managed_databases.list_by_instance(RG, "mi")] == ["copy", "ledger"]
    sql.managed_databases.begin_delete(RG, "mi", "copy").result()
    assert [d.name for d in sql.managed_databases.list_by_instance(RG, "mi")] == ["ledger"]
    with pytest.raises(ResourceNotFoundError) as caught:
        sql.managed_databases.get(RG, "mi", "copy")
    assert caught.value.error.code == "ResourceNotFound"
    assert [i.name for i in sql.managed_instances.list()] == ["mi"]
    assert sql.managed_instances.get(RG, "mi").fully_qualified_domain_name.startswith("mi.")
