"""Rehydrate: starts to bring the packs of points out of the archive tier, and says how far that is."""

from __future__ import annotations

from typing import Any

from holdfast.model.job import RehydrateSpec
from holdfast.worker.assignment import Assignment


def work(assignment: Assignment) -> dict[str, Any]:
    """Output: `ready`, `pending` packs and `bytes` to come. Called again until ready; starts only what is not started."""
    spec = assignment.spec(RehydrateSpec)
    assignment.progress.update(phase="asking for the packs")
    repository = assignment.repositories.open(spec.repository)
    found = [repository.rehydrate(point, spec.priority) for point in (spec.point, *spec.also)]
    return {
        "ready": all(one.ready for one in found),
        "pending": sum(one.pending for one in found),
        "bytes": sum(one.bytes for one in found),
    }
