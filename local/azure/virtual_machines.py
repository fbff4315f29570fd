"""Microsoft.Compute/virtualMachines: create, change, get, list, delete."""

from __future__ import annotations

import copy
import uuid
from typing import Any

from local.azure import operation_kinds as kinds
from local.azure.compute_catalogue import SIZES
from local.azure.evidence import GUESS, RECORDED
from local.azure.listing import page, readable
from local.azure.operations import Operation
from local.azure.refusals import conflict, front_404, invalid, precondition_failed
from local.azure.replies import Reply, compute_time
from local.azure.store import Json, Resource
from local.azure.vm_parts import add_cards, add_disk, check_disk_name, remove_or_detach, set_disk_state
from local.azure.vm_power import instance_view, machine_document
from local.azure.vm_requests import check_new, decode_custom_data
from local.azure.world import Ask, World, effect, route

VMS = "Microsoft.Compute/virtualMachines"
_GET = RECORDED(
    "VM: GET, with instanceView when asked for", "azure-cli vm/test_vm_create_state_modifications.yaml@a2875148"
)
_LIST = RECORDED(
    "VM: list", "azure-cli vm/test_vm_create_state_modifications.yaml@a2875148", guessed="of a subscription"
)
_GONE = GUESS("VM: deletion of one that is missing", "204 is what the SDK takes")


def shown(vm: Resource, view: Json | None = None) -> Json:
    """What GET shows: never custom data or passwords, which are not kept in the document."""
    properties = {**vm.properties, **({"instanceView": view} if view else {})}
    return {"name": vm.name, "id": vm.id, "type": vm.type, **vm.document, "properties": properties}


@route("GET", f"{VMS}/*")
def list_vms(world: World, ask: Ask) -> Reply:
    """Machines of a subscription or a resource group."""
    found = readable(world, ask, world.store.find(VMS, ask.address.scope))
    return page(world, ask, [shown(vm) for vm in found], one_page=_LIST, pretty=True)


@route("GET", VMS)
def get_vm(world: World, ask: Ask) -> Reply:
    """One machine."""
    vm = find(world, ask)
    wants_view = ask.query.get("$expand", "").lower() == "instanceview"
    return Reply(_GET, 200, shown(vm, instance_view(vm) if wants_view else None), pretty=True)


def find(world: World, ask: Ask) -> Resource:
    """The machine of a request, or of the resource that an action's path stands below."""
    address = ask.address if ask.address.is_resource else ask.address.parent
    if (vm := world.store.get(address.path)) is None:
        raise front_404(address)
    return vm


@route("PUT", VMS)
def put_vm(world: World, ask: Ask) -> Reply:
    """Creates with 201, changes with 200. `If-None-Match: *` makes sure that it creates."""
    vm = world.store.get(ask.path)
    if vm is not None:
        if ask.headers.get("if-none-match") == "*":
            raise precondition_failed(ask.path)
        return _change(world, ask, vm)
    custom_data = check_new(world, ask)
    vm = _make(world, ask)
    check_disk_name(world, vm)
    vm.private |= {"custom_data": custom_data, "power": "starting"}
    profile = vm.properties["networkProfile"]
    if configurations := profile.pop("networkInterfaceConfigurations", None):
        # At once, and not with the machine: a creation that fails leaves a card behind.
        profile["networkInterfaces"] = add_cards(world, vm, configurations)
        profile.pop("networkApiVersion", None)
    world.store.put(vm)
    return world.accepted(ask, world.begin(ask, kinds.VM_CREATE, vm.id, vm.location, "vm-created"), shown(vm), 201)


def _make(world: World, ask: Ask) -> Resource:
    given: Json = copy.deepcopy(ask.body["properties"])
    os_profile = given["osProfile"]
    for secret in ("customData", "adminPassword"):
        os_profile.pop(secret, None)
    os_profile.setdefault("secrets", [])
    os_profile.setdefault("allowExtensionOperations", True)
    os_profile.setdefault("requireGuestProvisionSignal", True)
    storage = given["storageProfile"]
    storage["imageReference"]["exactVersion"] = storage["imageReference"].get("version", "")
    os_disk = storage.setdefault("osDisk", {"createOption": "FromImage"})
    os_disk.setdefault("osType", "Linux")
    os_disk.setdefault("deleteOption", "Detach")  # shown although it was not sent (recordings.md 3.1)
    os_disk.setdefault("diskSizeGB", 30)
    storage.setdefault("dataDisks", [])
    given.pop("userData", None)
    document: Json = {"location": ask.body["location"]}
    if ask.body.get("tags"):
        document["tags"] = ask.body["tags"]
    if ask.body.get("identity"):
        document["identity"] = _identity(world, ask.body["identity"])
    document["properties"] = {"vmId": str(uuid.uuid4()), **given, "provisioningState": "Creating"}
    document["properties"]["timeCreated"] = compute_time(world.now())
    return Resource(ask.path, VMS, document, {"power_since": world.now()})


