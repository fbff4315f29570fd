"""Storage accounts on the control plane: their settings, blob service, containers and lifecycle policy. Read only."""

from __future__ import annotations

from local.azure.evidence import DOCUMENTED, GUESS
from local.azure.refusals import front_404
from local.azure.replies import Refusal, Reply
from local.azure.world import Ask, Handler, World, route

ACCOUNTS = "Microsoft.Storage/storageAccounts"
SERVICES = f"{ACCOUNTS}/blobServices"
CONTAINERS = f"{SERVICES}/containers"
LIFECYCLES = f"{ACCOUNTS}/managementPolicies"

_SETTINGS = DOCUMENTED(
    "storage account, blob service, container, lifecycle policy: GET",
    "Azure REST API 2023-05-01: Storage Accounts Get Properties, Blob Services Get Service Properties, Blob Containers Get, "
    "Management Policies Get",
    guessed="that default retention of a container with version-level immutability shows as its immutabilityPolicy",
)
_NO_LIFECYCLE = GUESS(
    "404 for an account without lifecycle policy", "code ManagementPolicyNotFound is seen in public issues"
)


def _getter(type_: str) -> Handler:
    def get(world: World, ask: Ask) -> Reply:
        found = world.store.get(ask.path)
        if found is None and type_ == LIFECYCLES:
            text = "No ManagementPolicy found for the account."
            raise Refusal(_NO_LIFECYCLE, 404, "ManagementPolicyNotFound", text)
        if found is None:
            raise front_404(ask.address)
        return Reply(_SETTINGS, 200, {"id": found.id, "name": found.name, "type": found.type, **found.document})

    return get


for _type in (ACCOUNTS, SERVICES, CONTAINERS, LIFECYCLES):
    route("GET", _type)(_getter(_type))
