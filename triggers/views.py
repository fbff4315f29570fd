"""What the API shows: the shapes that the contract names, apart from how the catalog keeps them."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from holdfast.model.job import Progress
from holdfast.model.policy import Policy
from holdfast.model.preflight.finding import Finding
from holdfast.model.restore.report import RestoreReport
from holdfast.model.session import Session, SourceRun
from holdfast.wiring import Services


class PolicyView(Policy):
    """A policy, its ETag, and what whoever saved it should know."""

    etag: str = ""
    warnings: list[str] = Field(default_factory=list)


class PlannedSource(BaseModel):
    source: str
    region: str
    taken_by: str = Field(description="the policy whose priority comes first")


class PolicyPlan(BaseModel):
    policy: str
    sources: list[PlannedSource]
    next_runs: list[datetime]
    warnings: list[str]


class ErrorView(BaseModel):
    code: str
    title: str
    detail: str
    help: str


class StepView(BaseModel):
    name: str
    state: str
    started_at: datetime | None
    ended_at: datetime | None
    detail: str


class SourceView(BaseModel):
    source: str
    state: str
    error: ErrorView | None
    restore_point: str | None
    steps: list[StepView]


class DownloadView(BaseModel):
    url: str = Field(description="reads this one file until `expires_at`")
    bytes: int
    sha256: str
    identical: bool = Field(description="of a point: the very file that SqlPackage wrote; else each entry is identical")
    rows: int | None = Field(default=None, description="of a table's file")
    losses: list[str] = Field(default_factory=list, description="what the file's format could not carry")
    expires_at: datetime


class RetentionView(BaseModel):
    deleted: int
    locked: int = Field(description="expired points that their locks still keep")
    freed_bytes: int
    waiting_bytes: int = Field(description="freed once the grace for readers is over")
    lock_changes: int = Field(description="objects that were locked for the first time or for longer")
    alarms: list[str] = Field(description="why nothing was deleted")
    problems: list[str]


class RestoreView(RestoreReport):
    """What a restore session did, and what is left for a person."""

    script: str = Field(default="", description="T-SQL for what is left, with places for secrets")


class SessionView(BaseModel):
    id: str
    policy: str | None
    kind: str
    state: str
    started_at: datetime
    ended_at: datetime | None
    error: ErrorView | None
    sources: list[SourceView]
    download: DownloadView | None = None
    retention: RetentionView | None = None
    restore: RestoreView | None = None
    findings: list[Finding] | None = None


class SourceProgress(BaseModel):
    source: str
    step: str
    worker: str
    progress: Progress


class LogLine(BaseModel):
    at: datetime
    level: str
    source: str | None
    message: str


#: What a person names goes through the orchestration's history, which takes 16 kB.
Glob = Annotated[str, Field(max_length=260)]


class StartBackup(BaseModel):
    """Starts a backup on demand. Without `policy`: the policy named `default`."""

    model_config = ConfigDict(extra="forbid")

    policy: str = "default"
    databases: list[Glob] | None = Field(
        default=None, max_length=50, description="globs; absent: what the policy selects"
    )
    staging: bool | None = Field(default=None, description="true or false overrules the policy")
    hold_days: int | None = Field(
        default=None, ge=1, le=36500, description="how long the points are kept; absent: as the policy says"
    )


class StartPreflight(BaseModel):
    """Looks at a source for what would make its export, or a later import, fail. Changes nothing."""

    model_config = ConfigDict(extra="forbid")

    source: str = Field(max_length=260, description="`server/database` or `instance/database`")
    worker: str = Field(default="standard", description="worker profile")


class RunPolicy(BaseModel):
    """Runs a policy now."""

    model_config = ConfigDict(extra="forbid")

    staging: bool | None = None


class StartArchive(BaseModel):
    """Archives the newest points on demand."""

    model_config = ConfigDict(extra="forbid")

    policy: str
    databases: list[Glob] | None = Field(default=None, max_length=50, description="globs; absent: all of the policy")


class StartDownload(BaseModel):
    """Writes a point as a BACPAC that can be fetched."""

    model_config = ConfigDict(extra="forbid")

    repository: str | None = Field(default=None, description="where several hold the point; absent: the backup one")
    identical: bool = Field(default=False, description="the very file that SqlPackage wrote, or an error")
    worker: str = Field(default="standard", description="worker profile")


class VerdictView(BaseModel):
    policy: str = Field(description="the policy that answers for the chain")
    source: str
    chain: str
    repository: str
    tier: str
    id: str
    day: date
    flags: list[str] = Field(description="those of its archive copy with a star")
    until: date | None = Field(description="the last day on which flags or its end keep it")
    expires_on: date | None = Field(description="the first day on which it may go; guards may keep it longer")
    keep: bool
    reasons: list[str]


class AlarmView(BaseModel):
    kind: str = Field(description="clock-went-back, clock-jumped or mass-expiry")
    detail: str
    approval: str = Field(description="what approves exactly these deletions")
    approved: bool


class Approval(BaseModel):
    """Approves an alarm of the policy's last retention."""

    model_config = ConfigDict(extra="forbid")

    approval: str = Field(max_length=64)


