"""Disks, network cards, virtual networks and subnets."""

from __future__ import annotations

from local.azure import operation_kinds as kinds
from local.azure.addresses import Address
from local.azure.evidence import GUESS, RECORDED, SDK
from local.azure.listing import page, readable
from local.azure.operations import Operation
from local.azure.refusals import conflict, front_404
from local.azure.replies import Reply
from local.azure.store import Json, Resource
from local.azure.vm_parts import CARDS, DISKS, make_card
from local.azure.vm_requests import SUBNETS, check_subnet
from local.azure.world import Ask, Handler, World, effect, route

NETWORKS = "Microsoft.Network/virtualNetworks"

_DISK = RECORDED("disk: GET", "azure-powershell DiskRPTests/TestDiskAvailabilityPolicy.json@481f488c")
_CARD = RECORDED(
    "network card: GET, and PUT with 201",
    "azure-powershell TestVMForceDelete.json@f183c11e",
    guessed="PUT without its operation headers",
)
_NETWORK = SDK("virtual network and subnet: GET and PUT", "azure-mgmt-network models")
_GONE = GUESS("disk or network card: deletion of one that is missing", "204 is what the SDK takes")
_SHAPES = {DISKS: _DISK, CARDS: _CARD, NETWORKS: _NETWORK, SUBNETS: _NETWORK}


def shown(world: World, resource: Resource) -> Json:
    """What GET shows; a network shows its subnets."""
    document = {"name": resource.name, "id": resource.id, "type": resource.type, **resource.document}
    if resource.type == NETWORKS:
        subnets = [shown(world, s) for s in world.store.find(SUBNETS, resource.id)]
        document["properties"] = {**resource.properties, "subnets": subnets}
    return document


def _getter(type_: str) -> Handler:
    def get(world: World, ask: Ask) -> Reply:
        if (found := world.store.get(ask.path)) is None:
            raise front_404(ask.address)
        headers = {"etag": found.document["etag"]} if "etag" in found.document else {}
        return Reply(_SHAPES[type_], 200, shown(world, found), headers, pretty=True)

    return get


def _lister(type_: str) -> Handler:
    def listed(world: World, ask: Ask) -> Reply:
        found = readable(world, ask, world.store.find(type_, ask.address.container))
        return page(world, ask, [shown(world, r) for r in found], pretty=True)

    return listed


for _type in (DISKS, CARDS, NETWORKS, SUBNETS):
    route("GET", _type)(_getter(_type))
    route("GET", f"{_type}/*")(_lister(_type))


@route("PUT", CARDS)
def put_card(world: World, ask: Ask) -> Reply:
    """Makes a network card at once, as recorded."""
    for ip in (ask.body.get("properties") or {}).get("ipConfigurations") or []:
        check_subnet(world, ask, ((ip.get("properties") or {}).get("subnet") or {}).get("id") or "")
    known = world.store.get(ask.path)
    card = make_card(ask.path, ask.body["location"], ask.body.get("properties") or {}, ask.body.get("tags"))
    world.store.put(card)
    return Reply(_CARD, 200 if known else 201, shown(world, card), {"etag": card.document["etag"]}, pretty=True)


def add_network(world: World, address: Address, location: str, body: Json) -> Resource:
    """Puts a virtual network and its subnets into the world at once."""
    given = dict(body.get("properties") or {})
    subnets = given.pop("subnets", None) or []
    properties = {**given, "provisioningState": "Succeeded"}
    document: Json = {"location": location, "properties": properties}
    if body.get("tags"):
        document["tags"] = body["tags"]
    network = Resource(address.path, NETWORKS, document)
    world.store.put(network)
    for subnet in subnets:
        inner = {**(subnet.get("properties") or {}), "provisioningState": "Succeeded"}
        world.store.put(Resource(f"{address.path}/subnets/{subnet['name']}", SUBNETS, {"properties": inner}))
    return network


@route("DELETE", DISKS)
def delete_disk(world: World, ask: Ask) -> Reply:
    """Deletes a disk that no machine has."""
    disk = world.store.get(ask.path)
    if disk is None:
        return Reply(_GONE, 204)
    if "managedBy" in disk.document:
        text = f"Disk {disk.name} is attached to VM {disk.document['managedBy']}."
        raise conflict("OperationNotAllowed", text)
    return world.accepted(ask, world.begin(ask, kinds.DISK_DELETE, disk.id, disk.location, "part-gone"))


@route("DELETE", CARDS)
def delete_card(world: World, ask: Ask) -> Reply:
    """Deletes a network card that no machine has."""
    card = world.store.get(ask.path)
    if card is None:
        return Reply(_GONE, 204)
    if "virtualMachine" in card.properties:
        text = f"Network interface {card.id} is used by an existing VM."
        raise conflict("NicInUse", text)
    return world.accepted(ask, world.begin(ask, kinds.NIC_DELETE, card.id, card.location, "part-gone"))


@effect("part-gone")
def part_gone(world: World, operation: Operation) -> None:
    """The disk or card is no more; a deletion that failed leaves it."""
    if not operation.error:
        world.store.remove(operation.target)
