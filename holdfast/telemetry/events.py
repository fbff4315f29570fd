"""Events: one record each, with a name and attributes that are documented here and nowhere else.

In Azure Monitor they are custom events (`AppEvents`), with the attributes in `Properties` as text; elsewhere log records
of OpenTelemetry with an event name. Queries in `infra/queries` are checked against this list.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from opentelemetry._logs import LogRecord, SeverityNumber, get_logger

from holdfast.telemetry.spans import session_context

SCOPE = "holdfast"
#: What makes the exporter of Azure Monitor a custom event of a log record.
_CUSTOM_EVENT = "microsoft.custom_event.name"

_SESSION = {
    "backup.session.id": "the session",
    "backup.session.kind": "backup, archive, restore, …",
    "backup.policy": "the policy; empty where none is named",
}
_SOURCE = {
    "backup.source.id": "`server/database`",
    "error.code": "code of the error (`holdfast explain CODE`); empty: none",
}

#: Every event with its attributes and what they mean.
EVENTS: dict[str, tuple[str, Mapping[str, str]]] = {
    "holdfast.session.ended": (
        "a session has closed",
        {
            **_SESSION,
            "backup.state": "succeeded, partial, failed or cancelled",
            "backup.duration_seconds": "from its start to its end",
            "backup.sources": "databases in it",
            "backup.sources.failed": "those that failed",
            "error.code": "code of the error that ended it; empty: none",
        },
    ),
    "holdfast.source.ended": (
        "a database's part of a session has ended",
        {
            **_SESSION,
            **_SOURCE,
            "backup.state": "succeeded, failed, skipped or cancelled",
            "backup.restore_point.id": "its point",
        },
    ),
    "holdfast.point.stored": (
        "a restore point was committed",
        {
            "backup.session.id": "the session",
            "backup.source.id": "`server/database`",
            "backup.restore_point.id": "the point",
            "backup.repository": "where it lies",
            "backup.tier": "backup or archive",
            "backup.kind": "full or increment",
            "backup.rows": "rows of all tables",
            "backup.bytes.read": "bytes of the database's export, inflated",
            "backup.bytes.stored": "bytes that it added to the repository",
        },
    ),
    "holdfast.source.overdue": (
        "a database has no good point within its policy's promise, or has one again",
        {
            "backup.policy": "the policy",
            "backup.source.id": "`server/database`",
            "backup.state": "overdue or recovered",
            "backup.since": "when its point was due",
        },
    ),
    "holdfast.leftover.found": (
        "the janitor found something that nobody uses, or could not remove it",
        {
            "backup.resource.type": "copy or worker",
            "backup.resource.id": "resource id",
            "backup.state": "removed or stuck",
        },
    ),
    "holdfast.retention.alarm": (
        "retention stopped and asks (clock jump, mass expiry), or failed: a lock shorter than its policy, what would not go",
        {
            "backup.session.id": "the session",
            "backup.policy": "the policy",
            "backup.state": "stopped (nothing is deleted until somebody approves) or failed",
            "backup.alarm": "what it is about",
        },
    ),
    "holdfast.check.ended": (
        "a repository was checked",
        {
            "backup.repository": "the repository",
            "backup.state": "succeeded or failed",
            "backup.problems": "how many were found",
        },
    ),
    "holdfast.drill.ended": (
        "a restore drill has ended",
        {
            **_SOURCE,
            "backup.policy": "the policy",
            "backup.restore_point.id": "the point",
            "backup.state": "proven or failed",
            "backup.duration_seconds": "how long it took",
        },
    ),
    "holdfast.app.alive": (
        "the clock ticked: policies were looked at",
        {"backup.policies": "policies", "backup.overdue": "databases that are overdue"},
    ),
}


def tell(name: str, attributes: Mapping[str, Any]) -> None:
    """Tells an event, as part of its session's trace where it names one. Raises KeyError for one that is not documented.

    Nothing is said where nobody listens; a listener that fails is the exporter's to log, never an error of the work.
    """
    known = EVENTS[name][1]
    unknown = attributes.keys() - known.keys()
    if unknown:
        raise KeyError(f"{name} has no attribute {', '.join(sorted(unknown))}")
    now = time.time_ns()
    session = attributes.get("backup.session.id")
    get_logger(SCOPE).emit(
        LogRecord(
            timestamp=now,
            observed_timestamp=now,
            context=session_context(session) if session else None,
            severity_number=SeverityNumber.INFO,
            severity_text="INFO",
            body=name,
            event_name=name,
            attributes={
                **{key: value for key, value in attributes.items() if value is not None},
                _CUSTOM_EVENT: name,
            },
        )
    )
