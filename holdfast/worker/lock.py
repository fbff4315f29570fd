"""Lock: makes the points of chains write-once until their terms end. For the maintainer's identity alone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from holdfast.model.errors import Damaged
from holdfast.model.job import LockSpec
from holdfast.storage import LockMode, NoImmutability
from holdfast.worker.assignment import Assignment

if TYPE_CHECKING:
    from holdfast.repository import PointHeader, Repository


def work(assignment: Assignment) -> dict[str, Any]:
    """Output: `chains[{chain, points, objects, changed, problems[]}]`. Done again, it changes nothing more.

    Raises NoImmutability where the container cannot lock.
    """
    spec = assignment.spec(LockSpec)
    assignment.progress.update(phase="opening the repository")
    repository = assignment.repositories.open(spec.repository)
    if not repository.store.immutability:
        raise NoImmutability(spec.repository.url)
    told: list[dict[str, Any]] = []
    for one in spec.chains:
        assignment.stop.check()
        assignment.progress.update(phase=f"locking: {one.source or one.chain}")
        told.append(lock_chain(repository, one.chain, one.ends))
    return {"chains": told}


def lock_chain(repository: Repository, chain: str, later: Mapping[str, datetime]) -> dict[str, Any]:
    """Locks one chain's points as their manifests say, or as `later` says where that is later. What is wrong is told."""
    locks = repository.locks_of([chain])
    try:
        ends = lock_ends(locks.headers(), later)
        report = locks.lock(ends, LockMode.LOCKED)
    except Damaged as error:
        return {"chain": chain, "points": 0, "objects": 0, "changed": 0, "problems": [str(error)]}
    return {
        "chain": chain,
        "points": report.points,
        "objects": report.objects,
        "changed": len(report.changed),
        "problems": [f"{problem.object}: {problem.what}" for problem in report.problems],
    }


def lock_ends(headers: list[PointHeader], later: Mapping[str, datetime]) -> dict[str, datetime]:
    """For every point that has an end, by its manifest or by what was told: the later of the two."""
    found: dict[str, datetime] = {}
    for header in headers:
        own = header.terms.end() if header.terms is not None else None
        ends = [end for end in (own, later.get(header.id)) if end is not None]
        if ends:
            found[header.id] = max(ends)
    return found
