"""The storage front answers the unchanged Azure SDKs as Azure does."""

from __future__ import annotations

import hashlib
import os
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    IncompleteReadError,
    ResourceExistsError,
    ResourceNotFoundError,
    ServiceRequestError,
    ServiceResponseError,
)
from azure.data.tables import TableServiceClient
from azure.storage.blob import (
    BlobBlock,
    BlobClient,
    BlobSasPermissions,
    BlobServiceClient,
    RehydratePriority,
    StandardBlobTier,
    generate_blob_sas,
)
from azure.storage.queue import QueueServiceClient

from local.azure import tokens

if TYPE_CHECKING:
    from conftest import FrontWorld

OWNER = "Storage Blob Data Owner"


def blobs(front: FrontWorld, identity: Any, account: str = "hfbackup") -> BlobServiceClient:
    return BlobServiceClient(front.url("blob", account), credential=identity, **front.options())


@pytest.fixture
def owner(front: FrontWorld, container: str) -> BlobServiceClient:
    """May do everything on the account; the test's container exists."""
    client = blobs(front, front.identity((OWNER, "hfbackup")))
    client.create_container(container)
    return client


def refused(call: Any, status: int, code: str) -> None:
    with pytest.raises(HttpResponseError) as caught:
        call()
    assert (caught.value.status_code, caught.value.error_code) == (status, code)


# --- the SDKs as they are ------------------------------------------------------------------------------------------


def test_blobs_come_back_byte_for_byte_in_blocks_and_ranges(owner: BlobServiceClient, container: str) -> None:
    """Uploads of several blocks, ranged reads, names with signs that need encoding, metadata."""
    content = os.urandom(9_000_000)
    blob = owner.get_blob_client(container, "chains/ä b+c/%25 &=?#.pack")
    blob._config.max_single_put_size = 1 << 20
    blob._config.max_block_size = 1 << 20
    blob.upload_blob(content, metadata={"fence": "7"}, max_concurrency=3)
    assert blob.download_blob(max_concurrency=3).readall() == content
    assert blob.download_blob(offset=1_234_567, length=89).readall() == content[1_234_567 : 1_234_567 + 89]
    assert blob.get_blob_properties().metadata == {"fence": "7"}
    assert [b.name for b in owner.get_container_client(container).list_blobs(name_starts_with="chains/ä b")] == [
        blob.blob_name
    ]
    blob.delete_blob()
    with pytest.raises(ResourceNotFoundError):
        blob.get_blob_properties()


def test_create_only_conditions_and_leases_pass_through(owner: BlobServiceClient, container: str) -> None:
    """The wire keeps If-None-Match and lease ids, on which the repository's safety rests."""
    blob = owner.get_blob_client(container, "once")
    blob.upload_blob(b"first")
    with pytest.raises(ResourceExistsError):
        blob.upload_blob(b"second")
    lease = blob.acquire_lease(15)
    refused(blob.delete_blob, 412, "LeaseIdMissing")
    blob.delete_blob(lease=lease)


def test_empty_and_large_listings_page(owner: BlobServiceClient, container: str) -> None:
    """Continuation tokens survive the way through."""
    client = owner.get_container_client(container)
    assert list(client.list_blobs()) == []
    for n in range(7):
        client.upload_blob(f"b{n}", b"")
    pages = list(client.list_blobs(results_per_page=3).by_page())
    assert [len(list(page)) for page in pages] == [3, 3, 1]


def test_queues_carry_plain_text(front: FrontWorld, container: str) -> None:
    """Send, peek, receive, prolong, delete: all that host and workers do."""
    identity = front.identity(("Storage Queue Data Contributor", "hfstate"))
    service = QueueServiceClient(front.url("queue", "hfstate"), credential=identity, **front.options())
    queue = service.create_queue(container)
    queue.send_message('{"job": "ä"}')
    assert [m.content for m in queue.peek_messages()] == ['{"job": "ä"}']
    (message,) = list(queue.receive_messages(visibility_timeout=30))
    message = queue.update_message(message, visibility_timeout=60)
    queue.delete_message(message)
    assert list(queue.receive_messages()) == []


def test_a_worker_takes_prolongs_and_ends_messages_but_clears_no_queue(front: FrontWorld, container: str) -> None:
    """Update Message is a write: without that right a long job would be delivered twice."""
    boss = front.identity(("Storage Queue Data Contributor", "hfstate"))
    QueueServiceClient(front.url("queue", "hfstate"), credential=boss, **front.options()).create_queue(
        container
    ).send_message("job")
    worker = front.identity(("Holdfast Queue Worker", "hfstate"))
    queue = QueueServiceClient(front.url("queue", "hfstate"), credential=worker, **front.options()).get_queue_client(
        container
    )
    (message,) = list(queue.receive_messages(visibility_timeout=30))
    queue.delete_message(queue.update_message(message, visibility_timeout=60))
    refused(queue.clear_messages, 403, "AuthorizationPermissionMismatch")


