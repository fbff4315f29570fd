"""Sessions on pages: the list, one with its sources and steps, its log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from pydantic import BaseModel, Field

from holdfast.model.errors import ErrorInfo
from holdfast.model.job import Progress
from holdfast.model.preflight.finding import Finding
from holdfast.model.restore.report import RestoreReport
from holdfast.model.session import LogEntry, RetentionSummary, Session, SourceRun, State
from holdfast.web.paging import Pager

ENDED = frozenset({State.SUCCEEDED, State.PARTIAL, State.FAILED, State.CANCELLED})
#: Whoever looks at a session looks for what is wrong or moves.
_ORDER = {State.FAILED: 0, State.RUNNING: 1, State.CANCELLED: 2, State.PENDING: 3, State.SKIPPED: 4, State.SUCCEEDED: 5}


class SessionLine(BaseModel):
    """A session in a list."""

    id: str
    policy: str | None
    kind: str
    state: State
    started_at: datetime
    ended_at: datetime | None
    took: timedelta
    error: str = Field(default="", description="why, where it failed as a whole")


def session_line(session: Session, now: datetime) -> SessionLine:
    """A session as lists show it."""
    return SessionLine(
        **{name: getattr(session, name) for name in ("id", "policy", "kind", "state", "started_at", "ended_at")},
        took=(session.ended_at or now) - session.started_at,
        error=f"{session.error.title}: {session.error.detail}" if session.error else "",
    )


class SessionList(BaseModel):
    """Sessions, newest first."""

    sessions: list[SessionLine]
    pager: Pager
    policies: list[str] = Field(description="what can be filtered by")
    policy: str = ""
    state: str = ""
    since: datetime = Field(description="older ones are not in this list")
    older: str | None = Field(description="address of the same list with older ones")


class StepChip(BaseModel):
    """A step of a source."""

    name: str
    state: State
    detail: str
    took: timedelta | None


class Work(BaseModel):
    """What a worker does at this moment."""

    worker: str
    said: str
    part: float | None = Field(description="0 to 1 where the whole is known")


class SourceLine(BaseModel):
    """A database in a session."""

    source: str
    state: State
    restore_point: str | None
    error: ErrorInfo | None
    steps: list[StepChip]
    now: str = Field(description="the step that runs, with its detail; empty where none does")
    work: Work | None = None


class File(BaseModel):
    """What a download session made."""

    url: str
    bytes: int
    sha256: str
    identical: bool
    rows: int | None = None
    losses: list[str] = Field(default_factory=list)
    expires_at: datetime


class SessionPage(BaseModel):
    """One session."""

    session: SessionLine
    ended: bool
    cancel_requested: bool
    error: ErrorInfo | None
    counts: dict[str, int]
    done: float = Field(description="0 to 1: sources that have ended")
    sources: list[SourceLine]
    pager: Pager
    file: File | None = None
    retention: RetentionSummary | None = None
    restore: RestoreReport | None = None
    findings: list[Finding] | None = Field(default=None, description="of a preflight session, once it has looked")
    log: list[LogEntry] = Field(description="the beginning of the log, oldest first")
    log_cut: bool = Field(description="whether the log goes on")


class LogPage(BaseModel):
    """The log of a session, a page of it."""

    id: str
    lines: list[LogEntry]
    next: str | None


def in_order(sources: Sequence[SourceRun]) -> list[SourceRun]:
    """What failed first, then what runs, then the rest; by name among equals."""
    return sorted(sources, key=lambda one: (_ORDER.get(one.state, 9), one.source.lower()))


def source_line(run: SourceRun, work: Mapping[str, tuple[str, Progress]], now: datetime) -> SourceLine:
    """A source; `work` is what workers report, by source."""
    at_work = work.get(run.source) if run.state not in ENDED else None
    running = next((step for step in run.steps if step.state is State.RUNNING), None)
    detail = f": {running.detail}" if running and running.detail else ""
    return SourceLine(
        source=run.source,
        state=run.state,
        restore_point=run.restore_point,
        error=run.error,
        steps=[
            StepChip(
                name=step.name,
                state=step.state,
                detail=step.detail,
                took=(step.ended_at or now) - step.started_at if step.started_at else None,
            )
            for step in run.steps
        ],
        now=f"{running.name}{detail}" if running else "",
        work=_work(*at_work, step=running.name if running else "") if at_work else None,
    )


def _work(worker: str, progress: Progress, *, step: str) -> Work:
    parts = [progress.phase if progress.phase != step else "", f"table {progress.table}" if progress.table else ""]
    if progress.tables_total:
        parts.append(f"{progress.tables_done:,} of {progress.tables_total:,} tables")
    if progress.rows:
        parts.append(f"{progress.rows:,} rows")
    if progress.bytes and not progress.bytes_total:
        parts.append(f"{progress.bytes / 1e6:,.1f} MB")
    part = None
    if progress.bytes_total:
        part = min(1.0, progress.bytes / progress.bytes_total)
    elif progress.tables_total:
        part = min(1.0, progress.tables_done / progress.tables_total)
    return Work(worker=worker, said=", ".join(filter(None, parts)), part=part)


def counts_of(sources: Sequence[SourceRun]) -> tuple[dict[str, int], float]:
    """Sources by state, and the part of them that has ended."""
    found = Counter(str(one.state) for one in sources)
    ended = sum(one.state in ENDED or one.state is State.SKIPPED for one in sources)
    return {str(state): found[str(state)] for state in _ORDER if found[str(state)]}, ended / (len(sources) or 1)
