"""Power of virtual machines: start, deallocate, power off, and the instance view that shows it."""

from __future__ import annotations

from typing import Any

from local.azure import operation_kinds as kinds
from local.azure.evidence import GUESS, RECORDED
from local.azure.operation_kinds import OperationKind
from local.azure.operations import Operation
from local.azure.refusals import conflict, front_404
from local.azure.replies import Reply, compute_time
from local.azure.store import Json, Resource
from local.azure.vm_parts import set_disk_state
from local.azure.world import Ask, World, effect, route

_VMS = "Microsoft.Compute/virtualMachines"
_VIEW = RECORDED("VM: instance view", "azure-cli vm/test_vm_create_state_modifications.yaml@a2875148")
_VIEW_FAILED = GUESS(
    "VM: instance view of one whose provisioning failed or goes on",
    "codes ProvisioningState/failed/CODE; no recording",
)
GUESSED_BEHAVIOUR = (
    GUESS(
        "VM behaviour: a later operation overtakes an earlier one",
        "OperationPreempted is a public code; no recording",
    ),
    GUESS("VM behaviour: 409 for start or deallocate while it is created or deleted", "no recording"),
)
_WORDS = {
    "running": "VM running",
    "starting": "VM starting",
    "stopped": "VM stopped",
    "stopping": "VM stopping",
    "deallocated": "VM deallocated",
    "deallocating": "VM deallocating",
}


def machine_document(vm: Resource) -> dict[str, Any]:
    """What the machine runner is told of a machine."""
    return {"id": vm.id, "name": vm.name, "type": vm.type, **vm.document}


def instance_view(vm: Resource) -> Json:
    """The instance view, in the three forms that were recorded."""
    power, time = str(vm.private["power"]), compute_time(float(vm.private["power_since"]))
    state = str(vm.properties["provisioningState"])
    provisioning: Json = {
        "code": "ProvisioningState/succeeded",
        "level": "Info",
        "displayStatus": "Provisioning succeeded",
        "time": time,
    }
    if state == "Failed":
        failure = vm.private.get("failure") or {"code": "InternalExecutionError", "message": ""}
        provisioning |= {
            "code": f"ProvisioningState/failed/{failure['code']}",
            "level": "Error",
            "displayStatus": "Provisioning failed",
            "message": failure["message"],
        }
    elif state != "Succeeded":
        provisioning |= {"code": f"ProvisioningState/{state.lower()}", "displayStatus": state}
    statuses = [provisioning]
    if not (state == "Failed" and "failure" in vm.private) and state != "Creating":
        statuses.append({"code": f"PowerState/{power}", "level": "Info", "displayStatus": _WORDS[power]})
    disk = {
        "code": "ProvisioningState/succeeded",
        "level": "Info",
        "displayStatus": "Provisioning succeeded",
        "time": time,
    }
    name = vm.properties["storageProfile"]["osDisk"].get("name")
    view: Json = {
        "disks": [{"name": name, "statuses": [disk]}] if name else [],
        "hyperVGeneration": "V2",
        "statuses": statuses,
    }
    if power in ("running", "stopped", "stopping"):
        agent = {"code": "ProvisioningState/succeeded", "level": "Info", "displayStatus": "Ready", "time": time}
        agent["message"] = "Guest Agent is running"
        view = {
            "computerName": vm.properties["osProfile"]["computerName"],
            "osName": "ubuntu",
            "osVersion": "24.04",
            "vmAgent": {"vmAgentVersion": "2.11.1.12", "statuses": [agent], "extensionHandlers": []},
            **view,
        }
    return view


@route("GET", f"{_VMS}/instanceView")
def get_instance_view(world: World, ask: Ask) -> Reply:
    """The instance view by itself."""
    vm = _find(world, ask)
    shape = _VIEW if vm.properties["provisioningState"] == "Succeeded" else _VIEW_FAILED
    return Reply(shape, 200, instance_view(vm), pretty=True)


@route("POST", f"{_VMS}/:start")
def start(world: World, ask: Ask) -> Reply:
    """Starts: from deallocated the machine is allocated again, which may fail for want of capacity."""
    return _power(world, ask, kinds.VM_START, "starting", "running")


@route("POST", f"{_VMS}/:deallocate")
def deallocate(world: World, ask: Ask) -> Reply:
    """Stops and gives the hardware back."""
    return _power(world, ask, kinds.VM_DEALLOCATE, "deallocating", "deallocated")


@route("POST", f"{_VMS}/:powerOff")
def power_off(world: World, ask: Ask) -> Reply:
    """Stops; the hardware stays allocated, and paid for."""
    return _power(world, ask, kinds.VM_POWER_OFF, "stopping", "stopped")


def _power(world: World, ask: Ask, kind: OperationKind, going: str, then: str) -> Reply:
    vm = _find(world, ask)
    if vm.properties["provisioningState"] in ("Creating", "Deleting"):
        text = f"The machine is in provisioning state '{vm.properties['provisioningState']}'."
        raise conflict("OperationNotAllowed", text)
    for running in world.operations.open_on(vm.id):
        world.operations.cut_short(running, "OperationPreempted", "A later operation overtook this.", world.now())
    before = str(vm.private["power"])
    if before != then:
        vm.private |= {"power": going, "power_since": world.now()}
    vm.properties["provisioningState"] = "Updating"
    world.store.put(vm)
    if then != "running":
        world.machines.stop(str(vm.properties["vmId"]))
    operation = world.begin(ask, kind, vm.id, vm.location, "vm-power", arguments={"then": then, "before": before})
    return world.accepted(ask, operation)


@effect("vm-power")
def vm_power(world: World, operation: Operation) -> None:
    """The machine has reached its new state; a start that failed leaves it deallocated, as before."""
    vm = world.store.get(operation.target)
    if vm is None:
        return
    then = operation.arguments["before"] if operation.error else operation.arguments["then"]
    vm.private |= {"power": then, "power_since": operation.ends}
    vm.properties["provisioningState"] = "Failed" if operation.error else "Succeeded"
    vm.private.pop("failure", None)
    world.store.put(vm)
    set_disk_state(world, vm, "Reserved" if then == "deallocated" else "Attached")
    if then == "running":
        world.machines.start(machine_document(vm), str(vm.private.get("custom_data", "")))


def _find(world: World, ask: Ask) -> Resource:
    if (vm := world.store.get(ask.address.parent.path)) is None:
        raise front_404(ask.address.parent)
    return vm
