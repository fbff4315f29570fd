"""Download: rebuilds a point's BACPAC and puts it into the exports container, from where people fetch it by a link."""

from __future__ import annotations

from typing import Any

from holdfast.model.job import DownloadSpec, JobState
from holdfast.worker.assignment import Assignment
from holdfast.worker.handing_out import hand_out


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
    hand_out(assignment, spec, file, written.sha256)
    return {"blob": spec.blob, "bytes": written.bytes, "sha256": written.sha256, "identical": written.identical}


def tidy(assignment: Assignment, _state: JobState) -> None:
    """The file on the worker's disk has served."""
    assignment.workspaces.remove_scratch(assignment.job.id)