def _identity(world: World, given: Json) -> Json:
    assigned: dict[str, Any] = {}
    for identity_id in given.get("userAssignedIdentities") or {}:
        identity = world.store.get(identity_id)
        if identity is not None:
            assigned[identity_id] = {key: identity.properties[key] for key in ("principalId", "clientId")}
    return {"type": given.get("type", "UserAssigned"), "userAssignedIdentities": assigned}


@effect("vm-created")
def vm_created(world: World, operation: Operation) -> None:
    """The machine has its disk and card and boots; or stays behind, failed, with its card."""
    vm = world.store.get(operation.target)
    if vm is None:
        return
    if operation.error:
        vm.properties["provisioningState"] = "Failed"
        vm.private |= {"power": "stopped", "failure": operation.error}
        world.store.put(vm)
        return
    add_disk(world, vm, vm.properties["storageProfile"]["osDisk"])
    vm.properties["provisioningState"] = "Succeeded"
    vm.private |= {"power": "running", "power_since": operation.ends}
    world.store.put(vm)
    world.machines.start(machine_document(vm), str(vm.private.get("custom_data", "")))


def _change(world: World, ask: Ask, vm: Resource) -> Reply:
    given = ask.body.get("properties") or {}
    custom_data = (given.get("osProfile") or {}).get("customData")
    if custom_data is not None and decode_custom_data(custom_data) != vm.private.get("custom_data", ""):
        raise conflict("PropertyChangeNotAllowed", "Changing property 'osProfile.customData' is not allowed.")
    if size := (given.get("hardwareProfile") or {}).get("vmSize"):
        if size.lower() not in SIZES:
            raise invalid("InvalidParameter", f"The value {size} provided for the VM size is not valid.")
        vm.properties["hardwareProfile"]["vmSize"] = size
    _change_tags_and_identity(world, ask, vm)
    vm.properties["provisioningState"] = "Updating"
    world.store.put(vm)
    return world.accepted(ask, world.begin(ask, kinds.VM_UPDATE, vm.id, vm.location, "vm-updated"), shown(vm), 200)


@route("PATCH", VMS)
def patch_vm(world: World, ask: Ask) -> Reply:
    """Changes tags and identities."""
    vm = find(world, ask)
    _change_tags_and_identity(world, ask, vm)
    vm.properties["provisioningState"] = "Updating"
    world.store.put(vm)
    return world.accepted(ask, world.begin(ask, kinds.VM_EXTRA, vm.id, vm.location, "vm-updated"), shown(vm), 200)


def _change_tags_and_identity(world: World, ask: Ask, vm: Resource) -> None:
    if "tags" in ask.body:
        vm.document["tags"] = ask.body["tags"] or {}
    if ask.body.get("identity"):
        vm.document["identity"] = _identity(world, ask.body["identity"])


@effect("vm-updated")
def vm_updated(world: World, operation: Operation) -> None:
    """The change is through."""
    if (vm := world.store.get(operation.target)) is not None:
        vm.properties["provisioningState"] = "Failed" if operation.error else "Succeeded"
        world.store.put(vm)


@route("DELETE", VMS)
def delete_vm(world: World, ask: Ask) -> Reply:
    """Deletes the machine; what `deleteOption` says happens to its parts."""
    vm = world.store.get(ask.path)
    if vm is None:
        return Reply(_GONE, 204)
    vm.properties["provisioningState"] = "Deleting"
    world.store.put(vm)
    operation = world.begin_deletion(
        ask,
        kinds.VM_DELETE,
        vm.id,
        vm.location,
        "vm-deleted",
        code="OperationPreempted",
        why="A deletion overtook this.",
    )
    return world.accepted(ask, operation)


@effect("vm-deleted")
def vm_deleted(world: World, operation: Operation) -> None:
    """The machine is gone and so are the parts that were to go with it; a failed deletion leaves all of it."""
    vm = world.store.get(operation.target)
    if vm is None:
        return
    if operation.error:
        vm.properties["provisioningState"] = "Failed"
        world.store.put(vm)
        return
    remove_or_detach(world, vm)
    world.store.remove(vm.id)
    world.machines.discard(str(vm.properties["vmId"]))


def reconcile(world: World) -> None:
    """After a restart of the emulator: machines that should run are booted, and those that should not are stopped."""
    for vm in world.store.find(VMS):
        vm_id = str(vm.properties["vmId"])
        running = vm.private.get("power") == "running"
        if running and not world.machines.alive(vm_id):
            world.machines.start(machine_document(vm), str(vm.private.get("custom_data", "")))
        elif not running and vm.private.get("power") in ("stopped", "deallocated") and world.machines.alive(vm_id):
            world.machines.stop(vm_id)
        set_disk_state(world, vm, "Reserved" if vm.private.get("power") == "deallocated" else "Attached")
