"""Rights as the real SDK reads them from the emulated Azure: the app's own, and those of other identities."""

from __future__ import annotations

from typing import Any

import pytest

from holdfast.cloud.clients import Clients
from holdfast.cloud.permissions import Permissions
from holdfast.model.errors import Forbidden, NotFound
from holdfast.model.rights import missing, rights_at
from holdfast.model.source import ResourceId

_WRITE = "Microsoft.Sql/servers/databases/write"


@pytest.fixture
def permissions(clients: Clients) -> Permissions:
    return Permissions(clients)


def test_the_apps_own_permissions_at_a_resource_a_child_and_a_group(azure: Any, permissions: Permissions) -> None:
    server = ResourceId.parse(f"{azure.servers}/rights")
    for held in (
        permissions.own_at(server),
        permissions.own_at(ResourceId.parse(azure.subnet)),
        permissions.own_in_group(server.subscription, server.resource_group),
    ):
        assert missing(held, rights_at("staging server", "worker resource group", "subnet")) == []


def test_what_was_taken_away_at_one_place_is_missing_there_alone(azure: Any, permissions: Permissions) -> None:
    here, there = (ResourceId.parse(f"{azure.servers}/{name}") for name in ("rights-a", "rights-b"))
    given = {"principal_id": azure.identity["principal_id"], "action": _WRITE, "scope": str(here)}
    denial = azure.admin("POST", "withdrawals", given)["id"]
    try:
        assert missing(permissions.own_at(here), [_WRITE]) == [_WRITE]
        assert missing(permissions.own_at(there), [_WRITE]) == []
    finally:
        azure.admin("DELETE", f"withdrawals/{denial}")


def test_the_roles_of_another_identity_are_found_above_and_below_the_subscription(
    azure: Any, permissions: Permissions
) -> None:
    scope = f"{azure.servers}/far/databases/below"
    other = azure.admin("POST", "identities", {"name": "other", "roles": [["Reader", "/"], ["Owner", scope]]})
    found = {one.scope.lower(): one for one in permissions.of_identity(other["id"], azure.group.split("/")[2])}
    assert set(found) == {"/", scope.lower()}
    assert found[scope.lower()].grants[0].allows("anything/at/all")
    assert not found["/"].grants[0].allows(_WRITE)
    nobody = azure.admin("POST", "identities", {"name": "nobody"})
    assert permissions.of_identity(nobody["id"], azure.group.split("/")[2]) == []


def test_an_identity_that_is_not_there_is_said(azure: Any, permissions: Permissions) -> None:
    gone = f"{azure.group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/gone"
    with pytest.raises(NotFound):
        permissions.of_identity(gone, azure.group.split("/")[2])


@pytest.mark.parametrize("right", ["permissions/read", "roleAssignments/read", "roleDefinitions/read"])
def test_each_question_takes_its_own_right(azure: Any, permissions: Permissions, right: str) -> None:
    action = f"Microsoft.Authorization/{right}"
    given = {"principal_id": azure.identity["principal_id"], "action": action, "scope": "/"}
    server, subscription = ResourceId.parse(f"{azure.servers}/rights"), azure.group.split("/")[2]

    def ask() -> object:
        if right == "permissions/read":
            return permissions.own_at(server)
        return permissions.of_identity(azure.identity["id"], subscription)

    denial = azure.admin("POST", "withdrawals", given)["id"]
    try:
        with pytest.raises(Forbidden) as raised:
            ask()
    finally:
        azure.admin("DELETE", f"withdrawals/{denial}")
    assert action in raised.value.help
