"""Hold: makes points write-once until they are released, or releases them. For the maintainer's identity alone."""

from __future__ import annotations

from typing import Any

from holdfast.model.job import HoldSpec
from holdfast.storage import NoImmutability
from holdfast.worker.assignment import Assignment


def work(assignment: Assignment) -> dict[str, Any]:
    """Output: `points`, `objects`, `changed`, `problems[]`. Done again, it changes nothing more.

    Raises NotFound, and NoImmutability where the container cannot hold: the catalog's own hold keeps a point from
    retention all the same, and from nothing else.
    """
    spec = assignment.spec(HoldSpec)
    assignment.progress.update(phase="opening the repository")
    repository = assignment.repositories.open(spec.repository)
    if not repository.store.immutability:
        raise NoImmutability(spec.repository.url)
    # Of the whole repository: what describes it is let go only when no point at all is held any more.
    report = repository.locks.hold(spec.points, spec.on)
    return {
        "points": report.points,
        "objects": report.objects,
        "changed": len(report.changed),
        "problems": [f"{problem.object}: {problem.what}" for problem in report.problems],
    }
