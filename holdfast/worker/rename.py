"""Rename: on a managed instance only T-SQL gives a database another name, so the worker does it at the end of a restore."""

from __future__ import annotations

from typing import Any

from holdfast.model.job import RenameSpec
from holdfast.sql.preflight import run_probe
from holdfast.sql.protocol import Inquiry
from holdfast.worker.assignment import Assignment


def work(assignment: Assignment) -> dict[str, Any]:
    """Output: `renamed`. Done again, it goes on where it was. Where a later one is refused the earlier are undone."""
    spec = assignment.spec(RenameSpec)
    assignment.progress.update(phase="renaming")
    inquiry = Inquiry(**spec.connection.model_dump(), moves=spec.moves)
    run_probe(assignment.settings.sql_probe, inquiry, cancelled=assignment.stop.asked)
    return {"renamed": [f"{old} to {new}" for old, new in spec.moves]}
