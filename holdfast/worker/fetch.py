"""Fetch: a point's BACPAC on the worker's disk, whole and verified, before any database is made for it."""

from __future__ import annotations

from typing import Any

from holdfast.bacpac.aftercare import aftercare, collation_of
from holdfast.bacpac.package import MODEL, Bacpac
from holdfast.bacpac.writer import Level
from holdfast.model.errors import DiskFull
from holdfast.model.job import FetchSpec, JobState
from holdfast.model.restore.report import Aftercare
from holdfast.worker.assignment import Assignment
from holdfast.worker.restore_workspace import NothingFetched, RestoreWorkspace

#: Below this share of the inflated bytes not even a compressed package fits: what shrinks better is rare.
_LEAST_SHARE = 0.1
#: Room for SqlPackage's own files beside a package that is stored.
_STORED_SHARE = 1.25


def work(assignment: Assignment) -> dict[str, Any]:
    """Output: `bytes`, `collation` of the database, and `aftercare`: what an import of this point cannot bring back.

    A package that is there whole is left as it is. Raises Rehydrating for a point in the archive tier, Damaged, DiskFull.
    """
    spec = assignment.spec(FetchSpec)
    space = RestoreWorkspace(assignment.workspaces, spec.workspace)
    try:
        point = space.point()
    except NothingFetched:
        assignment.progress.update(phase="opening the repository")
        repository = assignment.repositories.open(spec.repository)
        point = repository.point(spec.point, chain=spec.chain)
        assignment.workspaces.fresh(spec.workspace, session=assignment.job.session, source=assignment.job.source)
        level = _level(assignment.workspaces.free_bytes(), point.inflated_bytes)
        # Every entry is verified on the way; nobody asks for the hash of the file around them.
        repository.write_bacpac(
            spec.point,
            space.bacpac,
            level=level,
            hashed=False,
            progress=assignment.progress.show,
            cancelled=assignment.stop.asked,
        )
        space.fetched(point)
    with Bacpac.open(space.bacpac) as bacpac:
        found, collation = aftercare(bacpac.pieces(MODEL)), collation_of(bacpac.pieces(MODEL))
    found += [
        Aftercare(
            kind="removed object",
            name=one.object,
            why=f"{one.did} on the staging copy, because no package can hold it ({one.rule}); this gives it back",
            script=one.definition,
        )
        for one in point.transformations
    ]
    told = [one.model_dump(mode="json") for one in found]
    return {"bytes": space.bacpac.stat().st_size, "collation": collation, "aftercare": told}


def tidy(assignment: Assignment, state: JobState) -> None:
    """The package stays for the import if it is whole; otherwise nobody wants it."""
    if state != "succeeded":
        assignment.workspaces.remove(assignment.spec(FetchSpec).workspace)


def _level(free: int, inflated: int) -> Level:
    """Stored where there is room: the quickest to write and to import."""
    if free >= inflated * _STORED_SHARE:
        return "stored"
    if free < inflated * _LEAST_SHARE:
        raise DiskFull(f"the point holds {inflated:,} bytes, and the worker's disk has {free:,} free")
    return "fast"
