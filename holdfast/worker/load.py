"""Load: makes a table of a point anew in a live database, whole or not at all."""

from __future__ import annotations

from typing import Any

from holdfast.bacpac.names import table_name
from holdfast.model.job import JobState
from holdfast.model.plan import session_mark
from holdfast.model.table_job import LoadSpec
from holdfast.sql.loading import run_load
from holdfast.sql.table_protocol import Load
from holdfast.worker.assignment import Assignment


def work(assignment: Assignment) -> dict[str, Any]:
    """Output: `table`, `rows`, and what was `left_out`, a phrase each.

    Done again, it finds the table that it made. Raises NotFound, RowsNotDecodable, Damaged, Rehydrating, Cancelled,
    DiskFull; TableThere and what else the loader reports.
    """
    spec = assignment.spec(LoadSpec)
    assignment.progress.update(phase="opening the repository")
    repository = assignment.repositories.open(spec.repository)
    file = assignment.workspaces.scratch(assignment.job.id) / "rows"
    tables = repository.tables(spec.point, assignment.progress.show, assignment.stop.asked)
    found = tables.table(*table_name(spec.ask.table))
    definition = tables.definition(found, indexes=spec.ask.with_indexes)
    with file.open("wb") as rows:
        for piece in tables.pieces(found):
            rows.write(piece)
    schema, name = table_name(spec.ask.new_name)
    assignment.progress.update(phase="loading", table=f"{schema}.{name}")
    load = Load(
        **spec.connection.model_dump(),
        schema_name=schema,
        table=name,
        mark=session_mark(assignment.job.session),
        definition=definition,
        rows_file=str(file),
        rows=found.rows or 0,
    )
    rows_loaded = run_load(assignment.settings.sql_table_load, load, cancelled=assignment.stop.asked)
    return {"table": f"{schema}.{name}", "rows": rows_loaded, "left_out": definition.left_out}


def tidy(assignment: Assignment, _state: JobState) -> None:
    """The rows on the worker's disk have served."""
    assignment.workspaces.remove_scratch(assignment.job.id)
