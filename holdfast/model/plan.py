"""What a session decided for one source: settled once, then carried from step to step, so that an edit of the policy
in the middle of a run cannot make two steps disagree. Ids and references only; about a kilobyte."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from holdfast.model.job import SqlConnection
from holdfast.model.point import Consistency
from holdfast.model.source import Source, SourceKind
from holdfast.model.table_ask import TableAsk

#: The name of every staging copy begins so.
COPY_PREFIX = "hf-"


class StagingServer(BaseModel):
    """A server or instance that takes staging copies."""

    model_config = ConfigDict(frozen=True)

    kind: SourceKind
    resource_id: str
    name: str
    region: str
    host: str


class BackupPlan(BaseModel):
    """One database in one backup session."""

    model_config = ConfigDict(frozen=True)

    source: Source
    staging: StagingServer | None
    copy_name: str
    point: str
    created_at: datetime
    repository: str
    archive: str | None
    worker_profile: str
    worker_region: str
    repair: bool = False
    """Whether the copy is mended before its export; never without one."""

    @property
    def consistency(self) -> Consistency:
        """A copy is one moment of the database; a live export is many."""
        return "transactional" if self.staging else "live"

    @property
    def copy_id(self) -> str:
        """Resource id of the staging copy. Raises ValueError for a direct export, which has none."""
        if self.staging is None:
            raise ValueError("a direct export has no copy")
        return f"{self.staging.resource_id}/databases/{self.copy_name}"

    @property
    def connection(self) -> SqlConnection:
        """Where to export from: the copy, or the source."""
        if self.staging is None:
            return source_connection(self.source)
        managed = self.source.kind is SourceKind.MANAGED_DATABASE
        return SqlConnection(
            host=self.staging.host, database=self.copy_name, managed_instance=managed, kind="staging-copy"
        )


class SourcePlan(BaseModel):
    """One source that is looked at and left as it is."""

    model_config = ConfigDict(frozen=True)

    kind: Literal["preflight"] = "preflight"
    source: Source
    worker_profile: str
    worker_region: str

    @property
    def connection(self) -> SqlConnection:
        """The source itself."""
        return source_connection(self.source)


class PointPlan(BaseModel):
    """One point to archive, to download, or to read a table of. `target` is the archive repository, of the first."""

    model_config = ConfigDict(frozen=True)

    kind: Literal["archive", "download", "table"]
    point: str
    chain: str
    origin: str
    target: str | None = None
    flags: list[str] = []
    identical: bool = False
    ask: TableAsk | None = None
    connection: SqlConnection | None = None
    """Where a table is restored to."""
    blob: str = ""
    worker_profile: str
    worker_region: str


class MaintenancePlan(BaseModel):
    """A batch of retention: what the maintainer does in one repository, beside it."""

    model_config = ConfigDict(frozen=True)

    kind: Literal["retention"] = "retention"
    role: Literal["maintainer"] = "maintainer"
    batch: int
    repository: str
    worker_profile: str
    worker_region: str


class HoldPlan(BaseModel):
    """A point to hold or to release."""

    model_config = ConfigDict(frozen=True)

    kind: Literal["hold"] = "hold"
    role: Literal["maintainer"] = "maintainer"
    point: str
    chain: str
    repository: str
    on: bool
    reason: str = ""
    worker_profile: str
    worker_region: str


class DrillPlan(BaseModel):
    """A point to prove: what the restore is asked for, and the database that is removed afterwards."""

    model_config = ConfigDict(frozen=True)

    kind: Literal["drill"] = "drill"
    point: str
    chain: str
    repository: str
    target: str
    """Resource id of the database."""
    restore: str
    """The restore's session."""
    asked: dict[str, str | bool | None]
    restore_key: str
    asked_at: str


class SurveyPlan(BaseModel):
    """One repository in a rebuild or adopt session."""

    model_config = ConfigDict(frozen=True)

    kind: Literal["survey"] = "survey"
    repository: str
    read: bool
    adopt: bool
    databases: list[str] = []
    dry_run: bool
    worker_profile: str
    worker_region: str


def source_connection(source: Source) -> SqlConnection:
    """Where a source itself is to be reached."""
    managed = source.kind is SourceKind.MANAGED_DATABASE
    return SqlConnection(host=source.host, database=source.database, managed_instance=managed)


def copy_name(key: str, session: str) -> str:
    """Name of a staging copy: ours by its prefix, the source by its key, and the session."""
    return f"{COPY_PREFIX}{key}-{session_mark(session)}"


def session_mark(session: str) -> str:
    """Eight hex digits that stand for a session in a name."""
    return hashlib.sha256(session.encode()).hexdigest()[:8]
