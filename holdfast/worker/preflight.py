"""Preflight: asks the database what would make its export fail, and names it before hours go into the attempt."""

from __future__ import annotations

from typing import Any

from holdfast.model.job import PreflightSpec
from holdfast.model.preflight.deciding import decide
from holdfast.sql.preflight import run_probe
from holdfast.sql.unanswered import table_rows, unanswered
from holdfast.worker.assignment import Assignment, EndedBadly
from holdfast.worker.blocked import blocked
from holdfast.worker.expectation import Expectation, remember


def work(assignment: Assignment) -> dict[str, Any]:
    """Output: `findings`, and `rows` by table. Fails with `export-blocked`, findings and all, if one of them blocks."""
    spec = assignment.spec(PreflightSpec)
    assignment.progress.update(phase="asking the database")
    rows, errors = run_probe(assignment.settings.sql_probe, spec.connection, cancelled=assignment.stop.asked)
    found = [*decide(rows, spec.database), *unanswered(rows, errors)]
    findings = sorted(found, key=lambda finding: finding.id)
    counted = table_rows(rows)
    size = rows.get("S01", [])
    remember(
        assignment.workspaces.root,
        spec.connection,
        Expectation(data_bytes=size[0].get("data_bytes") if size else None, table_rows=counted),
    )
    output = {"findings": [finding.model_dump(mode="json") for finding in findings], "rows": counted}
    blocking = [finding for finding in findings if finding.severity == "blocks-export"]
    if blocking:
        raise EndedBadly(blocked(blocking), output)
    return output
