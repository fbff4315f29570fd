"""Synchronise: reads the chain's points from the repository, so that the app's catalog can be made to agree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from holdfast.model.job import SynchroniseSpec
from holdfast.worker.assignment import Assignment

if TYPE_CHECKING:
    from holdfast.repository import Repository


def work(assignment: Assignment) -> dict[str, Any]:
    """Output: what `read_chain` gives. Reads only."""
    spec = assignment.spec(SynchroniseSpec)
    assignment.progress.update(phase="reading the repository")
    return read_chain(assignment.repositories.open(spec.repository), spec.chain)


def read_chain(repository: Repository, chain: str) -> dict[str, Any]:
    """`points`, all of the chain with full details; `problems`, what cannot be read; `removed`, ids of points that removal
    records name; `claims`, the periods that removed points had taken; `owner`, the installation that may remove.
    """
    survey = repository.survey(chain)
    return {
        "points": [point.model_dump(mode="json", by_alias=True) for point in survey.points],
        "problems": [str(problem) for problem in survey.problems],
        "removed": survey.removed,
        "claims": [claim.model_dump(mode="json") for claim in survey.claims],
        "owner": survey.owner.who.model_dump() if survey.owner else None,
    }
