"""Azure Blob Storage as object storage: one container.

Creating is `If-None-Match: *`. Every put carries a random id as metadata: when a retry of ours finds the name taken, the id
tells whether the first attempt had arrived after all, so a lost answer is no conflict and a conflict is no success.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from azure.core import MatchConditions
from azure.core.credentials import AzureNamedKeyCredential, TokenCredential
from azure.core.exceptions import AzureError, HttpResponseError, ResourceExistsError
from azure.storage.blob import (
    BlobBlock,
    BlobClient,
    BlobLeaseClient,
    ContainerClient,
    ExponentialRetry,
    RehydratePriority,
)
from azure.storage.blob import StandardBlobTier as BlobTier

from holdfast.model.clock import Clock, SystemClock
from holdfast.model.errors import Damaged, Rehydrating
from holdfast.storage.azure_errors import code_of as _code
from holdfast.storage.azure_errors import translated
from holdfast.storage.azure_versions import BlobVersions, info_of
from holdfast.storage.errors import AlreadyExists, LeaseHeld, LeaseLost
from holdfast.storage.interface import (
    Data,
    KeptVersion,
    Lease,
    LockMode,
    ObjectInfo,
    Priority,
    Tier,
    check_name,
    parts_of,
)

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
        clock: Clock | None = None,
        **transport: Any,
    ) -> None:
        """`clock` tells which locks have ended.

        `transport` goes to the SDK's client as it is (for example `connection_timeout`, `retry_policy`)."""
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
        self._versions = BlobVersions(self._container, clock or SystemClock())

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
        with translated(name):
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
        return self._versions.reading(check_name(name), lambda blob: bytes(blob.download_blob().readall()))

    def get_range(self, name: str, offset: int, length: int) -> bytes:
        """See ObjectStore."""
        if length <= 0:
            self.stat(name)
            return b""

        def read(blob: BlobClient) -> bytes:
            try:
                return bytes(blob.download_blob(offset=offset, length=length).readall())
            except HttpResponseError as error:
                if error.status_code == 416:  # at or after the end
                    return b""
                raise

        return self._versions.reading(check_name(name), read)

    def stream(self, name: str) -> Iterator[bytes]:
        """See ObjectStore."""
        download = self._versions.reading(check_name(name), lambda blob: blob.download_blob())
        with translated(name):
            yield from download.chunks()

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """See ObjectStore."""
        include = ["immutabilitypolicy", "legalhold"] if self.immutability else None
        with translated(prefix):
            for blob in self._container.list_blobs(name_starts_with=prefix or None, include=include):
                yield info_of(blob)

    def stat(self, name: str) -> ObjectInfo:
        """See ObjectStore."""
        return self._versions.reading(check_name(name), lambda blob: info_of(blob.get_blob_properties()))

    def delete(self, name: str) -> None:
        """See ObjectStore."""
        self._versions.delete(check_name(name))

    @property
    def immutability(self) -> bool:
        """See ObjectStore. Whether the container has version-level immutability; asked once."""
        return self._versions.enabled

    def lock(self, name: str, until: datetime, mode: LockMode = LockMode.LOCKED) -> ObjectInfo:
        """See ObjectStore."""
        return self._versions.lock(check_name(name), until, mode)

    def hold(self, name: str, on: bool) -> ObjectInfo:
        """See ObjectStore."""
        return self._versions.hold(check_name(name), on)

    def kept_versions(self, prefix: str = "") -> Iterator[KeptVersion]:
        """See ObjectStore."""
        return self._versions.kept(prefix)

    def bring_back(self, kept: KeptVersion) -> None:
        """See ObjectStore."""
        self._versions.bring_back(kept)

    def acquire(self, name: str, owner: str, duration: timedelta) -> Lease:
        """See ObjectStore. A blob lease guards the lock object; its content counts the fence."""
        blob = self._blob(name)
        seconds = min(60, max(15, int(duration.total_seconds())))
        with translated(name):
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
        with translated(lease.name):
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
        with translated(lease.name):
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
        with translated(name):
            self._blob(name).set_standard_blob_tier(TIERS[tier])

    def rehydrate(self, name: str, priority: Priority = "Standard") -> ObjectInfo:
        """See ObjectStore."""
        info = self.stat(name)
        if info.readable or info.rehydrating:
            return info
        with translated(name):
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
