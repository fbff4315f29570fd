"""Azure Blob Storage as object storage: one container.

Creating is `If-None-Match: *`. Every put carries a random id as metadata: when a retry of ours finds the name taken, the id
tells whether the first attempt had arrived after all, so a lost answer is no conflict and a conflict is no success.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from azure.core import MatchConditions
from azure.core.credentials import AzureNamedKeyCredential, TokenCredential
from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError, ResourceExistsError
from azure.storage.blob import (
    BlobBlock,
    BlobClient,
    BlobLeaseClient,
    BlobProperties,
    ContainerClient,
    ExponentialRetry,
    RehydratePriority,
)
from azure.storage.blob import StandardBlobTier as BlobTier

from holdfast.model.errors import Damaged, Forbidden, Rehydrating, Unavailable
from holdfast.storage.errors import AlreadyExists, LeaseHeld, LeaseLost, ObjectMissing
from holdfast.storage.interface import Data, Lease, ObjectInfo, Priority, Tier, check_name, parts_of

#: Larger objects go up in blocks of this size; smaller ones in one request.
BLOCK = 8 << 20
#: The longest time in all that one request is tried again is about a minute.
INITIAL_BACKOFF, BACKOFF_BASE, RETRIES = 1, 2, 5
PUT_ID = "holdfastput"
TIERS = {Tier.HOT: BlobTier.HOT, Tier.COOL: BlobTier.COOL, Tier.COLD: BlobTier.COLD, Tier.ARCHIVE: BlobTier.ARCHIVE}


class AzureBlobStore:
    """Keeps objects as block blobs of one container, which must exist."""

    tiers = True

    def __init__(
        self,
        url: str,
        *,
        credential: TokenCredential | AzureNamedKeyCredential | None = None,
        api_version: str | None = None,
        **transport: Any,
    ) -> None:
        """`transport` goes to the SDK's client as it is (for example `connection_timeout`, `retry_policy`)."""
        self.url = url.rstrip("/")
        options: dict[str, Any] = {
            "retry_policy": ExponentialRetry(INITIAL_BACKOFF, BACKOFF_BASE, RETRIES),
            "max_single_get_size": 64 << 20,
            "max_single_put_size": BLOCK,
            **transport,
        }
        if api_version:
            options["api_version"] = api_version
        self._container = ContainerClient.from_container_url(self.url, credential=credential, **options)

    def put(self, name: str, data: Data, *, tier: Tier = Tier.HOT) -> None:
        """See ObjectStore."""
        parts = parts_of(data)
        size = sum(len(part) for part in parts)
        blob = self._blob(name)
        put_id = secrets.token_hex(16)
        # Hot is what new blobs are; naming it would be refused by accounts without tiers.
        options: dict[str, Any] = {"metadata": {PUT_ID: put_id}}
        if tier is not Tier.HOT:
            options["standard_blob_tier"] = TIERS[tier]
        with _translated(name):
            try:
                if size <= BLOCK:
                    blob.upload_blob(b"".join(parts), length=size, overwrite=False, **options)
                else:
                    blocks = [BlobBlock(block_id) for block_id in self._stage(blob, parts)]
                    blob.commit_block_list(blocks, match_condition=MatchConditions.IfMissing, **options)
            except HttpResponseError as error:
                # Blocks of a name vanish when somebody else commits it first: then the list is called invalid.
                if not isinstance(error, ResourceExistsError) and _code(error) != "InvalidBlockList":
                    raise
                if not self._is_ours(blob, put_id):
                    raise AlreadyExists(name) from None

    def get(self, name: str) -> bytes:
        """See ObjectStore."""
        with _translated(name):
            return bytes(self._blob(name).download_blob().readall())

    def get_range(self, name: str, offset: int, length: int) -> bytes:
        """See ObjectStore."""
        if length <= 0:
            self.stat(name)
            return b""
        with _translated(name):
            try:
                return bytes(self._blob(name).download_blob(offset=offset, length=length).readall())
            except HttpResponseError as error:
                if error.status_code == 416:  # at or after the end
                    return b""
                raise

    def stream(self, name: str) -> Iterator[bytes]:
        """See ObjectStore."""
        with _translated(name):
            yield from self._blob(name).download_blob().chunks()

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """See ObjectStore."""
        with _translated(prefix):
            for blob in self._container.list_blobs(name_starts_with=prefix or None):
                yield _info(blob)

    def stat(self, name: str) -> ObjectInfo:
        """See ObjectStore."""
        with _translated(name):
            return _info(self._blob(name).get_blob_properties())

    def delete(self, name: str) -> None:
        """See ObjectStore."""
        with suppress(ObjectMissing), _translated(name):
            self._blob(name).delete_blob()

    def acquire(self, name: str, owner: str, duration: timedelta) -> Lease:
        """See ObjectStore. A blob lease guards the lock object; its content counts the fence."""
        blob = self._blob(name)
        seconds = min(60, max(15, int(duration.total_seconds())))
        with _translated(name):
            with suppress(ResourceExistsError):
                blob.upload_blob(b"", overwrite=False)
            # The client proposes one lease id for all its attempts: a repeated acquisition of ours succeeds again.
            lease = BlobLeaseClient(blob)
            try:
                lease.acquire(lease_duration=seconds)
            except HttpResponseError as error:
                if _code(error) == "LeaseAlreadyPresent":
                    raise LeaseHeld(f"{name} is held by {self._holder(blob)}") from None
                raise
            try:
                fence = self._next_fence(name, blob)
                content = json.dumps({"fence": fence, "owner": owner}).encode()
                blob.upload_blob(content, overwrite=True, lease=lease)
            except BaseException:
                with suppress(AzureError):
                    lease.release()
                raise
        return Lease(name, owner, fence, str(lease.id), datetime.now(UTC) + timedelta(seconds=seconds))

    def renew(self, lease: Lease) -> Lease:
        """See ObjectStore."""
        client = BlobLeaseClient(self._blob(lease.name), lease_id=lease.token)
        with _translated(lease.name):
            try:
                client.renew()
            except HttpResponseError as error:
                if error.status_code in (404, 409, 412):
                    raise LeaseLost(lease.name) from None
                raise
        # Azure keeps the duration to itself; the shortest is the safe guess.
        return Lease(lease.name, lease.owner, lease.fence, lease.token, datetime.now(UTC) + timedelta(seconds=15))

    def release(self, lease: Lease) -> None:
        """See ObjectStore."""
        client = BlobLeaseClient(self._blob(lease.name), lease_id=lease.token)
        with _translated(lease.name):
            try:
                client.release()
            except HttpResponseError as error:
                if error.status_code not in (404, 409, 412):
                    raise

    def set_tier(self, name: str, tier: Tier) -> None:
        """See ObjectStore."""
        info = self.stat(name)
        if info.tier is tier:
            return
        if info.tier is Tier.ARCHIVE:
            raise Rehydrating(name)
        with _translated(name):
            self._blob(name).set_standard_blob_tier(TIERS[tier])

    def rehydrate(self, name: str, priority: Priority = "Standard") -> ObjectInfo:
        """See ObjectStore."""
        info = self.stat(name)
        if info.readable or info.rehydrating:
            return info
        with _translated(name):
            try:
                self._blob(name).set_standard_blob_tier(BlobTier.HOT, rehydrate_priority=RehydratePriority(priority))
            except HttpResponseError as error:
                if _code(error) != "BlobBeingRehydrated":
                    raise
        return self.stat(name)

    def close(self) -> None:
        """See ObjectStore."""
        self._container.close()

    def _blob(self, name: str) -> BlobClient:
        return self._container.get_blob_client(check_name(name))

    def _stage(self, blob: BlobClient, parts: Sequence[bytes | bytearray | memoryview]) -> Iterator[str]:
        """Sends the parts as blocks; yields the blocks' ids. Ids are new for every put, so writers do not mix theirs."""
        mark = secrets.token_hex(8)
        for number, block in enumerate(_blocks(parts)):
            block_id = f"{mark}{number:08d}"
            blob.stage_block(block_id, block, length=len(block))
            yield block_id

    def _is_ours(self, blob: BlobClient, put_id: str) -> bool:
        """Whether the blob is what this put sent: its answer was lost and the SDK asked again."""
        return dict(blob.get_blob_properties().metadata or {}).get(PUT_ID) == put_id

    def _holder(self, blob: BlobClient) -> str:
        try:
            return str(json.loads(blob.download_blob().readall())["owner"])
        except (AzureError, ValueError, KeyError):
            return "another writer"

    def _next_fence(self, name: str, blob: BlobClient) -> int:
        content = bytes(blob.download_blob().readall())
        # A new lock begins at the time in seconds, so that the fence does not fall where a lock object was deleted.
        floor = int(datetime.now(UTC).timestamp())
        if not content:
            return floor
        try:
            return max(int(json.loads(content)["fence"]) + 1, floor)
        except (ValueError, KeyError, TypeError):
            raise Damaged(name, help=f"Delete {name} when no writer is at work; it holds nothing of value.") from None


