"""What is made and removed with a virtual machine: its network cards and its disk."""

from __future__ import annotations

import uuid
from typing import Any

from local.azure.evidence import GUESS
from local.azure.refusals import conflict
from local.azure.replies import compute_time
from local.azure.store import Json, Resource
from local.azure.world import World

DISKS = "Microsoft.Compute/disks"
CARDS = "Microsoft.Network/networkInterfaces"

GUESSED_BEHAVIOUR = (
    GUESS(
        "VM behaviour: deleteOption Delete removes disk and card together with the machine", "effects were not recorded"
    ),
    GUESS(
        "VM behaviour: a card made with a machine is there from the PUT on, its name ends in a piece of chance",
        "cautious",
    ),
    GUESS(
        "VM behaviour: the disk takes the machine's tags, the card those of its configuration",
        "seen in practice; SDK models",
    ),
    GUESS(
        "VM behaviour: a creation that fails late leaves machine and card and no disk", "common knowledge, not recorded"
    ),
)
"""What no reply shows and a client sees all the same; listed with the guesses."""


def add_cards(world: World, vm: Resource, configurations: list[Json]) -> list[Json]:
    """Makes the cards of `networkInterfaceConfigurations`; returns the machine's references to them.

    A card's name ends in a piece of chance, so that nobody relies on it: that it does is a guess.
    """
    references = []
    group = "/".join(vm.id.split("/")[:5])
    for configuration in configurations:
        given = configuration.get("properties") or {}
        card_id = f"{group}/providers/{CARDS}/{configuration['name']}-{uuid.uuid4().hex[:8]}"
        card = make_card(card_id, vm.location, given, configuration.get("tags"))
        card.properties["virtualMachine"] = {"id": vm.id}
        card.private = {"vm": vm.id, "session_tags": dict(vm.tags)}
        world.store.put(card)
        reference: Json = {"id": card_id, "properties": {"primary": given.get("primary", len(configurations) == 1)}}
        if "deleteOption" in given:
            reference["properties"]["deleteOption"] = given["deleteOption"]
        references.append(reference)
    return references


def make_card(card_id: str, location: str, given: Json, tags: Json | None) -> Resource:
    """A network card as the Network provider shows one."""
    ips = [
        {
            "name": ip.get("name", "ipconfig"),
            "id": f"{card_id}/ipConfigurations/{ip.get('name', 'ipconfig')}",
            "type": f"{CARDS}/ipConfigurations",
            "properties": {
                "provisioningState": "Succeeded",
                "privateIPAddress": f"10.0.0.{4 + number}",
                "privateIPAllocationMethod": "Dynamic",
                "subnet": (ip.get("properties") or {}).get("subnet"),
                "primary": (ip.get("properties") or {}).get("primary", number == 0),
                "privateIPAddressVersion": "IPv4",
            },
        }
        for number, ip in enumerate(given.get("ipConfigurations") or [])
    ]
    document: Json = {
        "etag": f'W/"{uuid.uuid4()}"',
        "location": location,
        "properties": {
            "provisioningState": "Succeeded",
            "resourceGuid": str(uuid.uuid4()),
            "ipConfigurations": ips,
            "dnsSettings": {"dnsServers": [], "appliedDnsServers": []},
            "enableAcceleratedNetworking": given.get("enableAcceleratedNetworking", False),
            "vnetEncryptionSupported": False,
            "enableIPForwarding": False,
            "hostedWorkloads": [],
            "tapConfigurations": [],
            "nicType": "Standard",
        },
    }
    if tags:
        document["tags"] = tags
    return Resource(card_id, CARDS, document)


def check_disk_name(world: World, vm: Resource) -> None:
    """A disk that is named in the request must not be there yet. Raises Refusal."""
    name = vm.properties["storageProfile"]["osDisk"].get("name")
    group = "/".join(vm.id.split("/")[:5])
    if name and world.store.get(f"{group}/providers/{DISKS}/{name}") is not None:
        raise conflict("ConflictingUserInput", f"Disk {name} already exists in resource group {vm.id.split('/')[4]}.")


def add_disk(world: World, vm: Resource, os_disk: Json) -> None:
    """Makes the operating system's disk and names it in the machine's document."""
    name = os_disk.get("name") or f"{vm.name}_OsDisk_1_{uuid.uuid4().hex}"
    disk_id = "/".join(vm.id.split("/")[:5]) + f"/providers/{DISKS}/{name}"
    kind = (os_disk.get("managedDisk") or {}).get("storageAccountType", "Premium_LRS")
    document: Json = {
        "managedBy": vm.id,
        "location": vm.location,
        **({"tags": dict(vm.tags)} if vm.tags else {}),
        "sku": {"name": kind, "tier": kind.split("_")[0]},
        "properties": {
            "osType": os_disk.get("osType", "Linux"),
            "hyperVGeneration": "V2",
            "creationData": {"createOption": "FromImage"},
            "diskSizeGB": os_disk.get("diskSizeGB", 30),
            "encryption": {"type": "EncryptionAtRestWithPlatformKey"},
            "networkAccessPolicy": "AllowAll",
            "publicNetworkAccess": "Enabled",
            "timeCreated": compute_time(world.now()),
            "provisioningState": "Succeeded",
            "diskState": "Attached",
            "uniqueId": str(uuid.uuid4()),
        },
    }
    world.store.put(Resource(disk_id, DISKS, document, {"vm": vm.id, "session_tags": dict(vm.tags)}))
    os_disk |= {"name": name, "managedDisk": {**(os_disk.get("managedDisk") or {}), "id": disk_id}}


def set_disk_state(world: World, vm: Resource, state: str) -> None:
    """`Attached` while the machine is allocated, `Reserved` while it is deallocated."""
    if (disk := world.store.get(disk_id_of(vm))) is not None:
        disk.properties["diskState"] = state
        world.store.put(disk)


def disk_id_of(vm: Resource) -> str:
    """Resource id of the machine's own disk; empty before it was made."""
    disk: Json = vm.properties["storageProfile"]["osDisk"]
    return str((disk.get("managedDisk") or {}).get("id", ""))


def remove_or_detach(world: World, vm: Resource) -> None:
    """What `deleteOption` says of each part: Delete removes it, anything else leaves it lying about."""
    os_disk: Json = vm.properties["storageProfile"]["osDisk"]
    if (disk := world.store.get(disk_id_of(vm))) is not None:
        if os_disk.get("deleteOption") == "Delete":
            world.store.remove(disk.id)
        else:
            disk.document.pop("managedBy", None)
            disk.properties["diskState"] = "Unattached"
            world.store.put(disk)
    for reference in cards_of(vm):
        if (card := world.store.get(reference["id"])) is None:
            continue
        if (reference.get("properties") or {}).get("deleteOption") == "Delete":
            world.store.remove(card.id)
        else:
            card.properties.pop("virtualMachine", None)
            world.store.put(card)


def cards_of(vm: Resource) -> list[Any]:
    """The machine's references to its network cards."""
    references: list[Any] = (vm.properties.get("networkProfile") or {}).get("networkInterfaces") or []
    return references