def test_tables_compare_and_swap(front: FrontWorld, container: str) -> None:
    """Insert, query with a filter, ETag conflict, transaction, delete: all that the catalog does."""
    identity = front.identity(("Storage Table Data Contributor", "hfstate"))
    service = TableServiceClient(front.url("table", "hfstate"), credential=identity, **front.options())
    table = service.create_table(container)
    table.create_entity({"PartitionKey": "p", "RowKey": "r 1 ä", "n": 1})
    found = table.get_entity("p", "r 1 ä")
    table.update_entity({**found, "n": 2}, etag=found.metadata["etag"], match_condition=_unchanged())
    refused(
        lambda: table.update_entity({**found, "n": 3}, etag=found.metadata["etag"], match_condition=_unchanged()),
        412,
        "UpdateConditionNotSatisfied",
    )
    table.submit_transaction([("upsert", {"PartitionKey": "p", "RowKey": f"t{n}", "n": n}) for n in range(3)])
    assert [e["RowKey"] for e in table.query_entities("n ge 1 and PartitionKey eq 'p'")] == ["r 1 ä", "t1", "t2"]
    table.delete_entity("p", "t1")
    service.delete_table(container)


def _unchanged() -> Any:
    from azure.core import MatchConditions

    return MatchConditions.IfNotModified


# --- who may -------------------------------------------------------------------------------------------------------


def test_an_identity_without_a_role_is_refused(front: FrontWorld, owner: BlobServiceClient, container: str) -> None:
    nobody = blobs(front, front.identity())
    refused(lambda: nobody.get_blob_client(container, "b").upload_blob(b""), 403, "AuthorizationPermissionMismatch")
    refused(lambda: list(nobody.get_container_client(container).list_blobs()), 403, "AuthorizationPermissionMismatch")


def test_the_writer_makes_and_reads_but_neither_overwrites_nor_deletes(
    front: FrontWorld, owner: BlobServiceClient, container: str
) -> None:
    """The ransomware rule: whoever takes a worker over cannot destroy what is stored."""
    place = f"hfbackup/{container}"
    writer = blobs(
        front,
        front.identity(("Holdfast Repository Writer", place), ("Holdfast Repository Locker", f"{place}/blobs/locks")),
    )
    blob = writer.get_blob_client(container, "packs/1")
    blob.upload_blob(b"data")
    assert blob.download_blob().readall() == b"data"
    refused(lambda: blob.upload_blob(b"other", overwrite=True), 403, "UnauthorizedBlobOverwrite")
    blob.stage_block("AAAA", b"other")
    refused(lambda: blob.commit_block_list([BlobBlock("AAAA")]), 403, "UnauthorizedBlobOverwrite")
    large = writer.get_blob_client(container, "packs/2")
    large.stage_block("AAAA", b"new")
    large.commit_block_list([BlobBlock("AAAA")])
    with pytest.raises(ResourceExistsError):
        blob.upload_blob(b"other")
    for destructive in (
        blob.delete_blob,
        lambda: blob.set_blob_metadata({"a": "b"}),
        lambda: blob.set_standard_blob_tier(StandardBlobTier.ARCHIVE),
        lambda: blob.acquire_lease(15),
        lambda: writer.delete_container(container),
    ):
        refused(destructive, 403, "AuthorizationPermissionMismatch")
    assert owner.get_blob_client(container, "packs/1").download_blob().readall() == b"data"


def test_the_writer_leases_locks_and_only_locks(front: FrontWorld, owner: BlobServiceClient, container: str) -> None:
    place = f"hfbackup/{container}"
    identity = front.identity(("Holdfast Repository Writer", place), ("Holdfast Repository Locker", f"{place}/locks"))
    writer = blobs(front, identity)
    lock = writer.get_blob_client(container, "locks/chain")
    lock.upload_blob(b"")
    lease = lock.acquire_lease(15)
    lock.upload_blob(b"", overwrite=True, lease=lease, metadata={"fence": "2"})
    lease.release()
    refused(lock.delete_blob, 403, "AuthorizationPermissionMismatch")


