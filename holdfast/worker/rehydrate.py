"""Rehydrate: starts to bring a point's packs out of the archive tier, and says how far that is."""

from __future__ import annotations

from typing import Any

from holdfast.model.job import RehydrateSpec
from holdfast.worker.assignment import Assignment


def work(assignment: Assignment) -> dict[str, Any]:
    """Output: `ready`, `pending` packs and `bytes` to come. Called again until ready; starts only what is not started."""
    spec = assignment.spec(RehydrateSpec)
    assignment.progress.update(phase="asking for the packs")
    found = assignment.repositories.open(spec.repository).rehydrate(spec.point, spec.priority)
    return {"ready": found.ready, "pending": found.pending, "bytes": found.bytes}
