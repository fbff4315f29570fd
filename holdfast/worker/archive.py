"""Archive: copies a point into the archive repository, where it stands for itself."""

from __future__ import annotations

from typing import Any

from holdfast.model.job import ArchiveSpec
from holdfast.model.point import RestorePoint
from holdfast.worker.assignment import Assignment
from holdfast.worker.patience import once_unlocked
from holdfast.worker.synchronise import read_chain


def work(assignment: Assignment) -> dict[str, Any]:
    """Output: `point`, the copy, with tier `archive`, read back; `data_read`, whether that was all of it (an archive tier
    gives back only what describes the data); `points` and `problems`, the whole chain in the archive repository.

    Nothing else reads that chain, so this is how a catalog that lost it learns it again. Done again, it gives back the
    same copy.
    """
    spec = assignment.spec(ArchiveSpec)
    assignment.progress.update(phase="opening the repositories")
    origin = assignment.repositories.open(spec.origin)
    target = assignment.repositories.open(spec.target)

    def write() -> RestorePoint:
        return origin.copy_point(
            spec.point,
            target,
            flags=spec.flags,
            terms=spec.terms,
            session=spec.session,
            owner=assignment.owner,
            progress=assignment.progress.show,
            cancelled=assignment.stop.asked,
        )

    point = once_unlocked(assignment, write)
    if point.session != spec.session:
        # An earlier session wrote the copy: the original was not read now, and its being whole is part of the answer.
        origin.verify_point(spec.point, assignment.progress.show, assignment.stop.asked)
    data_read = target.confirm_point(point.id, assignment.progress.show, assignment.stop.asked)
    told = point.model_dump(mode="json", by_alias=True)
    return {"point": told, "data_read": data_read, **read_chain(target, point.chain)}
