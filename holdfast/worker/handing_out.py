"""Hands out a file: a blob of the exports container, from where people fetch it by a link."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from holdfast.cloud.state_account import WORKER_ROLE, state_errors
from holdfast.model.errors import Conflict
from holdfast.model.job import HandOutSpec
from holdfast.worker.assignment import Assignment

if TYPE_CHECKING:
    from azure.storage.blob import BlobClient

_BLOCK_BYTES = 8 << 20


def hand_out(assignment: Assignment, spec: HandOutSpec, file: Path, sha256: str) -> None:
    """Uploads in blocks; the blob appears whole with its last block, or not at all.

    Done again, it finds the blob that is there to be the same and leaves it. Raises Conflict where the blob's name is
    taken by something else, Forbidden and Unavailable for the container, Cancelled.
    """
    from azure.core.exceptions import ResourceExistsError

    size = file.stat().st_size
    assignment.progress.update(phase="uploading", bytes=0, bytes_total=size)

    def sent(done: int, _total: int | None) -> None:
        assignment.progress.update(bytes=done)
        assignment.stop.check()

    container = f"the container {spec.container_url.rstrip('/').rpartition('/')[2]}"
    with (
        _blob(assignment, spec) as blob,
        file.open("rb") as source,
        state_errors(container, WORKER_ROLE, who="the worker's identity"),
    ):
        try:
            blob.upload_blob(
                source, length=size, overwrite=False, metadata={"sha256": sha256}, max_concurrency=4, progress_hook=sent
            )
        except ResourceExistsError:
            if (blob.get_blob_properties().metadata or {}).get("sha256") != sha256:
                raise Conflict(f"the exports container holds another blob named {spec.blob}") from None


def _blob(assignment: Assignment, spec: HandOutSpec) -> BlobClient:
    from azure.storage.blob import BlobClient

    options: dict[str, Any] = {"max_block_size": _BLOCK_BYTES, "max_single_put_size": _BLOCK_BYTES}
    if assignment.settings.storage_api_version:
        options["api_version"] = assignment.settings.storage_api_version
    address = f"{spec.container_url.rstrip('/')}/{spec.blob}"
    return BlobClient.from_blob_url(address, credential=assignment.equipment.credential, **options)
