"""Subscriptions, regions, resource groups, identities: what is read there, and no more."""

from __future__ import annotations

import re

from local.azure.compute_catalogue import REGIONS
from local.azure.evidence import SDK
from local.azure.listing import page, readable
from local.azure.refusals import front_404, missing_right
from local.azure.replies import Refusal, Reply
from local.azure.store import Json, Resource
from local.azure.tokens import TENANT
from local.azure.vm_requests import IDENTITIES
from local.azure.world import Ask, World, route

GROUPS = "Microsoft.Resources/resourceGroups"
SUBSCRIPTIONS = "Microsoft.Resources/subscriptions"

_SHAPE = SDK("subscriptions, regions and resource groups", "azure-mgmt-resource models")
_IDENTITY = SDK("user-assigned identity: GET", "azure-mgmt-msi models")


def ensure_subscription(world: World, subscription: str) -> None:
    """Subscriptions exist as soon as something is put into them by the admin endpoint."""
    subscription_id = f"/subscriptions/{subscription}"
    if world.store.get(subscription_id) is None:
        document = {
            "subscriptionId": subscription,
            "displayName": "Holdfast local",
            "state": "Enabled",
            "tenantId": TENANT,
        }
        world.store.put(Resource(subscription_id, SUBSCRIPTIONS, document))


def ensure_group(world: World, subscription: str, group: str, location: str) -> None:
    """So do resource groups."""
    ensure_subscription(world, subscription)
    group_id = f"/subscriptions/{subscription}/resourceGroups/{group}"
    if world.store.get(group_id) is None:
        properties = {"provisioningState": "Succeeded"}
        world.store.put(Resource(group_id, GROUPS, {"location": location, "properties": properties}))


def answer(world: World, ask: Ask) -> Reply | None:
    """Requests that name no provider: None where the path is none of them."""
    path = ask.path.lower()
    if path == "/subscriptions":
        found = world.store.find(SUBSCRIPTIONS)
        mine = [r for r in found if world.rights.anywhere_below(ask.claims.principal_id, r.id)]
        return page(world, ask, [_subscription(r) for r in mine], one_page=_SHAPE)
    if re.fullmatch(r"/subscriptions/[^/]+", path):
        _must(world, ask, "Microsoft.Resources/subscriptions/read")
        return Reply(_SHAPE, 200, _subscription(_find(world, ask)))
    if re.fullmatch(r"/subscriptions/[^/]+/locations", path):
        _must(world, ask, "Microsoft.Resources/subscriptions/locations/read")
        regions = [
            {
                "id": f"{ask.path}/{name}",
                "name": name,
                "type": "Region",
                "displayName": text,
                "regionalDisplayName": text,
            }
            for name, text in REGIONS.items()
        ]
        return page(world, ask, regions, one_page=_SHAPE)
    if re.fullmatch(r"/subscriptions/[^/]+/resourcegroups", path):
        action, oid = "Microsoft.Resources/subscriptions/resourceGroups/read", ask.claims.principal_id
        found = [
            r for r in world.store.find(GROUPS, ask.path.rsplit("/", 1)[0]) if world.rights.allowed(oid, action, r.id)
        ]
        return page(world, ask, [_group(r) for r in found], one_page=_SHAPE)
    if re.fullmatch(r"/subscriptions/[^/]+/resourcegroups/[^/]+", path):
        _must(world, ask, "Microsoft.Resources/subscriptions/resourceGroups/read")
        return Reply(_SHAPE, 200, _group(_find(world, ask)))
    return None


def _subscription(resource: Resource) -> Json:
    return {"id": resource.id, **resource.document}


def _group(resource: Resource) -> Json:
    return {"id": resource.id, "name": resource.name, "type": resource.type, **resource.document}


def _find(world: World, ask: Ask) -> Resource:
    if (found := world.store.get(ask.path)) is None:
        word = "ResourceGroupNotFound" if ask.address.group else "SubscriptionNotFound"
        raise Refusal(_SHAPE, 404, word, f"'{ask.path.rsplit('/', 1)[1]}' could not be found.")
    return found


def _must(world: World, ask: Ask, action: str) -> None:
    if not world.rights.allowed(ask.claims.principal_id, action, ask.address.scope):
        raise missing_right(ask.claims.principal_id, action, ask.address.scope)


@route("GET", IDENTITIES)
def get_identity(world: World, ask: Ask) -> Reply:
    """One user-assigned identity."""
    if (found := world.store.get(ask.path)) is None:
        raise front_404(ask.address)
    return Reply(_IDENTITY, 200, {"id": found.id, "name": found.name, "type": found.type, **found.document})


@route("GET", f"{IDENTITIES}/*")
def list_identities(world: World, ask: Ask) -> Reply:
    """Identities of a subscription or a resource group."""
    found = readable(world, ask, world.store.find(IDENTITIES, ask.address.scope))
    return page(
        world, ask, [{"id": r.id, "name": r.name, "type": r.type, **r.document} for r in found], one_page=_IDENTITY
    )
