"""Events of the session for whoever watches from outside; what people read stands in the session's log."""

from __future__ import annotations

from collections.abc import Sequence

from holdfast.model.clock import iso
from holdfast.model.drill import DrillRecord
from holdfast.model.overdue import Overdue
from holdfast.model.point import RestorePoint
from holdfast.model.session import Session, SourceRun, State
from holdfast.telemetry import tell


def session_ended(session: Session) -> None:
    """Of the session and of each of its databases."""
    common = {
        "backup.session.id": session.id,
        "backup.session.kind": session.kind,
        "backup.policy": session.policy or "",
    }
    for source in session.sources:
        tell("holdfast.source.ended", {**common, **_source(source)})
    ended = session.ended_at or session.started_at
    tell(
        "holdfast.session.ended",
        {
            **common,
            "backup.state": str(session.state),
            "backup.duration_seconds": (ended - session.started_at).total_seconds(),
            "backup.sources": len(session.sources),
            "backup.sources.failed": sum(1 for source in session.sources if source.state is State.FAILED),
            "error.code": session.error.code if session.error else "",
        },
    )
    if session.retention is not None:
        told = [("stopped", alarm) for alarm in session.retention.alarms]
        told += [("failed", problem) for problem in session.retention.problems]
        about = {"backup.session.id": session.id, "backup.policy": session.policy or ""}
        for state, text in told:
            tell("holdfast.retention.alarm", {**about, "backup.state": state, "backup.alarm": text})


def drill_ended(drill: DrillRecord) -> None:
    """Of a drill that proved its point, or did not."""
    ended = drill.ended_at or drill.started_at
    tell(
        "holdfast.drill.ended",
        {
            "backup.source.id": drill.source,
            "backup.policy": drill.policy or "",
            "backup.restore_point.id": drill.point,
            "backup.state": "proven" if drill.state == "proven" else "failed",
            "backup.duration_seconds": (ended - drill.started_at).total_seconds(),
            "error.code": drill.error.code if drill.error is not None else "",
        },
    )


def point_stored(point: RestorePoint) -> None:
    """Of a point that was committed."""
    tell(
        "holdfast.point.stored",
        {
            "backup.session.id": point.session,
            "backup.source.id": point.source,
            "backup.restore_point.id": point.id,
            "backup.repository": point.repository,
            "backup.tier": point.tier,
            "backup.kind": point.kind,
            "backup.rows": sum(table.rows or 0 for table in point.tables),
            "backup.bytes.read": point.inflated_bytes,
            "backup.bytes.stored": point.stored_bytes,
        },
    )


def tell_overdue(policy: str, found: Sequence[Overdue], state: str) -> None:
    """Of databases that became `overdue`, or `recovered`."""
    for one in found:
        tell(
            "holdfast.source.overdue",
            {
                "backup.policy": policy,
                "backup.source.id": one.source,
                "backup.state": state,
                "backup.since": iso(one.missed),
            },
        )


def alive(policies: int, overdue: int) -> None:
    """That somebody looks at the policies: without it an alert says that nobody does."""
    tell("holdfast.app.alive", {"backup.policies": policies, "backup.overdue": overdue})


def leftover(kind: str, resource_id: str, state: str) -> None:
    """Of something that the janitor removed (`removed`) or could not remove (`stuck`)."""
    tell(
        "holdfast.leftover.found",
        {"backup.resource.type": kind, "backup.resource.id": resource_id, "backup.state": state},
    )


def _source(source: SourceRun) -> dict[str, str]:
    return {
        "backup.source.id": source.source,
        "backup.state": str(source.state),
        "error.code": source.error.code if source.error else "",
        "backup.restore_point.id": source.restore_point or "",
    }
