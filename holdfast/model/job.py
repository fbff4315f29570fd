"""Jobs: what the app asks of a worker, and what the worker answers. Documents in storage; no secret in any of them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from holdfast.model.errors import ErrorInfo
from holdfast.model.installation import Installation
from holdfast.model.point import Consistency
from holdfast.model.terms import Terms
from holdfast.model.transformation import Transformation

JobKind = Literal[
    "synchronise",
    "preflight",
    "export",
    "store",
    "archive",
    "rehydrate",
    "download",
    "table",
    "load",
    "lock",
    "retain",
    "hold",
    "survey",
    "fetch",
    "import",
    "verify",
    "rename",
]
JobState = Literal["succeeded", "failed", "cancelled", "lost"]


class RepositoryRef(BaseModel):
    """A configured repository as a job names it. Password or key stay in Key Vault; only the address travels."""

    model_config = ConfigDict(frozen=True)

    name: str
    url: str
    region: str
    password_secret: str = Field(default="", description="address of the secret: https://VAULT/secrets/NAME")
    vault_key: str = Field(default="", description="address of the key, where it is opened so: https://VAULT/keys/NAME")
    archive: bool = Field(default=False, description="packs go straight to the archive tier")
    installation: Installation | None = Field(default=None, description="who works there: whose chains may be cleaned")


class SqlConnection(BaseModel):
    """Where SqlPackage and preflight connect to; always by managed identity, so nothing here is secret."""

    model_config = ConfigDict(frozen=True)

    host: str
    database: str
    managed_instance: bool = False
    port: int = 1433
    kind: Literal["source", "staging-copy", "restored"] = Field(
        default="source", description="what stands there; nothing is ever changed where it is a source"
    )


class Job(BaseModel):
    """A job document: `jobs/<session>/<id>.json` in the state account. `spec` is one of the *Spec models below."""

    id: str
    kind: JobKind
    session: str
    source: str | None = None
    step: str
    attempt: int = 1
    instance_id: str = Field(description="the orchestration that waits for the event `job-<id>`")
    worker: str
    submitted_at: datetime
    spec: dict[str, Any]


class SynchroniseSpec(BaseModel):
    repository: RepositoryRef
    chain: str


class PreflightSpec(BaseModel):
    connection: SqlConnection
    database: str = Field(default="", description="the source's own name: a copy has another, and code may use it")
    repair: bool = Field(
        default=False, description="mend the staging copy; an error where the connection leads to no copy"
    )
    look_only: bool = Field(default=False, description="a finding that blocks is no failure: nothing is exported")


class ExportSpec(BaseModel):
    connection: SqlConnection
    workspace: str = Field(
        description="name of the folder on the worker's disk; the store job of the same attempt reads it"
    )


class StoreSpec(BaseModel):
    repository: RepositoryRef
    chain: str
    source: str
    resource_id: str
    point: str
    session: str
    created_at: datetime
    consistency: Consistency
    flags: list[str] = Field(default_factory=list)
    terms: Terms | None = None
    warnings: list[str] = Field(default_factory=list)
    transformations: list[Transformation] = Field(default_factory=list)
    workspace: str


class ArchiveSpec(BaseModel):
    origin: RepositoryRef
    target: RepositoryRef
    chain: str
    point: str
    session: str
    flags: list[str] = Field(default_factory=list)
    terms: Terms | None = Field(default=None, description="of the copy")


class ChainWork(BaseModel):
    """What retention has to do in one chain of a repository."""

    chain: str
    source: str = ""
    delete: list[str] = Field(default_factory=list, description="points that the plan expires")
    reasons: dict[str, list[str]] = Field(default_factory=dict, description="point to why it expires, for the log")
    applied: list[str] = Field(
        default_factory=list, description="those to which a person applied a policy: older manifests name no end"
    )
    prune: bool = Field(default=True, description="something is to be freed")
    may_empty: bool = Field(
        default=False, description="the last point may go, too: an archive chain's have a term each"
    )
    lock: bool = Field(default=False, description="locks are to be looked after")
    lock_mark: str = Field(default="", description="what the chain was when this was planned")
    ends: dict[str, datetime] = Field(
        default_factory=dict, description="point to a later end than its manifest's own terms have"
    )


class LockSpec(BaseModel):
    """Makes points write-once until their terms end; for the maintainer."""

    repository: RepositoryRef
    chains: list[ChainWork]


class RetainSpec(BaseModel):
    """Deletes expired points, then frees what nothing needs; for the maintainer."""

    repository: RepositoryRef
    chains: list[ChainWork]
    immutable: bool = Field(default=False, description="what prune wrote anew is locked like what it replaces")
    grace: timedelta = Field(default=timedelta(hours=24), description="what nothing needs stays for this long")


class HoldSpec(BaseModel):
    """Holds points until they are released, or releases them; for the maintainer."""

    repository: RepositoryRef
    points: list[str]
    on: bool


class RehydrateSpec(BaseModel):
    repository: RepositoryRef
    chain: str
    point: str
    also: list[str] = Field(default_factory=list, description="points of the same repository that are needed, too")
    priority: Literal["Standard", "High"] = "Standard"


class HandOutSpec(BaseModel):
    """What a job hands out is a blob of the exports container."""

    container_url: str = Field(description="the exports container")
    blob: str


class FetchSpec(BaseModel):
    """Writes a point as a BACPAC to the worker's disk, for the import that follows."""

    repository: RepositoryRef
    chain: str
    point: str
    workspace: str


