"""What a restore session decided once: from which point, to where, under which names. About a kilobyte."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from holdfast.model.job import SqlConnection
from holdfast.model.plan import StagingServer, session_mark
from holdfast.model.source import SourceKind

Verify = Literal["counts", "contents"]
Priority = Literal["Standard", "High"]

#: Azure's limit for a database's name.
LONGEST_NAME = 128


class Replaced(BaseModel):
    """The database that makes room: it is renamed, never deleted."""

    model_config = ConfigDict(frozen=True)

    resource_id: str
    guid: str = Field(description="Azure's own id of it; its name tells nothing once names change")
    aside: str = Field(description="its name from then on")
    expires: datetime = Field(description="kept at least until then; a person deletes it")


class RestorePlan(BaseModel):
    """One point into one new database."""

    model_config = ConfigDict(frozen=True)

    kind: Literal["restore"] = "restore"
    role: Literal["writer", "restorer"]
    point: str
    chain: str
    repository: str
    source: str = Field(description="`server/database` that the point was made of")
    archived: bool
    priority: Priority
    target: StagingServer
    database: str = Field(description="the name that it has in the end")
    temporary: str
    replaces: Replaced | None = None
    sku: str = Field(default="", description="service objective, such as S3 or GP_Gen5_2; empty: that of the pool")
    pool: str = Field(default="", description="resource id of an elastic pool")
    max_size_bytes: int | None = None
    collation: str = ""
    redundancy: str = ""
    verify: Verify
    created_at: datetime
    worker_profile: str
    worker_region: str

    @property
    def temporary_id(self) -> str:
        """Resource id of the database while it is filled and verified."""
        return f"{self.target.resource_id}/databases/{self.temporary}"

    @property
    def final_id(self) -> str:
        """Resource id that it has in the end."""
        return f"{self.target.resource_id}/databases/{self.database}"

    @property
    def aside_id(self) -> str:
        """Resource id of what makes room, once it did. Raises ValueError where nothing does."""
        if self.replaces is None:
            raise ValueError("nothing makes room for this database")
        return f"{self.target.resource_id}/databases/{self.replaces.aside}"

    @property
    def managed(self) -> bool:
        """Whether the target is a managed instance."""
        return self.target.kind is SourceKind.MANAGED_DATABASE

    @property
    def connection(self) -> SqlConnection:
        """To the database under its temporary name."""
        return SqlConnection(
            host=self.target.host, database=self.temporary, managed_instance=self.managed, kind="restored"
        )


def temporary_name(database: str, session: str) -> str:
    """`<database>-restore-<id>`: cut where Azure takes no longer name."""
    end = f"-restore-{session_mark(session)}"
    return f"{database[: LONGEST_NAME - len(end)]}{end}"


def is_temporary(name: str, session: str) -> bool:
    """Whether it is the temporary name that a restore of that session gives."""
    return bool(session) and name.endswith(f"-restore-{session_mark(session)}")


def aside_name(database: str, at: datetime) -> str:
    """`<database>-pre-<time>`: the name of what made room."""
    end = f"-pre-{at:%Y%m%dT%H%M%SZ}"
    return f"{database[: LONGEST_NAME - len(end)]}{end}"