def test_a_role_counts_where_it_was_given(front: FrontWorld, owner: BlobServiceClient, container: str) -> None:
    """Two containers of one account: a right on one is none on the other, nor on one whose name begins alike."""
    reader = blobs(front, front.identity(("Storage Blob Data Reader", f"hfbackup/{container}")))
    owner.create_container(container + "x")
    for name in (container, container + "x"):
        owner.get_blob_client(name, "b").upload_blob(b"1")
    assert reader.get_blob_client(container, "b").download_blob().readall() == b"1"
    refused(reader.get_blob_client(container + "x", "b").download_blob, 403, "AuthorizationPermissionMismatch")


def test_a_right_that_is_withdrawn_counts_at_once(front: FrontWorld, owner: BlobServiceClient, container: str) -> None:
    identity = front.identity((OWNER, "hfbackup"))
    client = blobs(front, identity)
    client.get_blob_client(container, "b").upload_blob(b"")
    denial = front.rights.withdraw(identity.principal_id, "Microsoft.Storage/*")
    refused(client.get_blob_client(container, "b").download_blob, 403, "AuthorizationPermissionMismatch")
    front.rights.restore(denial)
    client.get_blob_client(container, "b").download_blob()


@pytest.mark.parametrize("what", ["expired", "audience", "forged", "absent", "key"])
def test_bad_credentials_are_refused(front: FrontWorld, owner: BlobServiceClient, container: str, what: str) -> None:
    """Expired, made for somebody else, signed by somebody else, none at all, or an account key."""
    identity = front.identity((OWNER, "hfbackup"), lifetime=-5 if what == "expired" else 3600)
    if what == "audience":
        identity.audience = "https://vault.azure.net"
    token = identity.get_token().token
    if what == "forged":
        head, body, signature = token.split(".")
        token = f"{head}.{body}.{signature[:-6]}AAAAAA"
    headers = {"x-ms-version": "2021-12-02"}
    if what != "absent":
        headers["Authorization"] = "SharedKey hfbackup:xyz" if what == "key" else f"Bearer {token}"
    answer = front.http.get(f"/hfbackup/{container}?restype=container", headers=headers)
    expected = {
        "absent": (401, "NoAuthenticationInformation"),
        "key": (403, "KeyBasedAuthenticationNotPermitted"),
    }.get(what, (401, "InvalidAuthenticationInfo"))
    assert (answer.status_code, answer.headers["x-ms-error-code"]) == expected


def test_tokens_that_all_expire_at_once_are_refused(
    front: FrontWorld, owner: BlobServiceClient, container: str
) -> None:
    """What happens to a long export when its token dies in the middle."""
    identity = front.identity((OWNER, "hfbackup"))
    token = identity.get_token()
    identity.get_token = lambda *a, **k: token  # type: ignore[method-assign]
    client = blobs(front, identity)
    client.get_blob_client(container, "b").upload_blob(b"")
    tokens.expire_all(front.folder)
    with pytest.raises(ClientAuthenticationError):
        client.get_blob_client(container, "b").download_blob()


# --- delegation SAS ------------------------------------------------------------------------------------------------


def sas_url(front: FrontWorld, container: str, blob: str, **more: Any) -> str:
    """A link as the app makes it for a download."""
    service = blobs(front, more.pop("identity", None) or front.identity((OWNER, "hfbackup")))
    now = front.clock.now()
    key = service.get_user_delegation_key(now - timedelta(minutes=5), now + timedelta(hours=1))
    fields: dict[str, Any] = {"permission": BlobSasPermissions(read=True), "expiry": now + timedelta(minutes=10)}
    token = generate_blob_sas("hfbackup", container, blob, user_delegation_key=key, **{**fields, **more})
    return f"{front.url()}/{container}/{blob}?{token}"


def test_a_link_downloads_its_blob_under_a_name_and_nothing_else(
    front: FrontWorld, owner: BlobServiceClient, container: str
) -> None:
    for name in ("a.bacpac", "b.bacpac"):
        owner.get_blob_client(container, name).upload_blob(name.encode())
    url = sas_url(front, container, "a.bacpac", content_disposition='attachment; filename="x.bacpac"')
    answer = front.http.get(url)
    assert (answer.status_code, answer.content) == (200, b"a.bacpac")
    assert answer.headers["content-disposition"] == 'attachment; filename="x.bacpac"'
    assert front.http.get(url.replace("a.bacpac?", "b.bacpac?")).status_code == 403
    assert front.http.delete(url).status_code == 403
    assert front.http.put(url, content=b"x", headers={"x-ms-blob-type": "BlockBlob"}).status_code == 403
    assert BlobClient.from_blob_url(url, **front.options()).download_blob().readall() == b"a.bacpac"


