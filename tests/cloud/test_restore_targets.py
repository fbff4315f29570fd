"""The databases that restores make, on the wire: made, found again, renamed, marked, dropped, and nobody else touched."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from holdfast.cloud import tags as marks
from holdfast.cloud.clients import Clients
from holdfast.cloud.databases import SqlServers
from holdfast.cloud.failures import AzureRefused
from holdfast.cloud.restore_targets import RestoreTargets
from holdfast.model.errors import Conflict, Forbidden, NameTaken
from holdfast.model.restore.plan import RestorePlan, temporary_name

if TYPE_CHECKING:
    from tests.cloud.conftest import Azure

SESSION = "20260301T030000000Z-restore-abcdef"
NOW = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
Until = Callable[[Callable[[], Any], Any], Any]


@pytest.fixture
def targets(clients: Clients) -> RestoreTargets:
    return RestoreTargets(clients)


def plan_on(servers: SqlServers, server_id: str, **more: Any) -> RestorePlan:
    fields: dict[str, Any] = {
        "role": "restorer",
        "point": "p",
        "chain": "c",
        "repository": "default",
        "source": "sql/sales",
        "archived": False,
        "priority": "Standard",
        "target": servers.staging_server(server_id),
        "database": "sales",
        "temporary": temporary_name("sales", SESSION),
        "verify": "counts",
        "created_at": NOW,
        "worker_profile": "standard",
        "worker_region": "westeurope",
        **more,
    }
    return RestorePlan(**fields)


def tags(session: str = SESSION) -> dict[str, str]:
    return marks.restore_tags("test", session, "k", "p")


def made(
    azure: Azure, servers: SqlServers, targets: RestoreTargets, name: str, until: Until, **more: Any
) -> RestorePlan:
    """An empty database on a server of that name, online."""
    azure.place(f"{azure.servers}/{name}")
    plan = plan_on(servers, f"{azure.servers}/{name}", **more)
    operation = targets.create(plan, tags(), {"owner": "anna"})
    assert "AsyncOperation" in operation
    until(lambda: servers.copy_state(plan.temporary_id, operation).state, "ready")
    return plan


def test_a_database_is_made_as_planned_and_found_again(
    azure: Azure, servers: SqlServers, targets: RestoreTargets, until: Until
) -> None:
    more = {"sku": "BC_Gen5_4", "max_size_bytes": 64 << 30, "collation": "Latin1_General_CI_AS", "redundancy": "Local"}
    plan = made(azure, servers, targets, "rt-made", until, **more)
    found = targets.find(plan.temporary_id)
    assert found is not None
    assert found.tags == {"owner": "anna", **tags()}
    source = servers.get_source(plan.temporary_id)
    assert (source.objective, source.max_size_bytes) == ("BC_Gen5_4", 64 << 30)
    assert targets.settings_of(source) == {"collation": "Latin1_General_CI_AS", "redundancy": "Local"}
    assert targets.create(plan, tags(), {}) == "", "asked for twice, it is made once"
    with pytest.raises(NameTaken):
        targets.create(plan, tags("another"), {})


def test_no_policy_selects_what_is_being_restored_or_kept(
    azure: Azure, servers: SqlServers, targets: RestoreTargets, until: Until
) -> None:
    plan = made(azure, servers, targets, "rt-hidden", until)
    azure.place(
        f"{azure.servers}/rt-hidden/databases/old", tags=marks.replaced_tags("test", SESSION, "k", "sales", NOW)
    )
    assert [s.database for s in servers.list_sources() if s.server == "rt-hidden"] == []
    mine = {one.name: one for one in targets.made() if one.name.startswith("rt-hidden/")}
    assert mine[f"rt-hidden/{plan.temporary}"].kind == "restore"
    assert (mine["rt-hidden/old"].kind, mine["rt-hidden/old"].expires_at) == ("replaced", NOW)


def test_it_gets_its_name_and_keeps_its_id(
    azure: Azure, servers: SqlServers, targets: RestoreTargets, until: Until
) -> None:
    plan = made(azure, servers, targets, "rt-named", until)
    before = targets.find(plan.temporary_id)
    targets.rename(plan.temporary_id, "sales")
    after = targets.find(plan.final_id)
    assert before is not None
    assert after is not None
    assert after.guid == before.guid != ""
    assert targets.find(plan.temporary_id) is None
    targets.tag(plan.final_id, {"owner": "anna"})
    until(lambda: getattr(targets.find(plan.final_id), "tags", None), {"owner": "anna"})
    azure.place(f"{azure.servers}/rt-named/databases/other")
    with pytest.raises(NameTaken):
        targets.rename(plan.final_id, "other")


def test_a_database_in_a_pool(azure: Azure, servers: SqlServers, targets: RestoreTargets, until: Until) -> None:
    azure.place(f"{azure.servers}/rt-pool")
    pool = azure.place(f"{azure.servers}/rt-pool/elasticPools/p1", sku={"name": "GP_Gen5", "tier": "GeneralPurpose"})
    assert targets.pool_exists(pool)
    assert not targets.pool_exists(f"{azure.servers}/rt-pool/elasticPools/p2")
    plan = made(azure, servers, targets, "rt-pool", until, pool=pool)
    assert (servers.get_source(plan.temporary_id).elastic_pool or "").lower() == pool.lower()
    missing = plan_on(servers, f"{azure.servers}/rt-pool", pool=f"{pool}x", temporary="other-restore-x")
    with pytest.raises(AzureRefused, match="TargetElasticPoolDoesNotExist"):
        targets.create(missing, tags(), {})


def test_only_what_a_restore_made_is_dropped(
    azure: Azure, servers: SqlServers, targets: RestoreTargets, until: Until
) -> None:
    plan = made(azure, servers, targets, "rt-drop", until)
    theirs = azure.place(f"{azure.servers}/rt-drop/databases/sales", tags=tags())
    for resource_id, must in ((theirs, tags()), (plan.temporary_id, tags("another")), (plan.temporary_id, {})):
        with pytest.raises(NameTaken):
            targets.drop(resource_id, must)
    with pytest.raises(NameTaken):
        targets.discard(azure.place(f"{azure.servers}/rt-drop/databases/people"))
    assert targets.drop(plan.temporary_id, tags())
    until(lambda: targets.find(plan.temporary_id), None)
    assert not targets.drop(plan.temporary_id, tags())
    old = azure.place(
        f"{azure.servers}/rt-drop/databases/old", tags=marks.replaced_tags("test", SESSION, "k", "sales", NOW)
    )
    assert targets.discard(old)
    until(lambda: targets.find(old), None)


def test_what_forbids_a_rename_is_named(azure: Azure, servers: SqlServers, targets: RestoreTargets) -> None:
    for name in ("free", "linked", "locked"):
        azure.place(f"{azure.servers}/rt-hindered")
        azure.place(f"{azure.servers}/rt-hindered/databases/{name}")
    assert targets.hindrances(servers.find_source("rt-hindered/free")) == []
    link = f"{azure.servers}/rt-hindered/databases/linked/replicationLinks/l1"
    azure.place(link, properties={"partnerServer": "far", "partnerDatabase": "linked"})
    (told,) = targets.hindrances(servers.find_source("rt-hindered/linked"))
    assert "far/linked" in told
    lock = f"{azure.servers}/rt-hindered/databases/locked/providers/Microsoft.Authorization/locks/keep"
    azure.place(lock, properties={"level": "CanNotDelete"})
    (told,) = targets.hindrances(servers.find_source("rt-hindered/locked"))
    assert "keep (CanNotDelete)" in told
    assert targets.hindrances(servers.find_source("rt-hindered/free")) == []


def test_on_an_instance(azure: Azure, servers: SqlServers, targets: RestoreTargets, until: Until) -> None:
    instance = azure.place(f"{azure.instances}/rt-mi")
    plan = plan_on(servers, instance, collation="Latin1_General_CI_AS")
    operation = targets.create(plan, tags(), {})
    until(lambda: servers.copy_state(plan.temporary_id, operation).state, "ready")
    found = targets.find(plan.temporary_id)
    assert found is not None
    assert found.tags == tags()
    targets.tag(plan.temporary_id, {"x": "y"})
    until(lambda: getattr(targets.find(plan.temporary_id), "tags", None), {"x": "y"})
    assert targets.servers_named("RT-MI") == [instance]


def test_a_lost_answer_to_a_creation_finds_what_it_made(
    azure: Azure, servers: SqlServers, targets: RestoreTargets, until: Until
) -> None:
    azure.place(f"{azure.servers}/rt-lost")
    plan = plan_on(servers, f"{azure.servers}/rt-lost")
    azure.fault(mode="lose-reply", method="PUT", path=plan.temporary)
    targets.create(plan, tags(), {})
    until(lambda: servers.copy_state(plan.temporary_id).state, "ready")


def test_a_rename_without_the_right_says_which(
    azure: Azure, servers: SqlServers, targets: RestoreTargets, until: Until
) -> None:
    plan = made(azure, servers, targets, "rt-right", until)
    action = "Microsoft.Sql/servers/databases/move/action"
    body = {"principal_id": azure.identity["principal_id"], "action": action, "scope": plan.temporary_id}
    denied = azure.admin("POST", "withdrawals", body)["id"]
    try:
        with pytest.raises(Forbidden) as caught:
            targets.rename(plan.temporary_id, "sales")
        assert action in caught.value.help
    finally:
        azure.admin("DELETE", f"withdrawals/{denied}")
    azure.fault(mode="reply", method="POST", path="/move", status=409, code="ConflictingDatabaseOperation")
    with pytest.raises(Conflict):
        targets.rename(plan.temporary_id, "sales")


def test_what_the_app_may_not_do_there_is_known_beforehand(
    azure: Azure, servers: SqlServers, targets: RestoreTargets
) -> None:
    server_id, instance = azure.place(f"{azure.servers}/rt-rights"), azure.place(f"{azure.instances}/rt-rights-mi")
    server = servers.staging_server(server_id)
    assert targets.lacking(server) == []
    assert targets.lacking(servers.staging_server(instance)) == []
    action = "Microsoft.Sql/servers/databases/move/action"
    body = {"principal_id": azure.identity["principal_id"], "action": action, "scope": server_id}
    denied = azure.admin("POST", "withdrawals", body)["id"]
    try:
        assert targets.lacking(server) == [action]
    finally:
        azure.admin("DELETE", f"withdrawals/{denied}")


def test_tags_tell_what_is_ours_and_what_is_theirs() -> None:
    replaced = marks.replaced_tags("test", SESSION, "k", "sales", NOW + timedelta(days=14))
    assert marks.without_marks({"owner": "anna", **replaced}) == {"owner": "anna"}
