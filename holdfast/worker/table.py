"""Table: reads tables of a point and puts the answer, or a table as a file, into the exports container."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from holdfast.model.job import JobState
from holdfast.model.table_job import TableSpec
from holdfast.repository import PointTables, answer_about_tables
from holdfast.worker.assignment import Assignment
from holdfast.worker.handing_out import hand_out

#: Sentences on losses that the catalog keeps; of more it says how many.
_LOSSES = 30


def work(assignment: Assignment) -> dict[str, Any]:
    """Output: `blob`, `bytes`, `sha256`; of a table's file `rows` and `losses`, too.

    Done again, it finds the blob that is there to be the same and leaves it. Raises NotFound, RowsNotDecodable, Damaged,
    which names tables that can still be read, Rehydrating, Cancelled, and what handing out raises.
    """
    spec = assignment.spec(TableSpec)
    assignment.progress.update(phase="opening the repository")
    repository = assignment.repositories.open(spec.repository)
    file = assignment.workspaces.scratch(assignment.job.id) / f"table.{_ending(spec)}"
    told: dict[str, Any] = {}

    def tables_of(point: str) -> PointTables:
        return repository.tables(point, assignment.progress.show, assignment.stop.asked)

    if spec.ask.act == "export":
        told = _export(tables_of(spec.point), spec, file)
    else:
        file.write_text(json.dumps(answer_about_tables(tables_of, spec.point, spec.ask), ensure_ascii=False))
    with file.open("rb") as written:
        sha256 = hashlib.file_digest(written, "sha256").hexdigest()
    hand_out(assignment, spec, file, sha256)
    return {"blob": spec.blob, "bytes": file.stat().st_size, "sha256": sha256, **told}


def tidy(assignment: Assignment, _state: JobState) -> None:
    """The file on the worker's disk has served."""
    assignment.workspaces.remove_scratch(assignment.job.id)


def _ending(spec: TableSpec) -> str:
    return spec.ask.format if spec.ask.act == "export" else "json"


def _export(tables: PointTables, spec: TableSpec, file: Path) -> dict[str, Any]:
    from holdfast.bacpac.names import table_name
    from holdfast.bacpac.values.table_files import write_table

    found = tables.table(*table_name(spec.ask.table))
    written = write_table(found.decodable(), tables.pieces(found), file)
    return {"rows": written.rows, "losses": _few(written.losses)}


def _few(losses: Sequence[str]) -> list[str]:
    left = len(losses) - _LOSSES
    return [*losses[:_LOSSES], *([f"and {left} other columns lost something"] if left > 0 else [])]
