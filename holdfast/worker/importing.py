"""Import: SqlPackage fills an empty database from the fetched package, once."""

from __future__ import annotations

import time
from typing import Any

from holdfast.model.job import ImportSpec, JobState
from holdfast.model.restore.errors import ImportFailed
from holdfast.worker.assignment import Assignment
from holdfast.worker.restore_workspace import RestoreWorkspace
from holdfast.worker.sqlpackage_import import Import


def work(assignment: Assignment) -> dict[str, Any]:
    """Output: `rows` of the point, `seconds`.

    An import that began before, and of whose end nothing is known, is not begun again: the database may be half full.
    Raises ImportFailed then, and the next attempt gets a new empty one.
    """
    spec = assignment.spec(ImportSpec)
    space = RestoreWorkspace(assignment.workspaces, spec.workspace)
    point = space.point()
    rows = {f"{table.schema_name}.{table.name}": table.rows or 0 for table in point.tables}
    output = {"rows": sum(rows.values()), "seconds": 0.0}
    begun = space.begin(spec.attempt)
    if begun == "done":
        return output
    if begun == "again":
        raise ImportFailed("an earlier import into this database was interrupted; a new empty one is made")
    began = time.monotonic()
    Import(
        command=assignment.settings.sqlpackage,
        connection=spec.connection,
        client_id=assignment.settings.client_id,
        folder=space.folder,
        file=space.bacpac,
    ).run(assignment.progress, assignment.stop, rows)
    space.done(spec.attempt)
    return {**output, "seconds": round(time.monotonic() - began, 3)}


def tidy(assignment: Assignment, state: JobState) -> None:
    """The package stays: for verification, or for the next attempt. Where somebody cancelled there is none."""
    if state == "cancelled":
        assignment.workspaces.remove(assignment.spec(ImportSpec).workspace)
