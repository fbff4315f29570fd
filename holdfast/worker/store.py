"""Store: the exported BACPAC becomes a restore point of the repository."""

from __future__ import annotations

from typing import Any

from holdfast.bacpac.package import Bacpac
from holdfast.model.errors import HoldfastError, NotFound
from holdfast.model.job import JobState, StoreSpec
from holdfast.model.point import RestorePoint
from holdfast.repository import PointHeader, Repository
from holdfast.worker.assignment import Assignment
from holdfast.worker.patience import once_unlocked


class ExportGone(HoldfastError):
    """The file that was to be stored is no longer on this worker."""

    code = "export-gone"
    title = "The exported file is no longer on the worker"
    advice = "The database is exported again at the next attempt; a worker loses its local disk when it is deallocated."
    exit_code = 22
    http_status = 410


def work(assignment: Assignment) -> dict[str, Any]:
    """Output: `point`, in full. Done again after it succeeded, it gives back the same point.

    Raises BadBacpac for a package that cannot be read, ExportGone, and the repository's errors.
    """
    spec = assignment.spec(StoreSpec)
    file = assignment.workspaces.bacpac(spec.workspace)
    assignment.progress.update(phase="opening the repository")
    repository = assignment.repositories.open(spec.repository)
    if not file.exists():
        return _output(_stored_before(repository, spec))
    with Bacpac.open(file):
        assignment.stop.check()
    header = PointHeader(
        id=spec.point,
        source=spec.source,
        chain=spec.chain,
        resource_id=spec.resource_id,
        session=spec.session,
        created_at=spec.created_at,
        consistency=spec.consistency,
        flags=spec.flags,
        terms=spec.terms,
        warnings=spec.warnings,
        transformations=spec.transformations,
    )
    show, cancelled = assignment.progress.show, assignment.stop.asked

    def write() -> RestorePoint:
        return repository.store_point(file, header, owner=assignment.owner, progress=show, cancelled=cancelled)

    return _output(once_unlocked(assignment, write))


def tidy(assignment: Assignment, _state: JobState) -> None:
    """The file has served, or the attempt has failed and the next one exports anew."""
    assignment.workspaces.remove(assignment.spec(StoreSpec).workspace)


def _stored_before(repository: Repository, spec: StoreSpec) -> RestorePoint:
    try:
        return repository.point(spec.point, chain=spec.chain)
    except NotFound:
        raise ExportGone(f"workspace {spec.workspace}") from None


def _output(point: RestorePoint) -> dict[str, Any]:
    return {"point": point.model_dump(mode="json", by_alias=True)}
