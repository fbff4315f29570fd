"""Synchronise: reads the chain's points from the repository, so that the app's catalog can be made to agree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from holdfast.model.job import SynchroniseSpec
from holdfast.worker.assignment import Assignment

if TYPE_CHECKING:
    from holdfast.repository import Repository


def work(assignment: Assignment) -> dict[str, Any]:
    """Output: `points`, the full details of all points of that chain, and `problems`, what cannot be read. Reads only."""
    spec = assignment.spec(SynchroniseSpec)
    assignment.progress.update(phase="reading the repository")
    return read_chain(assignment.repositories.open(spec.repository), spec.chain)


def read_chain(repository: Repository, chain: str) -> dict[str, Any]:
    """All points of a chain with full details, and what cannot be read."""
    survey = repository.survey(chain)
    return {
        "points": [point.model_dump(mode="json", by_alias=True) for point in survey.points],
        "problems": [str(problem) for problem in survey.problems],
    }