def test_a_link_ends_by_the_clock(front: FrontWorld, owner: BlobServiceClient, container: str) -> None:
    owner.get_blob_client(container, "a").upload_blob(b"1")
    url = sas_url(front, container, "a")
    assert front.http.get(url).status_code == 200
    front.clock.advance(timedelta(minutes=11))
    assert front.http.get(url).status_code == 403


def test_a_link_that_was_changed_is_refused(front: FrontWorld, owner: BlobServiceClient, container: str) -> None:
    """Longer life, other rights, another key owner: each breaks the signature."""
    owner.get_blob_client(container, "a").upload_blob(b"1")
    url = httpx.URL(sas_url(front, container, "a"))
    for name, value in (
        ("sp", "rw"),
        ("se", "2099-01-01T00:00:00Z"),
        ("skoid", "other"),
        ("ske", "2099-01-01T00:00:00Z"),
    ):
        assert front.http.get(url.copy_set_param(name, value)).status_code == 403, name


def test_a_link_gives_no_more_than_its_maker_has(front: FrontWorld, owner: BlobServiceClient, container: str) -> None:
    owner.get_blob_client(container, "a").upload_blob(b"1")
    identity = front.identity((OWNER, "hfbackup"))
    url = sas_url(front, container, "a", identity=identity)
    front.rights.withdraw(identity.principal_id, "*")
    assert front.http.get(url).status_code == 403


# --- archive and rehydration ---------------------------------------------------------------------------------------


def test_rehydration_is_pending_until_its_time_has_come(
    front: FrontWorld, owner: BlobServiceClient, container: str
) -> None:
    """Fifteen hours at standard priority, seen in properties and listings; reads are refused until then."""
    blob = owner.get_blob_client(container, "packs/ä 1")
    blob.upload_blob(b"cold", standard_blob_tier=StandardBlobTier.ARCHIVE)
    refused(blob.download_blob, 409, "BlobArchived")
    blob.set_standard_blob_tier(StandardBlobTier.HOT)
    found = blob.get_blob_properties()
    assert (found.blob_tier, found.archive_status) == ("Archive", "rehydrate-pending-to-hot")
    (listed,) = owner.get_container_client(container).list_blobs()
    assert (listed.name, listed.blob_tier, listed.archive_status) == (
        "packs/ä 1",
        "Archive",
        "rehydrate-pending-to-hot",
    )
    front.clock.advance(timedelta(hours=14, minutes=59))
    refused(blob.download_blob, 409, "BlobArchived")
    refused(lambda: blob.set_standard_blob_tier(StandardBlobTier.HOT), 409, "BlobBeingRehydrated")
    front.clock.advance(timedelta(minutes=2))
    (listed,) = owner.get_container_client(container).list_blobs()
    assert (listed.blob_tier, listed.archive_status) == ("Hot", None)
    assert blob.download_blob().readall() == b"cold"


def test_high_priority_is_faster_and_can_be_asked_for_later(
    front: FrontWorld, owner: BlobServiceClient, container: str
) -> None:
    blob = owner.get_blob_client(container, "p")
    blob.upload_blob(b"cold", standard_blob_tier=StandardBlobTier.ARCHIVE)
    blob.set_standard_blob_tier(StandardBlobTier.COOL)
    blob.set_standard_blob_tier(StandardBlobTier.COOL, rehydrate_priority=RehydratePriority.HIGH)
    found = blob.get_blob_properties()
    assert (found.archive_status, found.rehydrate_priority) == ("rehydrate-pending-to-cool", "High")
    front.clock.advance(timedelta(hours=1, seconds=1))
    assert blob.download_blob().readall() == b"cold"
    assert blob.get_blob_properties().blob_tier == "Cool"


def test_a_deleted_blob_is_rehydrated_no_more(front: FrontWorld, owner: BlobServiceClient, container: str) -> None:
    """A new blob of the same name must not inherit the state of the old one."""
    blob = owner.get_blob_client(container, "p")
    blob.upload_blob(b"cold", standard_blob_tier=StandardBlobTier.ARCHIVE)
    blob.set_standard_blob_tier(StandardBlobTier.HOT)
    blob.delete_blob()
    blob.upload_blob(b"new", standard_blob_tier=StandardBlobTier.ARCHIVE)
    assert blob.get_blob_properties().archive_status is None
    front.clock.advance(timedelta(hours=20))
    refused(blob.download_blob, 409, "BlobArchived")


