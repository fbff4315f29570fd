"""The body of a worker VM."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.serialization import load_ssh_public_key

from holdfast.cloud.vm_body import LONGEST_CUSTOM_DATA, throw_away_public_key, vm_body
from holdfast.model.errors import InvalidInput
from holdfast.settings import RegionProfile

PROFILE = RegionProfile(size="Standard_D4ds_v5", resource_group="g", subnet="/s/subnet")


def body(custom_data: str = "#cloud-config\n", profile: RegionProfile = PROFILE) -> dict[str, object]:
    """The body of a worker."""
    return vm_body("hf-x-1", "westeurope", profile, "/id/writer", {"holdfast": "test"}, custom_data)


def test_everything_that_is_made_with_the_machine_goes_with_it() -> None:
    """Disk and card; no address of its own; not spot; no password."""
    properties = body()["properties"]
    assert isinstance(properties, dict)
    assert properties["storageProfile"]["osDisk"]["deleteOption"] == "Delete"
    (card,) = properties["networkProfile"]["networkInterfaceConfigurations"]
    assert card["properties"]["deleteOption"] == "Delete"
    assert "publicIPAddressConfiguration" not in str(properties)
    assert properties["priority"] == "Regular"
    assert properties["osProfile"]["linuxConfiguration"]["disablePasswordAuthentication"] is True
    assert "adminPassword" not in properties["osProfile"]
    assert base64.b64decode(properties["osProfile"]["customData"]) == b"#cloud-config\n"


def test_the_key_is_another_one_each_time_and_nobody_has_its_half() -> None:
    """Azure demands one; nobody may log in."""
    one, other = throw_away_public_key(), throw_away_public_key()
    assert one != other
    assert load_ssh_public_key(one.encode()).key_size == 2048  # type: ignore[union-attr]


def test_custom_data_that_azure_would_not_take_is_refused_before_it_is_sent() -> None:
    """In bytes, not in letters."""
    body("x" * LONGEST_CUSTOM_DATA)
    with pytest.raises(InvalidInput, match="65,536"):
        body("x" * (LONGEST_CUSTOM_DATA + 1))
    with pytest.raises(InvalidInput):
        body("ö" * (LONGEST_CUSTOM_DATA // 2 + 1))


def test_an_image_without_a_version_is_refused() -> None:
    """The latest of today is not that of tomorrow."""
    with pytest.raises(InvalidInput, match="publisher:offer:sku:version"):
        body(profile=PROFILE.model_copy(update={"image": "Canonical:ubuntu:server"}))
