"""Preflight: asks the database what would make its export fail, and names it before hours go into the attempt."""

from __future__ import annotations

from typing import Any

from holdfast.model.job import PreflightSpec
from holdfast.model.preflight.deciding import decide
from holdfast.sql.preflight import run_probe
from holdfast.sql.protocol import Inquiry
from holdfast.sql.unanswered import table_rows, unanswered
from holdfast.worker.assignment import Assignment, EndedBadly
from holdfast.worker.blocked import blocked
from holdfast.worker.expectation import Expectation, remember
from holdfast.worker.repairing import Mending, mend


def work(assignment: Assignment) -> dict[str, Any]:
    """Output: `findings`, `rows` by table, `transformations` of a staging copy that was mended, `refused` repairs.

    Fails with `export-blocked`, findings and all, if a finding blocks (that only the look itself was asked for, as by
    `holdfast preflight SOURCE`, it does not).
    """
    spec = assignment.spec(PreflightSpec)
    assignment.progress.update(phase="asking the database")
    inquiry = Inquiry(**spec.connection.model_dump(), for_repair=spec.repair)
    answer = run_probe(assignment.settings.sql_probe, inquiry, cancelled=assignment.stop.asked)
    mending = mend(assignment, spec, inquiry, answer) if spec.repair else Mending(answer)
    rows = mending.answer.rows
    found = [*decide(rows, spec.database), *unanswered(rows, mending.answer.errors)]
    findings = sorted(found, key=lambda finding: finding.id)
    counted = table_rows(rows)
    size = rows.get("S01", [])
    remember(
        assignment.workspaces.root,
        spec.connection,
        Expectation(data_bytes=size[0].get("data_bytes") if size else None, table_rows=counted),
    )
    output = {
        "findings": [finding.model_dump(mode="json") for finding in findings],
        "rows": counted,
        "transformations": [done.model_dump(mode="json") for done in mending.done],
        "refused": mending.refused,
    }
    blocking = [finding for finding in findings if finding.severity == "blocks-export"]
    if blocking and not spec.look_only:
        raise EndedBadly(blocked(blocking), output)
    return output