def test_the_rehydrator_changes_tiers_and_nothing_else(
    front: FrontWorld, owner: BlobServiceClient, container: str
) -> None:
    place = f"hfbackup/{container}"
    owner.get_blob_client(container, "p").upload_blob(b"", standard_blob_tier=StandardBlobTier.ARCHIVE)
    identity = front.identity(("Storage Blob Data Reader", place), ("Holdfast Rehydrator", place))
    blob = blobs(front, identity).get_blob_client(container, "p")
    blob.set_standard_blob_tier(StandardBlobTier.HOT)
    refused(lambda: blob.set_blob_metadata({"a": "b"}), 403, "AuthorizationPermissionMismatch")


# --- faults --------------------------------------------------------------------------------------------------------


def test_a_fault_strikes_as_often_as_asked(front: FrontWorld, owner: BlobServiceClient, container: str) -> None:
    blob = owner.get_blob_client(container, "b")
    front.fault(match=f"PUT blob /hfbackup/{container}/b", status=503, code="ServerBusy", skip=1, count=2)
    blob.upload_blob(b"1")
    for _ in range(2):
        refused(lambda: blob.upload_blob(b"2", overwrite=True), 503, "ServerBusy")
    blob.upload_blob(b"3", overwrite=True)
    assert blob.download_blob().readall() == b"3"


def test_a_lost_connection_leaves_the_work_undone_or_done(
    front: FrontWorld, owner: BlobServiceClient, container: str
) -> None:
    """Both kinds of lost answer: a retry must cope with either."""
    before, after = (owner.get_blob_client(container, name) for name in ("before", "after"))
    front.fault(match=f"{container}/before", drop="before")
    front.fault(match=f"{container}/after", drop="after")
    for blob in (before, after):
        with pytest.raises((ServiceResponseError, ServiceRequestError)):
            blob.upload_blob(b"x")
    assert not before.exists()
    assert after.exists()


def test_an_answer_may_break_off_in_the_middle(front: FrontWorld, owner: BlobServiceClient, container: str) -> None:
    blob = owner.get_blob_client(container, "b")
    blob.upload_blob(os.urandom(3_000_000))
    front.fault(match=f"GET blob /hfbackup/{container}/b", drop="middle", after_bytes=1_000_000, count=None)
    with pytest.raises((ServiceResponseError, IncompleteReadError, HttpResponseError)):
        blob.download_blob().readall()
    front.http.delete("/.local/faults")
    assert len(blob.download_blob().readall()) == 3_000_000


def test_the_admin_route_wants_its_key(front: FrontWorld) -> None:
    assert front.http.get("/.local/faults", headers={"x-local-key": "wrong"}).status_code == 403


def test_requests_are_remembered_without_secrets(front: FrontWorld, owner: BlobServiceClient, container: str) -> None:
    owner.get_blob_client(container, "a").upload_blob(b"12345")
    front.http.get(sas_url(front, container, "a"))
    text = front.http.get("/.local/requests").text
    (put,) = [
        r
        for r in front.http.get("/.local/requests").json()
        if r["path"].endswith(f"{container}/a") and r["method"] == "PUT"
    ]
    assert (put["status"], put["bytes_in"]) == (201, 5)
    assert "sig=" not in text
    assert "eyJ" not in text


# --- size ----------------------------------------------------------------------------------------------------------


def test_large_bodies_stream_with_bounded_memory(front: FrontWorld, owner: BlobServiceClient, container: str) -> None:
    """One Put Blob and one GET of 192 MB: the front's memory must not grow with them."""
    piece = os.urandom(1 << 20)
    total = 192 << 20
    identity = front.identity((OWNER, "hfbackup"))
    headers = {
        "Authorization": f"Bearer {identity.get_token().token}",
        "x-ms-version": "2021-12-02",
        "x-ms-blob-type": "BlockBlob",
        "Content-Length": str(total),
    }
    url = f"/hfbackup/{container}/large"
    before = front.peak_memory()
    answer = front.http.put(url, content=(piece for _ in range(total >> 20)), headers=headers, timeout=100)
    assert answer.status_code == 201
    digest, expected = hashlib.sha256(), hashlib.sha256()
    with front.http.stream("GET", url, headers={k: v for k, v in headers.items() if k[0] != "C"}, timeout=100) as body:
        for chunk in body.iter_bytes():
            digest.update(chunk)
    for _ in range(total >> 20):
        expected.update(piece)
    assert digest.hexdigest() == expected.hexdigest()
    assert front.peak_memory() - before < 40 << 20
