"""Worker VMs: make, start, deallocate, delete, look. Nothing waits; nothing that lacks our mark is touched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from holdfast.cloud import tags as marks
from holdfast.cloud.clients import Clients
from holdfast.cloud.discovery import plain_region
from holdfast.cloud.failures import AzureRefused, Failure, azure_errors, kind_of, to_error
from holdfast.cloud.ownership import found_or_none, ours_or_taken, start_or_find
from holdfast.cloud.vm_body import vm_body
from holdfast.model.errors import HoldfastError, InvalidInput, NameTaken, NotFound, WorkerFailed
from holdfast.model.source import ResourceId
from holdfast.settings import RegionProfile

if TYPE_CHECKING:
    from azure.mgmt.compute.models import InstanceViewStatus, VirtualMachine
    from azure.mgmt.compute.operations import VirtualMachinesOperations

MACHINES = "Microsoft.Compute/virtualMachines"

PowerState = Literal[
    "absent",
    "creating",
    "starting",
    "running",
    "stopping",
    "stopped",
    "deallocating",
    "deallocated",
    "deleting",
    "failed",
]
_POWER: dict[str, PowerState] = {
    "starting": "starting",
    "running": "running",
    "stopping": "stopping",
    "stopped": "stopped",
    "deallocating": "deallocating",
    "deallocated": "deallocated",
}


@dataclass(frozen=True)
class MachineState:
    """What Azure shows of a machine. `failure` is set where its last operation failed: for people, and as an error."""

    state: PowerState
    failure: str = ""
    error: HoldfastError | None = None


@dataclass(frozen=True)
class Machine:
    """A machine that carries our mark, as the janitor finds it."""

    resource_id: str
    name: str
    group: str
    region: str
    tags: dict[str, str] = field(default_factory=dict)


class Machines:
    """Worker VMs by their resource ids."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    @staticmethod
    def resource_id(name: str, profile: RegionProfile) -> str:
        """The id that a worker of this name has, whether it is there or not: in the subscription of its subnet."""
        subnet = ResourceId.parse(profile.subnet)
        return (
            f"/subscriptions/{subnet.subscription}/resourceGroups/{profile.resource_group}/providers/{MACHINES}/{name}"
        )

    def create(
        self,
        name: str,
        region: str,
        profile: RegionProfile,
        identity: str,
        tags: Mapping[str, str],
        custom_data: str,
    ) -> str:
        """Asks Azure for a machine; its resource id. Repeated, the one that carries our tags is the one asked for.

        `identity` is the resource id of the worker's user-assigned identity. Raises NoCapacity, QuotaExceeded,
        NameTaken, Forbidden, AzureRefused, Unavailable; a lack of capacity may also show later, in `state`.
        """
        from azure.core import MatchConditions
        from azure.mgmt.compute.models import VirtualMachine

        target = self._parsed(self.resource_id(name, profile))
        body = VirtualMachine(vm_body(name, region, profile, identity, tags, custom_data))
        wanted = {key: tags[key] for key in (marks.INSTALLATION, marks.KIND) if key in tags}

        def there() -> bool:
            found = self._find(target)
            return found is not None and ours_or_taken(target, found.tags, wanted)

        start_or_find(
            lambda: self._machines(target).begin_create_or_update(
                # If-None-Match: a retry of the activity must not send a second PUT over a machine that is there.
                target.resource_group,
                name,
                body,
                match_condition=MatchConditions.IfMissing,
                polling=False,
            ),
            there,
            f"creating the worker {name} in {region}",
        )
        return str(target)

    def start(self, resource_id: str) -> None:
        """Starts a deallocated or stopped machine; one that runs is fine. Raises WorkerFailed where it is gone."""
        target = self._parsed(resource_id)
        if self._ours(target) is None:
            raise WorkerFailed(f"the worker {target.name} is gone")
        with azure_errors(f"starting the worker {target.name}"):
            self._machines(target).begin_start(target.resource_group, target.name, polling=False)

    def deallocate(self, resource_id: str) -> bool:
        """Deallocates a machine, so that it costs its disk alone; False where it is gone."""
        target = self._parsed(resource_id)
        if self._ours(target) is None:
            return False
        with azure_errors(f"deallocating the worker {target.name}"):
            self._machines(target).begin_deallocate(target.resource_group, target.name, polling=False)
        return True

    def delete(self, resource_id: str) -> bool:
        """Deletes a machine with its disk and card; False where it is gone."""
        target = self._parsed(resource_id)
        if self._ours(target) is None:
            return False
        with azure_errors(f"deleting the worker {target.name}"):
            self._machines(target).begin_delete(target.resource_group, target.name, polling=False)
        return True

    def state(self, resource_id: str) -> MachineState:
        """How a machine is."""
        target = self._parsed(resource_id)
        with azure_errors(f"looking at the worker {target.name}"):
            found = found_or_none(
                lambda: self._machines(target).get(target.resource_group, target.name, expand="instanceView")
            )
        return MachineState("absent") if found is None else _state_of(found)

    def list(self, installation: str | None = None) -> list[Machine]:
        """Every machine of ours in the resource groups of the worker profiles."""
        wanted = installation or self._clients.settings.installation
        return [
            Machine(
                resource_id=vm.id or "",
                name=vm.name or "",
                group=group,
                region=plain_region(vm.location),
                tags=dict(vm.tags or {}),
            )
            for subscription, group in sorted(self._places())
            for vm in self._of_group(subscription, group)
            if marks.is_marked(vm.tags, "worker", wanted)
        ]

    def _places(self) -> set[tuple[str, str]]:
        return {
            (ResourceId.parse(region.subnet).subscription.lower(), region.resource_group.lower())
            for profile in self._clients.settings.worker_profiles.values()
            for region in profile.regions.values()
        }

    def _of_group(self, subscription: str, group: str) -> Sequence[VirtualMachine]:
        client = self._clients.compute(subscription).virtual_machines
        with azure_errors(f"listing the machines of resource group {group}"):
            return found_or_none(lambda: [*client.list(group)]) or []

    def _ours(self, target: ResourceId) -> VirtualMachine | None:
        """The machine, or None. Raises NameTaken for one that is not ours."""
        found = self._find(target)
        if found is not None and not marks.is_marked(found.tags, "worker", self._clients.settings.installation):
            raise NameTaken(f"{target} does not carry the tags of this installation and is not touched")
        return found

    def _find(self, target: ResourceId) -> VirtualMachine | None:
        with azure_errors(f"looking at the worker {target.name}"):
            return found_or_none(lambda: self._machines(target).get(target.resource_group, target.name))

    def _machines(self, of: ResourceId) -> VirtualMachinesOperations:
        return self._clients.compute(of.subscription).virtual_machines

    def _parsed(self, resource_id: str) -> ResourceId:
        try:
            target = ResourceId.parse(resource_id)
        except ValueError as error:
            raise InvalidInput(str(error)) from None
        if not target.is_type(MACHINES):
            raise InvalidInput(f"{resource_id} is not the id of a virtual machine")
        return target


