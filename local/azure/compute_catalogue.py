"""Microsoft.Compute/skus and usages: sizes of VMs, and how many cores a region still has."""

from __future__ import annotations

import re
from dataclasses import dataclass

from local.azure.evidence import DOCUMENTED, SDK
from local.azure.listing import page
from local.azure.refusals import missing_right
from local.azure.replies import Reply
from local.azure.store import Json
from local.azure.world import Ask, World, action_of, route

_SKUS = SDK("Compute: skus", "azure-mgmt-compute models; field values from public documentation of the sizes")
_USAGES = SDK("Compute: usages", "azure-mgmt-compute models")
_DEFAULT_CORES = 100


@dataclass(frozen=True)
class Size:
    """A VM size."""

    name: str
    cores: int
    memory_gb: int
    temporary_disk_mb: int
    family: str


SIZES = {
    size.name.lower(): size
    for size in (
        Size("Standard_D2s_v3", 2, 8, 16384, "standardDSv3Family"),
        Size("Standard_D4s_v3", 4, 16, 32768, "standardDSv3Family"),
        Size("Standard_D2ds_v5", 2, 8, 76800, "standardDDSv5Family"),
        Size("Standard_D4ds_v5", 4, 16, 153600, "standardDDSv5Family"),
        Size("Standard_D8ds_v5", 8, 32, 307200, "standardDDSv5Family"),
        Size("Standard_D16ds_v5", 16, 64, 614400, "standardDDSv5Family"),
        Size("Standard_E4ds_v5", 4, 32, 153600, "standardEDSv5Family"),
        Size("Standard_E8ds_v5", 8, 64, 307200, "standardEDSv5Family"),
        Size("Standard_D4s_v5", 4, 16, 0, "standardDSv5Family"),
    )
}
REGIONS = {
    "westeurope": "West Europe",
    "northeurope": "North Europe",
    "germanywestcentral": "Germany West Central",
    "eastus": "East US",
    "westus2": "West US 2",
}


def cores_limit(world: World, region: str) -> int:
    """The quota of a region; the admin endpoint changes it."""
    kept = world.store.fact("quota", region)
    return int(kept["cores"]) if kept else _DEFAULT_CORES


def cores_used(world: World, region: str) -> int:
    """Cores of all VMs of a region: deallocated ones count too."""
    vms = world.store.find("Microsoft.Compute/virtualMachines")
    sizes = [vm.properties["hardwareProfile"]["vmSize"].lower() for vm in vms if vm.location.lower() == region.lower()]
    return sum(SIZES[size].cores for size in sizes)


@route("GET", "Microsoft.Compute/skus/*")
def list_skus(world: World, ask: Ask) -> Reply:
    """VM sizes, of the region of `$filter=location eq '…'` if there is one."""
    _must(world, ask)
    wanted = re.search(r"location eq '([^']+)'", ask.query.get("$filter", ""), re.IGNORECASE)
    regions = [wanted[1]] if wanted else list(REGIONS)
    return page(world, ask, [_sku(size, region) for region in regions for size in SIZES.values()], one_page=_SKUS)


def _sku(size: Size, region: str) -> Json:
    capabilities = {
        "MaxResourceVolumeMB": size.temporary_disk_mb,
        "vCPUs": size.cores,
        "MemoryGB": size.memory_gb,
        "HyperVGenerations": "V1,V2",
        "CpuArchitectureType": "x64",
        "PremiumIO": "True",
        "EphemeralOSDiskSupported": str(size.temporary_disk_mb > 0),
    }
    return {
        "resourceType": "virtualMachines",
        "name": size.name,
        "tier": "Standard",
        "size": size.name.removeprefix("Standard_"),
        "family": size.family,
        "locations": [region],
        "locationInfo": [{"location": region, "zones": ["1", "2", "3"], "zoneDetails": []}],
        "capabilities": [{"name": name, "value": str(value)} for name, value in capabilities.items()],
        "restrictions": [],
    }


@route("GET", "Microsoft.Compute/locations/usages/*")
def list_usages(world: World, ask: Ask) -> Reply:
    """Cores used and allowed in a region."""
    _must(world, ask)
    region = ask.address.words[1]
    name = {"value": "cores", "localizedValue": "Total Regional vCPUs"}
    usage = {
        "limit": cores_limit(world, region),
        "unit": "Count",
        "currentValue": cores_used(world, region),
        "name": name,
    }
    return page(world, ask, [usage], one_page=_USAGES, pretty=True)


def _must(world: World, ask: Ask) -> None:
    action = action_of("GET", ask.address)
    if not world.rights.allowed(ask.claims.principal_id, action, ask.address.scope):
        raise missing_right(ask.claims.principal_id, action, ask.address.scope)


DOCUMENTED_QUOTA = DOCUMENTED(
    "VM: 409 for want of quota", "documentation text only: OperationNotAllowed", guessed="that it comes with the PUT"
)
