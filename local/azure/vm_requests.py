"""What Azure checks before it takes a virtual machine: names, size, custom data, subnet, identity, quota, rights."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

from local.azure.addresses import parse_resource
from local.azure.compute_catalogue import DOCUMENTED_QUOTA, SIZES, cores_limit, cores_used
from local.azure.evidence import DOCUMENTED, GUESS
from local.azure.refusals import invalid, missing_linked_right
from local.azure.replies import Refusal
from local.azure.store import Json
from local.azure.world import Ask, World

_CUSTOM_DATA = DOCUMENTED(
    "VM: 400 for custom data above 65535 bytes", "azure-mgmt-compute OSProfile.custom_data", guessed="code and wording"
)
_REFERENCE = GUESS(
    "VM: 400 for a reference to something missing", "code InvalidResourceReference is seen in public issues"
)
_MAX_CUSTOM_DATA = 65535

SUBNETS = "Microsoft.Network/virtualNetworks/subnets"
IDENTITIES = "Microsoft.ManagedIdentity/userAssignedIdentities"


def check_new(world: World, ask: Ask) -> str:
    """Checks a request for a new machine. Returns its decoded custom data. Raises Refusal."""
    body, name = ask.body, ask.address.name
    if not body.get("location"):
        raise invalid("LocationRequired", "The location property is required for this definition.")
    if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,62}[A-Za-z0-9_])?", name):
        raise invalid("InvalidParameter", f"The name '{name}' is not valid: at most 64 letters, digits, - and .")
    properties = body.get("properties") or {}
    size = str((properties.get("hardwareProfile") or {}).get("vmSize", ""))
    if size.lower() not in SIZES:
        raise invalid("InvalidParameter", f"The value {size} provided for the VM size is not valid.")
    os_profile = properties.get("osProfile") or {}
    if not os_profile.get("adminUsername") or not os_profile.get("computerName"):
        raise invalid("InvalidParameter", "Required parameter 'osProfile.adminUsername' or 'computerName' is missing.")
    linux = os_profile.get("linuxConfiguration") or {}
    keys = (linux.get("ssh") or {}).get("publicKeys") or []
    if not os_profile.get("adminPassword") and not keys:
        raise invalid(
            "InvalidParameter", "Authentication using either SSH or by user name and password must be enabled."
        )
    if not (properties.get("storageProfile") or {}).get("imageReference"):
        raise invalid("InvalidParameter", "Required parameter 'storageProfile.imageReference' is missing (null).")
    _check_network(world, ask, properties.get("networkProfile") or {})
    _check_identity(world, ask)
    free = cores_limit(world, body["location"]) - cores_used(world, body["location"])
    if SIZES[size.lower()].cores > free:
        text = (
            "Operation could not be completed as it results in exceeding approved Total Regional Cores quota: "
            f"{SIZES[size.lower()].cores} are needed and {free} are left."
        )
        raise Refusal(DOCUMENTED_QUOTA, 409, "OperationNotAllowed", text)
    return decode_custom_data(os_profile.get("customData"))


def decode_custom_data(encoded: Any) -> str:
    """The text of custom data. Raises Refusal where it is no base64 or too long."""
    text = "Custom data in OSProfile must be in Base64 encoding and with a maximum length of 87380 characters."
    try:
        raw = base64.b64decode(encoded or "", validate=True)
        custom_data = raw.decode()
    except (binascii.Error, ValueError, TypeError) as error:
        raise Refusal(_CUSTOM_DATA, 400, "InvalidParameter", text) from error
    if len(raw) > _MAX_CUSTOM_DATA:
        raise Refusal(_CUSTOM_DATA, 400, "InvalidParameter", text)
    return custom_data


def _check_network(world: World, ask: Ask, profile: Json) -> None:
    cards, new = profile.get("networkInterfaces") or [], profile.get("networkInterfaceConfigurations") or []
    if not cards and not new:
        raise invalid("InvalidParameter", "Required parameter 'networkProfile' is missing (null).")
    if new and not profile.get("networkApiVersion"):
        raise invalid("InvalidParameter", "networkApiVersion is required with networkInterfaceConfigurations.")
    for card in cards:
        if world.store.get(str(card.get("id", ""))) is None:
            raise _missing(ask, str(card.get("id", "")))
    for configuration in new:
        addresses = (configuration.get("properties") or {}).get("ipConfigurations") or []
        if not addresses:
            raise invalid("InvalidParameter", "ipConfigurations is required.")
        for address in addresses:
            check_subnet(world, ask, ((address.get("properties") or {}).get("subnet") or {}).get("id") or "")


def check_subnet(world: World, ask: Ask, subnet_id: str) -> None:
    """The subnet exists, in the region of the request, and may be joined."""
    address = parse_resource(subnet_id)
    subnet = world.store.get(subnet_id) if address else None
    network = world.store.get(address.parent.path) if address else None
    if subnet is None or network is None:
        raise _missing(ask, subnet_id)
    if network.location.lower() != str(ask.body["location"]).lower():
        raise _missing(ask, subnet_id)  # Azure looks for it in the machine's region and does not find it there
    action = f"{SUBNETS}/join/action"
    if not world.rights.allowed(ask.claims.principal_id, action, subnet_id):
        raise missing_linked_right(ask.claims.principal_id, action, subnet_id)


def _check_identity(world: World, ask: Ask) -> None:
    for identity_id in (ask.body.get("identity") or {}).get("userAssignedIdentities") or {}:
        if world.store.get(identity_id) is None:
            raise _missing(ask, identity_id)
        action = f"{IDENTITIES}/assign/action"
        if not world.rights.allowed(ask.claims.principal_id, action, identity_id):
            raise missing_linked_right(ask.claims.principal_id, action, identity_id)


def _missing(ask: Ask, resource_id: str) -> Refusal:
    text = f"Resource {resource_id} referenced by resource {ask.path} was not found."
    return Refusal(_REFERENCE, 400, "InvalidResourceReference", text)