def _blocks(parts: Sequence[bytes | bytearray | memoryview]) -> Iterator[bytes]:
    pending: list[bytes | memoryview] = []
    size = 0
    for part in parts:
        view = memoryview(part)
        while view:
            taken = view[: BLOCK - size]
            pending.append(taken)
            size += len(taken)
            view = view[len(taken) :]
            if size == BLOCK:
                yield b"".join(pending)
                pending, size = [], 0
    if pending:
        yield b"".join(pending)


def _info(blob: BlobProperties) -> ObjectInfo:
    tier = str(blob.blob_tier or "Hot").lower()
    known = {one.value for one in Tier}
    rehydrating = bool(blob.archive_status)
    return ObjectInfo(str(blob.name), int(blob.size), Tier(tier) if tier in known else Tier.HOT, rehydrating)


def _code(error: HttpResponseError) -> str:
    """The service's own word for the error."""
    return str(getattr(error, "error_code", None) or "")


@contextmanager
def _translated(name: str) -> Iterator[None]:
    """The SDK's errors as ours. Never passes the SDK's message on: it may hold a signed URL."""
    try:
        yield
    except ClientAuthenticationError as error:
        raise Forbidden(
            f"{name}: not signed in ({_code(error) or error.status_code or 'no token'})",
            help="Sign in first: `az login` for a person, a managed identity for a machine.",
        ) from None
    except HttpResponseError as error:
        code, status = _code(error), error.status_code
        if code in ("BlobArchived", "BlobBeingRehydrated"):
            raise Rehydrating(name) from None
        if status == 404:
            raise ObjectMissing(f"{name} ({code})" if code and code != "BlobNotFound" else name) from None
        if status in (401, 403) or code in ("BlobImmutableDueToPolicy", "BlobImmutableDueToLegalHold"):
            raise Forbidden(f"{name}: {code or status}") from None
        raise Unavailable(f"{name}: the storage answered {status} {code}".rstrip()) from None
    except AzureError as error:
        raise Unavailable(f"{name}: {type(error).__name__}") from None
