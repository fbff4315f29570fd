"""Nothing is wrong, and the doctor says so; one thing is taken away, and the doctor names that thing and no other."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from holdfast.cloud.doctor.repositories import DESCRIPTION, container_scope, storage_names
from holdfast.cloud.doctor.state import judged_clock
from holdfast.cloud.doctor.worker_rights import covers
from holdfast.model.diagnosis import Diagnosis
from holdfast.model.policy import policy_from
from holdfast.repository import format as repository_format

from .conftest import SUBSCRIPTION, World, account

Examine = Callable[..., list[Diagnosis]]
_SQL, _VM, _NET = "Microsoft.Sql", "Microsoft.Compute", "Microsoft.Network"
_STORAGE = "Microsoft.Storage/storageAccounts"
_BLOBS = f"{_STORAGE}/blobServices/containers/blobs"


def bad(found: list[Diagnosis]) -> list[Diagnosis]:
    return [one for one in found if one.verdict != "ok"]


def test_where_nothing_is_wrong_everything_is_ok_and_every_kind_was_looked_at(examine: Examine) -> None:
    found = examine()
    assert bad(found) == []
    assert {one.check for one in found} == {
        "sources",
        "settings",
        "regions",
        "staging",
        "network",
        "workers",
        "identities",
        "state",
        "software",
        "clock",
        "repository",
        "vault",
        "writer",
        "maintainer",
    }


@pytest.mark.parametrize(
    ("action", "check", "thing"),
    [
        (f"{_SQL}/servers/databases/write", "staging", "servers/doctor-stage"),
        (f"{_SQL}/servers/databases/delete", "staging", "servers/doctor-stage"),
        (f"{_SQL}/servers/databases/operations/read", "staging", "servers/doctor-stage"),
        (f"{_SQL}/managedInstances/databases/write", "staging", "managedInstances/doctor-mi"),
        (f"{_SQL}/managedInstances/databases/delete", "staging", "managedInstances/doctor-mi"),
        (f"{_VM}/virtualMachines/write", "workers", "resourceGroups/holdfast"),
        (f"{_VM}/virtualMachines/delete", "workers", "resourceGroups/holdfast"),
        (f"{_VM}/virtualMachines/start/action", "workers", "resourceGroups/holdfast"),
        (f"{_VM}/virtualMachines/deallocate/action", "workers", "resourceGroups/holdfast"),
        (f"{_VM}/disks/delete", "workers", "resourceGroups/holdfast"),
        (f"{_NET}/networkInterfaces/join/action", "workers", "resourceGroups/holdfast"),
        (f"{_NET}/virtualNetworks/subnets/join/action", "network", "subnets/workers"),
    ],
)
def test_a_control_plane_right_that_is_gone_is_named_with_the_command_that_gives_it_back(
    world: World, examine: Examine, action: str, check: str, thing: str
) -> None:
    with world.without("app", action):
        (found,) = bad(examine())
    assert (found.check, found.verdict) == (check, "failed")
    assert found.what.endswith(thing)
    assert action in found.why
    client = world.clients_of["app"]
    assert found.mend == f'az role assignment create --assignee {client} --role "Holdfast App" --scope {found.what}'
    assert bad(examine()) == []


def test_an_identity_that_may_not_be_given_to_machines_is_named(world: World, examine: Examine) -> None:
    action = "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action"
    with world.without("app", action, world.ids["writer"]):
        (found,) = bad(examine())
    assert (found.check, found.what) == ("identities", world.ids["writer"])


def test_databases_that_may_not_be_listed_are_named_and_hide_none_of_the_rest(world: World, examine: Examine) -> None:
    with world.without("app", f"{_SQL}/servers/read", SUBSCRIPTION):
        found = {one.check for one in bad(examine())}
    # Who may not read servers sees no staging server either; which is met first depends on what the world holds.
    assert found & {"sources", "staging"}
    assert "state" not in found
    assert "writer" not in found


@pytest.mark.parametrize(
    ("action", "scope", "check", "thing", "role"),
    [
        (f"{_BLOBS}/write", account("hfstate", "jobs"), "state", "container jobs", "Storage Blob Data Contributor"),
        (
            f"{_BLOBS}/delete",
            account("hfstate", "catalog"),
            "state",
            "container catalog",
            "Storage Blob Data Contributor",
        ),
        (
            f"{_BLOBS}/read",
            account("hfstate", "exports"),
            "state",
            "container exports",
            "Storage Blob Data Contributor",
        ),
        (f"{_STORAGE}/queueServices/queues/*", "/", "state", "queue events", "Storage Queue Data Contributor"),
        (f"{_STORAGE}/tableServices/tables/*", "/", "state", "tables", "Storage Table Data Contributor"),
        (f"{_BLOBS}/read", account("hfbackup", "backups"), "repository", "repository default", "Blob Data Reader"),
        ("Microsoft.KeyVault/vaults/secrets/readMetadata/action", "/", "vault", "repository default", "Secrets User"),
    ],
)
def test_a_data_right_of_the_app_that_is_gone_is_found_by_doing_what_the_app_does(
    world: World, examine: Examine, action: str, scope: str, check: str, thing: str, role: str
) -> None:
    taken = [action, f"{_BLOBS}/add/action"] if action.endswith("blobs/write") else [action]
    with world.without("app", taken[0], scope), world.without("app", taken[-1], scope):
        (found,) = bad(examine())
    assert (found.check, found.what, found.verdict) == (check, thing, "failed")
    assert role in found.mend


@pytest.mark.parametrize(
    ("who", "role", "scope", "what"),
    [
        ("writer", "Holdfast Repository Writer", account("hfbackup", "backups"), "writer on hfbackup/backups"),
        ("writer", "Holdfast Job Writer", account("hfstate", "jobs"), "writer on hfstate/jobs"),
        (
            "maintainer",
            "Holdfast Repository Maintainer",
            account("hfbackup", "backups"),
            "maintainer on hfbackup/backups",
        ),
    ],
)
def test_a_worker_identity_without_its_role_is_named(
    world: World, examine: Examine, who: str, role: str, scope: str, what: str
) -> None:
    found = world.azure.admin("GET", "assignments")
    (mine,) = (a for a in found if a["principal_id"] == world.principals[who] and a["role"] == role)
    world.azure.admin("DELETE", f"assignments/{mine['id']}")
    try:
        (one,) = bad(examine())
    finally:
        world.azure.admin("POST", "assignments", {"principal_id": world.principals[who], "role": role, "scope": scope})
    assert (one.check, one.what, one.verdict) == (who, what, "failed")
    assert f'--role "{role}"' in one.mend
    assert world.clients_of[who] in one.mend


def test_a_writer_that_can_delete_is_no_writer(world: World, examine: Examine) -> None:
    with world.also("writer", "Storage Blob Data Owner", account("hfbackup")):
        (found,) = bad(examine())
    assert (found.check, found.verdict) == ("writer", "failed")
    assert "may do what it must not" in found.why
    assert "blobs/delete" in found.why


def test_a_writer_that_can_overwrite_is_a_warning(world: World, examine: Examine) -> None:
    with world.also("writer", "Holdfast Job Writer", account("hfbackup", "backups")):
        (found,) = bad(examine())
    assert (found.check, found.verdict) == ("writer", "warning")


def test_role_assignments_that_may_not_be_read_are_said(world: World, examine: Examine) -> None:
    with world.without("app", "Microsoft.Authorization/roleAssignments/read"):
        found = bad(examine())
    assert {one.check for one in found} == {"writer", "maintainer"}
    assert all("Microsoft.Authorization/roleAssignments/read" in one.mend for one in found)


@pytest.mark.parametrize(
    ("setting", "check", "word"),
    [
        ({"jobs_container": "elsewhere"}, "state", "elsewhere"),
        ({"events_queue": "elsewhere"}, "state", "elsewhere"),
        ({"sqlpackage_url": ""}, "settings", "HOLDFAST_SQLPACKAGE_URL"),
        ({"repositories": {}}, "repository", "HOLDFAST_REPOSITORIES"),
        ({"worker_profiles": {}}, "regions", "HOLDFAST_WORKER_PROFILES"),
    ],
)
def test_a_setting_that_is_missing_or_wrong_is_named(
    examine: Examine, setting: dict[str, Any], check: str, word: str
) -> None:
    found = [one for one in bad(examine(**setting)) if one.check == check]
    assert found
    assert any(word in f"{one.what} {one.mend}" for one in found)


def test_software_that_is_not_there_is_named(world: World, examine: Examine) -> None:
    (found,) = bad(examine(worker_bundle_url=f"{world.blob}/hfstate/software/older.tar.gz"))
    assert (found.check, found.what) == ("software", "worker bundle")
    assert "older.tar.gz" in found.why


def test_a_container_without_a_repository_and_one_that_is_not_there(world: World, examine: Examine) -> None:
    base = world.settings().repositories["default"]
    for place, words in (("hfstate/software", "holds no repository"), ("hfstate/nowhere", "there is no container")):
        other = base.model_copy(update={"url": f"{world.blob}/{place}"})
        found = [one for one in bad(examine(repositories={"default": other})) if one.check == "repository"]
        assert len(found) == 1
        assert words in found[0].why
        assert "holdfast repository init" in found[0].mend


def test_an_immutable_policy_wants_a_container_that_can_lock(examine: Examine, policy: Any) -> None:
    found = bad(examine(policy.model_copy(update={"immutable": True})))
    assert [(one.check, one.verdict) for one in found] == [("repository", "failed")]
    assert "no version-level immutability" in found[0].why
    assert "immutability.md" in found[0].mend


def test_a_region_without_an_entry_in_the_profile_is_named(world: World, examine: Examine) -> None:
    world.azure.place(f"{world.azure.servers}/doctor-north", region="northeurope")
    world.azure.place(f"{world.azure.servers}/doctor-north/databases/far", region="northeurope")
    direct = policy_from({"name": "d", "select": {"servers": ["doctor-north"]}})
    (found,) = bad(examine(direct))
    assert found.check == "regions"
    assert "northeurope" in found.why


def test_a_profile_without_a_maintainer_is_named(world: World, examine: Examine) -> None:
    profile = world.settings().worker_profiles["standard"].model_copy(update={"maintainer_identity": None})
    (found,) = bad(examine(worker_profiles={"standard": profile}))
    assert (found.check, found.what) == ("maintainer", "worker profile standard")


def test_a_secret_that_is_not_there_is_named(world: World, examine: Examine) -> None:
    other = (
        world.settings()
        .repositories["default"]
        .model_copy(update={"password_secret": f"{world.azure.url}/secrets/none"})
    )
    (found,) = bad(examine(repositories={"default": other}))
    assert found.check == "vault"
    assert "secrets/none" in found.why


def test_a_key_is_looked_at_where_the_app_may_and_else_it_is_a_warning(world: World, examine: Examine) -> None:
    world.azure.admin("PUT", "keys/doctor")
    other = (
        world.settings()
        .repositories["default"]
        .model_copy(update={"password_secret": "", "vault_key": f"{world.azure.url}/keys/doctor"})
    )
    (found,) = bad(examine(repositories={"default": other}))
    assert (found.check, found.verdict) == ("vault", "warning")
    with world.also("app", "Key Vault Crypto Service Encryption User", "/vault/keys"):
        assert bad(examine(repositories={"default": other})) == []


@pytest.mark.parametrize(
    ("seconds", "verdict"), [(0, "ok"), (29, "ok"), (-31, "warning"), (301, "failed"), (-4000, "failed")]
)
def test_a_clock_that_is_off_is_told_by_how_much(seconds: int, verdict: str) -> None:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    found = judged_clock(now + timedelta(seconds=seconds), now)
    assert found.verdict == verdict
    assert str(abs(seconds)) in found.why
    assert judged_clock(now, None).verdict == "warning"


def test_scopes_and_addresses_are_read_as_azure_writes_them() -> None:
    container = account("hfbackup", "backups")
    for scope in ("/", SUBSCRIPTION, f"{SUBSCRIPTION}/resourceGroups/rg", account("HFBACKUP"), container.upper()):
        assert covers(scope, "hfbackup", "backups"), scope
    for scope in (
        account("other"),
        account("hfbackup", "other"),
        f"{container}/blobs/locks",
        "/vault/secrets/providers",
    ):
        assert not covers(scope, "hfbackup", "backups"), scope
    assert storage_names("https://hfbackup.blob.core.windows.net/backups") == ("hfbackup", "backups")
    assert storage_names("https://127.0.0.1:1/hfbackup/backups") == ("hfbackup", "backups")
    assert container_scope(account("a"), "https://a.blob.core.windows.net/c") == account("a", "c")
    assert container_scope("", "https://a.blob.core.windows.net/c").startswith("STORAGE_ACCOUNT_ID_OF_a/")


def test_the_object_that_is_looked_for_is_the_repositorys_own() -> None:
    assert DESCRIPTION == repository_format.DESCRIPTION
