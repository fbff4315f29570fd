"""Verify: is what stands in the database what the point holds? Rows, objects and constraints; on request every byte."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from holdfast.bacpac.objects import object_counts
from holdfast.bacpac.package import Bacpac
from holdfast.model.job import JobState, VerifySpec
from holdfast.model.point import RestorePoint
from holdfast.model.restore.comparing import compare_constraints, compare_objects, compare_rows
from holdfast.model.restore.errors import NotAsStored
from holdfast.model.restore.report import Compared
from holdfast.sql.preflight import Rows, run_probe
from holdfast.sql.protocol import Inquiry
from holdfast.worker.assignment import Assignment, EndedBadly
from holdfast.worker.content_comparing import compare_contents
from holdfast.worker.expectation import Expectation
from holdfast.worker.restore_workspace import RestoreWorkspace
from holdfast.worker.sqlpackage import Export, choose_compression

#: The export of a restored database, compared and thrown away.
_AGAIN = "again"


def work(assignment: Assignment) -> dict[str, Any]:
    """Output: `compared`. Fails with `not-as-stored`, comparisons and all, if one of them differs."""
    spec = assignment.spec(VerifySpec)
    space = RestoreWorkspace(assignment.workspaces, spec.workspace)
    point = space.point()
    assignment.progress.update(phase="asking the database")
    inquiry = Inquiry(**spec.connection.model_dump(), of_restored=True)
    answer = run_probe(assignment.settings.sql_probe, inquiry, cancelled=assignment.stop.asked)
    with Bacpac.open(space.bacpac) as bacpac:
        found = _compared(bacpac, point, answer.rows, answer.errors)
        if spec.contents and not any(one.outcome == "different" for one in found):
            found.append(_contents(assignment, spec, space, bacpac, point))
    output = {"compared": [one.model_dump(mode="json") for one in found]}
    wrong = [one for one in found if one.outcome == "different"]
    if wrong:
        raise EndedBadly(NotAsStored("; ".join(f"{one.what}: {one.detail}" for one in wrong)), output)
    return output


def tidy(assignment: Assignment, state: JobState) -> None:
    """The package has served, unless the comparison itself failed and is made again."""
    if state in ("succeeded", "cancelled"):
        assignment.workspaces.remove(assignment.spec(VerifySpec).workspace)


def _compared(bacpac: Bacpac, point: RestorePoint, rows: Rows, errors: dict[str, str]) -> list[Compared]:
    """What could not be asked is told as unknown, never as the same."""
    model = bacpac.model()
    made: dict[str, Callable[[], Compared]] = {
        "V01": lambda: compare_rows(point.tables, rows["V01"]),
        "V02": lambda: compare_objects(object_counts(model), rows["V02"]),
        "P22": lambda: compare_constraints(model.answers["P22"], rows["P22"]),
    }
    words = {"V01": "rows", "V02": "objects", "P22": "constraints"}
    return [
        compare()
        if query in rows
        else Compared(what=words[query], outcome="unknown", detail=errors.get(query, "the database gave no answer"))
        for query, compare in made.items()
    ]


def _contents(
    assignment: Assignment, spec: VerifySpec, space: RestoreWorkspace, bacpac: Bacpac, point: RestorePoint
) -> Compared:
    """Exports the database again and compares every table's rows; nothing of it is kept."""
    folder = space.folder / _AGAIN
    folder.mkdir(exist_ok=True)
    expected = Expectation(
        data_bytes=point.inflated_bytes,
        table_rows={f"{table.schema_name}.{table.name}": table.rows or 0 for table in point.tables},
    )
    export = Export(
        command=assignment.settings.sqlpackage,
        connection=spec.connection,
        client_id=assignment.settings.client_id,
        folder=folder,
        to=folder / "database.bacpac",
        compression=choose_compression(assignment.workspaces.free_bytes(), expected),
    )
    export.run(assignment.progress, assignment.stop, expected)
    with Bacpac.open(export.to) as again:
        return compare_contents(bacpac, again, assignment.progress, assignment.stop)
