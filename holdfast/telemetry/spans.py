"""Spans of activities and jobs, all of one session in one trace: over the queue and on the worker as well.

The trace's id follows from the session's, so nothing has to be carried along. Nothing is emitted by orchestrators: they
are replayed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, Span, SpanContext, SpanKind, Status, StatusCode, TraceFlags

_SCOPE = "holdfast"


def session_context(session: str) -> Context:
    """The context whose spans are part of the session's trace."""
    digest = hashlib.sha256(session.encode()).digest()
    root = SpanContext(
        trace_id=int.from_bytes(digest[:16], "big") or 1,
        span_id=int.from_bytes(digest[16:24], "big") or 1,
        is_remote=True,
        trace_flags=TraceFlags(TraceFlags.SAMPLED),
    )
    return trace.set_span_in_context(NonRecordingSpan(root))


@contextmanager
def working(name: str, session: str | None, attributes: Mapping[str, Any]) -> Iterator[Span]:
    """A span around a piece of work, in the trace of its session; a trace of its own where there is none."""
    context = session_context(session) if session else None
    told = {key: value for key, value in attributes.items() if value is not None}
    if session:
        told["backup.session.id"] = session
    with trace.get_tracer(_SCOPE).start_as_current_span(
        # The message of an exception may hold what nobody outside is to read.
        name,
        context,
        SpanKind.INTERNAL,
        told,
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        try:
            yield span
        except BaseException as error:
            span.set_attribute("error.type", type(error).__name__)
            span.set_status(Status(StatusCode.ERROR))
            raise


def failed(span: Span, code: str, detail: str) -> None:
    """Marks the work as failed, by the error's code."""
    span.set_attribute("error.code", code)
    span.set_status(Status(StatusCode.ERROR, detail[:500]))
