"""The body of a worker VM: Linux, no address of its own, everything that is made with it goes with it. Pure but for the
throw-away key.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from holdfast.model.errors import InvalidInput
from holdfast.settings import RegionProfile

#: Azure takes that much custom data before encoding.
LONGEST_CUSTOM_DATA = 65_535
#: Version of the network provider that makes the card with the machine.
_NETWORK_API = "2023-11-01"
_ADMIN = "holdfast"


def vm_body(
    name: str, region: str, profile: RegionProfile, identity: str, tags: Mapping[str, str], custom_data: str
) -> dict[str, Any]:
    """The body of the PUT. Raises InvalidInput for custom data or an image name that Azure would not take."""
    publisher, offer, sku, version = _image(profile.image)
    public_key = throw_away_public_key()
    return {
        "location": region,
        "tags": dict(tags),
        "identity": {"type": "UserAssigned", "userAssignedIdentities": {identity: {}}},
        "properties": {
            "hardwareProfile": {"vmSize": profile.size},
            # Not spot: an export cannot be resumed, so an eviction would cost all of it.
            "priority": "Regular",
            "storageProfile": {
                "imageReference": {"publisher": publisher, "offer": offer, "sku": sku, "version": version},
                "osDisk": {
                    "name": f"{name}-os",
                    "createOption": "FromImage",
                    "caching": "ReadWrite",
                    "managedDisk": {"storageAccountType": "StandardSSD_LRS"},
                    "deleteOption": "Delete",
                },
            },
            "osProfile": {
                "computerName": name,
                "adminUsername": _ADMIN,
                "customData": _encoded(custom_data),
                "linuxConfiguration": {
                    "disablePasswordAuthentication": True,
                    "ssh": {"publicKeys": [{"path": f"/home/{_ADMIN}/.ssh/authorized_keys", "keyData": public_key}]},
                },
            },
            "networkProfile": {
                "networkApiVersion": _NETWORK_API,
                "networkInterfaceConfigurations": [
                    {
                        "name": f"{name}-nic",
                        "tags": dict(tags),
                        "properties": {
                            "primary": True,
                            "deleteOption": "Delete",
                            "ipConfigurations": [
                                {"name": "ip", "properties": {"primary": True, "subnet": {"id": profile.subnet}}}
                            ],
                        },
                    }
                ],
            },
            "diagnosticsProfile": {"bootDiagnostics": {"enabled": True}},
        },
    }


def throw_away_public_key() -> str:
    """A public key whose private half is never kept: Azure demands a key or a password, and nobody may log in."""
    from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    key = generate_private_key(public_exponent=65537, key_size=2048).public_key()
    return key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def _image(text: str) -> tuple[str, str, str, str]:
    parts = text.split(":")
    if len(parts) != 4 or not all(parts):
        raise InvalidInput(f"image {text!r} of the worker profile is not publisher:offer:sku:version")
    return parts[0], parts[1], parts[2], parts[3]


def _encoded(custom_data: str) -> str:
    data = custom_data.encode()
    if len(data) > LONGEST_CUSTOM_DATA:
        raise InvalidInput(f"the worker's custom data has {len(data):,} bytes; Azure takes {LONGEST_CUSTOM_DATA:,}")
    return base64.b64encode(data).decode()