def _state_of(vm: VirtualMachine) -> MachineState:
    shown = vm.properties
    statuses = list(shown.instance_view.statuses or []) if shown and shown.instance_view else []
    provisioning = str((shown.provisioning_state if shown else "") or "").lower()
    if provisioning == "deleting":
        return MachineState("deleting")
    power = next((_POWER.get(_word(s)) for s in statuses if (s.code or "").lower().startswith("powerstate/")), None)
    if provisioning in ("failed", "canceled"):
        failed = next((s for s in statuses if (s.code or "").lower().startswith("provisioningstate/failed")), None)
        error = _failure(vm.name or "", failed)
        return MachineState("failed", error.detail, error)
    if power is not None:
        return MachineState(power)
    return MachineState("creating")


def _word(status: InstanceViewStatus) -> str:
    return (status.code or "").rpartition("/")[2].lower()


def _failure(name: str, status: InstanceViewStatus | None) -> HoldfastError:
    """Why a machine failed. Azure puts the code behind `ProvisioningState/failed/`."""
    code = (status.code or "").split("/")[2] if status and (status.code or "").count("/") >= 2 else ""
    message = (status.message or "") if status else ""
    failure = Failure(kind_of(code, message), code, message, 200)
    error = to_error(failure, f"the worker {name}")
    if isinstance(error, AzureRefused | NotFound) or not code:
        return WorkerFailed(error.detail)
    return error
