"""Download: rebuilds a point's BACPAC and puts it into the exports container, from where people fetch it by a link."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from holdfast.cloud.state_account import WORKER_ROLE, state_errors
from holdfast.model.errors import Conflict
from holdfast.model.job import DownloadSpec, JobState
from holdfast.worker.assignment import Assignment

if TYPE_CHECKING:
    from azure.storage.blob import BlobClient

_BLOCK_BYTES = 8 << 20


def work(assignment: Assignment) -> dict[str, Any]:
    """Output: `blob`, `bytes`, `sha256`, `identical` (the very file that was exported).

    Done again, it finds the blob that is there to be the same and leaves it. Raises Rehydrating for a point in the
    archive tier, Conflict where the blob's name is taken by something else, Forbidden and Unavailable for the container.
    """
    spec = assignment.spec(DownloadSpec)
    assignment.progress.update(phase="opening the repository")
    repository = assignment.repositories.open(spec.repository)
    file = assignment.workspaces.scratch(assignment.job.id) / "download.bacpac"
    written = repository.write_bacpac(
        spec.point,
        file,
        identical=spec.identical,
        progress=assignment.progress.show,
        cancelled=assignment.stop.asked,
    )
    _upload(assignment, spec, file, written.sha256)
    return {"blob": spec.blob, "bytes": written.bytes, "sha256": written.sha256, "identical": written.identical}


def tidy(assignment: Assignment, _state: JobState) -> None:
    """The file on the worker's disk has served."""
    assignment.workspaces.remove_scratch(assignment.job.id)


def _upload(assignment: Assignment, spec: DownloadSpec, file: Path, sha256: str) -> None:
    """Uploads in blocks; the blob appears whole with its last block, or not at all."""
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


def _blob(assignment: Assignment, spec: DownloadSpec) -> BlobClient:
    from azure.storage.blob import BlobClient

    options: dict[str, Any] = {"max_block_size": _BLOCK_BYTES, "max_single_put_size": _BLOCK_BYTES}
    if assignment.settings.storage_api_version:
        options["api_version"] = assignment.settings.storage_api_version
    address = f"{spec.container_url.rstrip('/')}/{spec.blob}"
    return BlobClient.from_blob_url(address, credential=assignment.equipment.credential, **options)