class RunRetention(BaseModel):
    """Runs retention now. What stopped it before must be approved first."""

    model_config = ConfigDict(extra="forbid")


class Reapply(BaseModel):
    """Applies an edited policy to points that exist. Ends only grow."""

    model_config = ConfigDict(extra="forbid")

    dry_run: bool = Field(default=False, description="only says what would change")


class ReappliedView(BaseModel):
    id: str
    source: str
    repository: str
    day: date
    before: dict[str, date]
    after: dict[str, date]
    changed: bool
    notes: list[str]


class RetentionLogView(BaseModel):
    at: datetime
    policy: str
    session: str
    repository: str
    chain: str
    source: str
    point: str
    reasons: list[str]


class HoldPoint(BaseModel):
    """Holds a point, or releases it."""

    model_config = ConfigDict(extra="forbid")

    repository: str | None = Field(default=None, description="where several hold the point; absent: the backup one")
    reason: str = Field(default="", max_length=500, description="for whoever finds the hold years later")
    worker: str = Field(default="standard", description="worker profile")


class WorkerView(BaseModel):
    name: str
    region: str
    profile: str
    state: str
    jobs: list[str]


class ChannelView(BaseModel):
    name: str
    kind: str
    events: list[str]
    policies: list[str] = Field(description="policies that name it")
    waiting: int = Field(description="notices that are still to be sent")
    given_up: int = Field(description="notices of the last month that could not be delivered")
    last_sent_at: datetime | None
    last_failed_at: datetime | None
    failure: str = Field(description="why the latest attempt failed; empty where it did not")


class ChannelTest(BaseModel):
    channel: str
    id: str = Field(description="what the receiver got as the notice's id")
    delivered: bool


class StatusView(BaseModel):
    version: str
    installation: str = Field(description="id of this installation: it owns the chains that it began or adopted")
    policies: int
    running_sessions: list[str]
    workers: int
    repositories: list[str]
    overdue: list[str] = Field(description="databases that have no point within what their policy promises")
    failing_channels: list[str] = Field(description="notification channels whose latest attempt failed")


#: A link lives this long; asking again gives a new one, until the file itself expires.
LINK_LIFE = timedelta(minutes=60)


def error_view(source: Any) -> dict[str, str] | None:
    """The four parts of an error that people read."""
    return None if source is None else {k: getattr(source, k) for k in ("code", "title", "detail", "help")}


def source_view(run: SourceRun) -> dict[str, Any]:
    """One source of a session."""
    whole = run.model_dump(mode="json", include={"source", "state", "restore_point", "steps"})
    return {**whole, "error": error_view(run.error)}


def session_view(app: Services, session: Session, *, link: bool = False) -> dict[str, Any]:
    """A session as the contract shows it; with `link`, a finished download is handed out."""
    whole = session.model_dump(mode="json", include={"id", "policy", "kind", "state", "started_at", "ended_at"})
    view = {**whole, "error": error_view(session.error), "sources": [source_view(s) for s in session.sources]}
    view["retention"] = session.retention.model_dump(mode="json") if session.retention is not None else None
    view["restore"] = None
    if session.restore is not None:
        view["restore"] = {**session.restore.model_dump(mode="json"), "script": session.restore.as_script()}
    view["download"] = None
    # Of one session only: there may be thousands.
    found = session.findings if link else None
    view["findings"] = [one.model_dump(mode="json") for one in found] if found is not None else None
    if link and session.download is not None and session.download.expires_at > app.clock.now():
        done = session.download
        # The link's life is real time, the file's expiry the installation's: the sooner ends both.
        life = min(LINK_LIFE, done.expires_at - app.clock.now())
        view["download"] = {
            "url": app.exports.link(done.blob, life=life),
            **done.model_dump(mode="json", include={"bytes", "sha256", "identical", "rows", "losses", "expires_at"}),
        }
    return view
