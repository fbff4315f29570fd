"""The storage front answers for version-level immutability as Azure does: the unchanged SDK against it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.storage.blob import BlobServiceClient, ContainerClient, ImmutabilityPolicy, StandardBlobTier

from local import processes
from local.storage_front import process

if TYPE_CHECKING:
    from conftest import FrontWorld

OWNER = "Storage Blob Data Owner"


def refused(call: Callable[[], object], status: int, code: str) -> None:
    with pytest.raises(HttpResponseError) as caught:
        call()
    response: Any = caught.value.response
    assert (caught.value.status_code, response.headers["x-ms-error-code"]) == (status, code)


@pytest.fixture
def service(front: FrontWorld) -> BlobServiceClient:
    return BlobServiceClient(front.url("blob"), credential=front.identity((OWNER, "hfbackup")), **front.options())


@pytest.fixture
def immutable(front: FrontWorld, service: BlobServiceClient, container: str) -> ContainerClient:
    """A container with version-level immutability."""
    made = service.create_container(container)
    place = {"account": "hfbackup", "container": container}
    front.http.post("/.local/immutability", json=place).raise_for_status()
    return made


def policy(front: FrontWorld, days: float, mode: str = "Locked") -> ImmutabilityPolicy:
    return ImmutabilityPolicy(expiry_time=whole(front.clock.now() + timedelta(days=days)), policy_mode=mode)


def whole(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(microsecond=0)


def test_the_container_says_whether_it_has_it(
    service: BlobServiceClient, immutable: ContainerClient, container: str
) -> None:
    assert immutable.get_container_properties().immutable_storage_with_versioning_enabled is True
    other = service.create_container(container + "x")
    assert other.get_container_properties().immutable_storage_with_versioning_enabled is False
    refused(immutable.delete_container, 409, "ContainerImmutableStorageWithVersioningEnabled")
    other.upload_blob("a", b"")
    refused(
        lambda: other.get_blob_client("a").set_legal_hold(True), 409, "ContainerImmutableStorageWithVersioningDisabled"
    )


def test_a_policy_is_told_with_properties_downloads_and_listings(front: FrontWorld, immutable: ContainerClient) -> None:
    blob = immutable.upload_blob("chains/ä b/1", b"x")
    wanted = policy(front, 3)
    told = blob.set_immutability_policy(wanted)
    assert told["immutability_policy_mode"] == "locked"
    found = blob.get_blob_properties()
    assert found.immutability_policy.expiry_time == wanted.expiry_time
    assert found.immutability_policy.policy_mode == "locked"
    assert (found.has_legal_hold, found.is_current_version) == (None, True)
    assert blob.download_blob().properties.immutability_policy.expiry_time == wanted.expiry_time
    assert blob.set_legal_hold(True)["legal_hold"] is True
    (listed,) = immutable.list_blobs(include=["immutabilitypolicy", "legalhold", "metadata"])
    assert listed.immutability_policy.expiry_time == wanted.expiry_time
    assert listed.immutability_policy.policy_mode == "locked"
    assert listed.has_legal_hold is True
    (listed,) = immutable.list_blobs()
    assert (listed.immutability_policy.expiry_time, listed.has_legal_hold) == (None, None)


def test_a_locked_policy_only_grows(front: FrontWorld, immutable: ContainerClient) -> None:
    blob = immutable.upload_blob("a", b"x")
    blob.set_immutability_policy(policy(front, 3))
    refused(lambda: blob.set_immutability_policy(policy(front, 2)), 409, "BlobImmutableDueToPolicy")
    refused(lambda: blob.set_immutability_policy(policy(front, 4, "Unlocked")), 409, "BlobImmutableDueToPolicy")
    refused(blob.delete_immutability_policy, 409, "BlobImmutableDueToPolicy")
    blob.set_immutability_policy(policy(front, 5))
    refused(lambda: blob.set_immutability_policy(policy(front, -1)), 400, "InvalidHeaderValue")
    refused(lambda: immutable.get_blob_client("none").set_immutability_policy(policy(front, 1)), 404, "BlobNotFound")


def test_an_unlocked_policy_protects_and_can_be_taken_back(front: FrontWorld, immutable: ContainerClient) -> None:
    blob = immutable.upload_blob("a", b"x")
    blob.set_immutability_policy(policy(front, 3, "Unlocked"))
    refused(blob.delete_blob, 409, "BlobImmutableDueToPolicy")
    blob.set_immutability_policy(policy(front, 2, "Unlocked"))
    blob.delete_immutability_policy()
    blob.delete_blob()


def test_a_protected_blob_is_neither_deleted_nor_changed_but_may_be_written_over(
    front: FrontWorld, immutable: ContainerClient
) -> None:
    """Put Blob makes a version: the protected one stays beneath, and can still not be deleted."""
    blob = immutable.upload_blob("a", b"first", metadata={"put": "1"})
    blob.set_immutability_policy(policy(front, 3))
    refused(blob.delete_blob, 409, "BlobImmutableDueToPolicy")
    refused(lambda: blob.set_blob_metadata({"a": "b"}), 409, "BlobImmutableDueToPolicy")
    blob.set_standard_blob_tier(StandardBlobTier.COOL)
    blob.upload_blob(b"second", overwrite=True)
    assert blob.get_blob_properties().immutability_policy.expiry_time is None
    blob.delete_blob()
    with pytest.raises(ResourceNotFoundError):
        blob.download_blob()
    first, second = immutable.list_blobs(include=["versions", "metadata", "immutabilitypolicy"])
    assert (first.metadata, first.size, first.is_current_version) == ({"put": "1"}, 5, None)
    assert first.blob_tier == "Cool"
    assert (second.metadata or {}, second.immutability_policy.expiry_time) == ({}, None)
    old = immutable.get_blob_client("a", version_id=first.version_id)
    assert old.download_blob().readall() == b"first"
    assert old.download_blob(offset=1, length=3).readall() == b"irs"
    assert old.get_blob_properties().immutability_policy.policy_mode == "locked"
    refused(old.delete_blob, 409, "BlobImmutableDueToPolicy")
    front.clock.advance(timedelta(days=4))
    old.delete_blob()
    immutable.get_blob_client("a", version_id=second.version_id).delete_blob()
    assert list(immutable.list_blobs(include=["versions"])) == []


def test_a_legal_hold_comes_before_an_ended_policy(front: FrontWorld, immutable: ContainerClient) -> None:
    blob = immutable.upload_blob("a", b"x")
    blob.set_immutability_policy(policy(front, 1))
    blob.set_legal_hold(True)
    front.clock.advance(timedelta(days=2))
    refused(blob.delete_blob, 409, "BlobImmutableDueToLegalHold")
    blob.set_legal_hold(False)
    blob.delete_blob()


def test_the_current_version_is_not_deleted_by_its_id(immutable: ContainerClient) -> None:
    blob = immutable.upload_blob("a", b"x")
    current = blob.get_blob_properties()["version_id"]
    refused(
        lambda: immutable.get_blob_client("a", version_id=current).delete_blob(), 403, "OperationNotAllowedOnRootBlob"
    )
    assert immutable.get_blob_client("a", version_id=current).download_blob().readall() == b"x"
    refused(
        lambda: immutable.get_blob_client("a", version_id="2020-01-01T00:00:00.0000000Z").delete_blob(),
        404,
        "BlobNotFound",
    )


def test_versions_come_in_order_over_pages(immutable: ContainerClient) -> None:
    for n in range(5):
        immutable.upload_blob(f"b{n}", b"")
    for n in (1, 3, 4):
        immutable.upload_blob(f"b{n}", b"new", overwrite=True)
    immutable.delete_blob("b3")
    immutable.delete_blob("b4")
    expected = ["b0", "b1", "b1", "b2", "b3", "b3", "b4", "b4"]
    assert [blob.name for blob in immutable.list_blobs(include=["versions"])] == expected
    assert [blob.size for blob in immutable.list_blobs(name_starts_with="b1", include=["versions"])] == [0, 3]
    pages = immutable.list_blobs(include=["versions"], results_per_page=2).by_page()
    assert [blob.name for page in pages for blob in page] == expected
    assert [blob.name for blob in immutable.list_blobs()] == ["b0", "b1", "b2"]


def test_an_archived_blob_keeps_its_versions_too(immutable: ContainerClient) -> None:
    blob = immutable.upload_blob("a", b"cold", standard_blob_tier=StandardBlobTier.ARCHIVE)
    blob.delete_blob()
    (kept,) = immutable.list_blobs(include=["versions"])
    assert kept.blob_tier == "Archive"


def test_policies_holds_and_versions_outlive_a_restart(front: FrontWorld, immutable: ContainerClient) -> None:
    blob = immutable.upload_blob("a", b"first")
    blob.set_immutability_policy(policy(front, 3))
    blob.set_legal_hold(True)
    blob.upload_blob(b"second", overwrite=True)
    again, ports = process.start(
        front.config.model_copy(update={"ready_file": front.config.ready_file.with_name("again.json")}),
        front.config.ready_file.with_name("again-config.json"),
        log=front.config.ready_file.with_name("again.log"),
    )
    try:
        url = f"https://127.0.0.1:{ports.blob}/hfbackup"
        identity = front.identity((OWNER, "hfbackup"))
        client = ContainerClient(url, immutable.container_name, credential=identity, **front.options())
        first, second = client.list_blobs(include=["versions", "immutabilitypolicy", "legalhold"])
        assert (first.has_legal_hold, first.immutability_policy.policy_mode) == (True, "locked")
        assert (second.is_current_version, second.has_legal_hold) == (True, None)
    finally:
        processes.stop(again)


@pytest.mark.parametrize("role", ["Holdfast Repository Writer", "Holdfast Job Writer"])
def test_rights_are_asked_for_apart(front: FrontWorld, immutable: ContainerClient, container: str, role: str) -> None:
    """Setting locks is a right of its own; so is deleting versions."""
    blob = immutable.upload_blob("a", b"x")
    blob.upload_blob(b"y", overwrite=True)
    old = next(iter(immutable.list_blobs(include=["versions"]))).version_id
    place = f"hfbackup/{container}"
    identity = front.identity((role, place))
    client = ContainerClient(front.url("blob"), container, credential=identity, **front.options())
    mine = client.get_blob_client("a")
    for attempt in (
        lambda: mine.set_immutability_policy(policy(front, 1)),
        mine.delete_immutability_policy,
        lambda: mine.set_legal_hold(True),
        lambda: client.get_blob_client("a", version_id=old).delete_blob(),
    ):
        refused(attempt, 403, "AuthorizationPermissionMismatch")