class ImportSpec(BaseModel):
    """Fills an empty database from the BACPAC in the workspace, once."""

    connection: SqlConnection
    workspace: str
    attempt: str = Field(description="names this very empty database: a second import into it is refused")


class VerifySpec(BaseModel):
    """Compares the filled database with the point in the workspace."""

    connection: SqlConnection
    workspace: str
    contents: bool = Field(default=False, description="export it again and compare every table's rows")


class RenameSpec(BaseModel):
    """Gives databases of a managed instance new names, one after the other; what has its name already is left alone."""

    connection: SqlConnection
    moves: list[tuple[str, str]]


class DownloadSpec(HandOutSpec):
    repository: RepositoryRef
    chain: str
    point: str
    identical: bool = False


class SurveySpec(BaseModel):
    repository: RepositoryRef
    container_url: str = Field(description="the exports container")
    folder: str = Field(description="where what was read goes, in it")
    read: bool = Field(default=True, description="write down every chain's points with full details")
    adopt: bool = Field(default=False, description="make this installation the owner of the chains")
    databases: list[str] = Field(default_factory=list, description="globs; none: all chains")
    dry_run: bool = Field(default=False, description="adopt nothing, only say what would be adopted")


class SurveyedChain(BaseModel):
    """What a survey says of one chain."""

    chain: str
    source: str
    points: int
    owner: Installation | None = Field(default=None, description="whose it was before the survey")
    adopted: bool = Field(default=False, description="it was, or in a dry run would be, adopted")
    blob: str = Field(default="", description="what was read of it: a blob of the exports container")


class Progress(BaseModel):
    """How far a job is. Totals are None where nobody can know them."""

    phase: str = ""
    table: str | None = None
    rows: int = 0
    bytes: int = 0
    bytes_total: int | None = None
    tables_done: int = 0
    tables_total: int | None = None


class Heartbeat(BaseModel):
    """`jobs/<session>/<id>.heartbeat.json`, written again every few seconds while the job runs."""

    worker: str
    at: datetime
    progress: Progress = Field(default_factory=Progress)


class JobResult(BaseModel):
    """`jobs/<session>/<id>.result.json`, written once, last. `output` is one of the *Output models below."""

    job: str
    kind: JobKind
    state: JobState
    ended_at: datetime
    error: ErrorInfo | None = None
    output: dict[str, Any] = Field(default_factory=dict)


class WorkerCheckIn(BaseModel):
    """`jobs/workers/<name>.json`: the worker says that it is there. Written at start and with every heartbeat."""

    worker: str
    boot_id: str
    version: str
    started_at: datetime
    at: datetime
    running: list[str] = Field(default_factory=list, description="ids of the jobs in hand")


class WorkerMessage(BaseModel):
    """What a worker's queue carries: where the job document lies."""

    session: str
    job: str


class JobEvent(BaseModel):
    """What the events queue carries: raised on `instance_id` as the external event `job-<job>`."""

    instance_id: str
    session: str
    job: str
    state: JobState


def event_name(job: str) -> str:
    """The external event that ends the wait for a job."""
    return f"job-{job}"


def job_blob(session: str, job: str, part: Literal["job", "heartbeat", "result", "cancel"] = "job") -> str:
    """Name of a job's blob in the jobs container."""
    return f"{session}/{job}.json" if part == "job" else f"{session}/{job}.{part}.json"


def check_in_blob(worker: str) -> str:
    """Name of a worker's check-in blob in the jobs container."""
    return f"workers/{worker}.json"


def worker_queue(worker: str) -> str:
    """Name of a worker's own queue."""
    return f"worker-{worker}"
