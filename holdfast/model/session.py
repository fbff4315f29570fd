"""A session: one run, with its sources, their steps, state and log."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, Field

from holdfast.model.errors import ErrorInfo
from holdfast.model.preflight.finding import Finding
from holdfast.model.restore.report import RestoreReport

SessionKind = Literal[
    "backup",
    "archive",
    "download",
    "table",
    "drill",
    "retention",
    "hold",
    "restore",
    "preflight",
    "rebuild",
    "adopt",
]

#: The steps of a source in a session, in the order that people see.
STEPS: tuple[str, ...] = (
    "validate",
    "stage",
    "worker",
    "synchronise",
    "preflight",
    "export",
    "store",
    "commit",
    "archive",
    "cleanup",
)


class State(StrEnum):
    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"
    PARTIAL = "partial"  # of sessions only


class Step(BaseModel):
    """One step of one source. `detail` is short and for people: `table dbo.Orders, 12,000 rows`."""

    name: str
    state: State = State.PENDING
    started_at: datetime | None = None
    ended_at: datetime | None = None
    detail: str = ""


#: The steps of a source in an archive session and in a download session.
ARCHIVE_STEPS: tuple[str, ...] = ("validate", "worker", "archive", "cleanup")
DOWNLOAD_STEPS: tuple[str, ...] = ("validate", "worker", "rehydrate", "download", "cleanup")
#: Those of a source that is only looked at.
PREFLIGHT_STEPS: tuple[str, ...] = ("validate", "worker", "preflight", "cleanup")
#: Those of a point's source in a drill; the restore is a session of its own.
DRILL_STEPS: tuple[str, ...] = ("validate", "restore", "record", "cleanup")
#: Those of a point's source where one of its tables is read.
TABLE_STEPS: tuple[str, ...] = ("validate", "worker", "rehydrate", "table", "cleanup")
#: Those where it is restored.
LOAD_STEPS: tuple[str, ...] = ("validate", "worker", "rehydrate", "load", "cleanup")
#: Those of a point's source in a session that holds or releases it.
HOLD_STEPS: tuple[str, ...] = ("validate", "worker", "hold", "cleanup")
#: The steps of a repository in a rebuild or adopt session.
SURVEY_STEPS: tuple[str, ...] = ("validate", "worker", "survey", "record", "cleanup")


#: Those of a point's source in a session that restores it.
RESTORE_STEPS: tuple[str, ...] = (
    "validate",
    "worker",
    "rehydrate",
    "fetch",
    "stage",
    "import",
    "verify",
    "commit",
    "cleanup",
)


class SourceRun(BaseModel):
    """One source in one session."""

    source: str
    key: str
    state: State = State.PENDING
    error: ErrorInfo | None = None
    restore_point: str | None = None
    archive_due: bool = Field(default=False, description="the point goes to the archive repository in this session")
    archive_flags: list[str] = Field(default_factory=list, description="the flags that its archive copy carries")
    archive_point: str | None = Field(default=None, description="an earlier point that is due instead of this one")
    steps: list[Step] = Field(default_factory=lambda: [Step(name=name) for name in STEPS])

    def step(self, name: str) -> Step:
        """The step of that name. Raises KeyError for a name that is no step."""
        for step in self.steps:
            if step.name == name:
                return step
        raise KeyError(name)


class Download(BaseModel):
    """What a session made that people fetch: a blob in the exports container. The link is made when somebody asks.

    `identical`: of a whole point, the very file that was exported. `rows` and `losses` are those of a table's file.
    """

    blob: str
    bytes: int
    sha256: str
    identical: bool = False
    rows: int | None = None
    losses: list[str] = Field(default_factory=list, description="what the file's format could not carry")
    expires_at: datetime


class RetentionSummary(BaseModel):
    """What retention did in a session. `alarms`: why it deleted nothing; `problems`: what went wrong."""

    deleted: int = 0
    locked: int = Field(default=0, description="expired points that their locks still keep")
    freed_bytes: int = 0
    waiting_bytes: int = Field(default=0, description="freed once the grace for readers is over")
    lock_changes: int = Field(default=0, description="objects that were locked for the first time or for longer")
    alarms: list[str] = Field(default_factory=list)
    problems: list[str] = Field(default_factory=list)


class Session(BaseModel):
    """One run: of a policy, on demand, of an archive or a download."""

    id: str
    policy: str | None = None
    kind: SessionKind = "backup"
    state: State = State.PENDING
    started_at: datetime
    ended_at: datetime | None = None
    sources: list[SourceRun] = Field(default_factory=list)
    cancel_requested: bool = False
    slot: str | None = None
    download: Download | None = None
    retention: RetentionSummary | None = None
    restore: RestoreReport | None = None
    findings: list[Finding] | None = Field(default=None, description="of a preflight session, once it has looked")
    error: ErrorInfo | None = None


class LogEntry(BaseModel):
    """One line of a session's log."""

    at: datetime
    level: Literal["info", "warning", "error"]
    source: str | None = None
    message: str


def outcome(states: list[State], *, cancelled: bool) -> State:
    """The state of a session from the states of its sources, once all have ended."""
    if cancelled:
        return State.CANCELLED
    bad = [s for s in states if s in (State.FAILED, State.CANCELLED)]
    if not bad:
        return State.SUCCEEDED
    return State.FAILED if len(bad) == len(states) else State.PARTIAL
