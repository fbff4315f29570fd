"""Export: SqlPackage writes the database to a new file on the worker's own disk; the store job reads it from there."""

from __future__ import annotations

import time
from typing import Any

from holdfast.bacpac.package import Bacpac
from holdfast.model.job import ExportSpec, JobState
from holdfast.worker.assignment import Assignment
from holdfast.worker.expectation import recall
from holdfast.worker.sqlpackage import Export, choose_compression


def work(assignment: Assignment) -> dict[str, Any]:
    """Output: `bytes`, `entries`, `rows`, `seconds`. Every run begins with an empty folder."""
    spec, job = assignment.spec(ExportSpec), assignment.job
    folder = assignment.workspaces.fresh(spec.workspace, session=job.session, source=job.source)
    expected = recall(assignment.workspaces.root, spec.connection)
    began = time.monotonic()
    export = Export(
        command=assignment.settings.sqlpackage,
        connection=spec.connection,
        client_id=assignment.settings.client_id,
        folder=folder,
        to=assignment.workspaces.bacpac(spec.workspace),
        compression=choose_compression(assignment.workspaces.free_bytes(), expected),
    )
    export.run(assignment.progress, assignment.stop, expected)
    # Exit code 0 has been seen with packages that nobody can open.
    with Bacpac.open(export.to) as bacpac:
        entries, rows = len(bacpac.entries), bacpac.origin().rows
    return {
        "bytes": export.to.stat().st_size,
        "entries": entries,
        "rows": rows if rows is not None else sum(expected.table_rows.values()),
        "seconds": round(time.monotonic() - began, 3),
    }


def tidy(assignment: Assignment, state: JobState) -> None:
    """The file stays for the store job if the export succeeded; otherwise nobody wants it."""
    if state != "succeeded":
        assignment.workspaces.remove(assignment.spec(ExportSpec).workspace)
