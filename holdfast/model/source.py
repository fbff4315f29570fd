"""A source: the database to protect."""

from __future__ import annotations

import hashlib
import re
from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field


class SourceKind(StrEnum):
    SQL_DATABASE = "sql_database"
    MANAGED_DATABASE = "managed_database"


class ResourceId(BaseModel):
    """An Azure resource id, taken apart. Compared without regard to case, as Azure does."""

    model_config = ConfigDict(frozen=True)

    subscription: str
    resource_group: str
    provider: str
    types: tuple[str, ...]
    names: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> ResourceId:
        """Takes an id apart. Raises ValueError where it is none."""
        match = re.fullmatch(
            r"/subscriptions/([^/]+)/resourceGroups/([^/]+)/providers/([^/]+)((?:/[^/]+/[^/]+)+)", text, re.IGNORECASE
        )
        if match is None:
            raise ValueError(f"{text!r} is not an Azure resource id")
        parts = match[4].strip("/").split("/")
        return cls(
            subscription=match[1],
            resource_group=match[2],
            provider=match[3],
            types=tuple(parts[0::2]),
            names=tuple(parts[1::2]),
        )

    @property
    def type(self) -> str:
        """`Microsoft.Sql/servers/databases`, as Azure writes it."""
        return "/".join((self.provider, *self.types))

    @property
    def name(self) -> str:
        """The last name."""
        return self.names[-1]

    def is_type(self, wanted: str) -> bool:
        """Whether this is of the type `wanted`, without regard to case."""
        return self.type.lower() == wanted.lower()

    def __str__(self) -> str:
        pairs = "/".join(f"{t}/{n}" for t, n in zip(self.types, self.names, strict=True))
        return (
            f"/subscriptions/{self.subscription}/resourceGroups/{self.resource_group}/providers/{self.provider}/{pairs}"
        )


class Source(BaseModel):
    """One database as the control plane shows it at one moment."""

    model_config = ConfigDict(frozen=True)

    kind: SourceKind
    resource_id: str
    server: str = Field(description="name of the logical server or managed instance")
    database: str
    region: str
    host: str = Field(description="fully qualified domain name to connect to")
    status: str = "Online"
    database_guid: str | None = Field(default=None, description="Azure's own id of a SQL database; survives a rename")
    secondary: str | None = Field(default=None, description="Geo, Named or Standby where it is a replica of another")
    made_at: datetime | None = Field(default=None, description="Azure's creation date; survives a rename")
    elastic_pool: str | None = Field(default=None, description="resource id of the pool that it is in")
    unfit: str | None = Field(default=None, description="why no BACPAC can ever be made of it")
    lineage: str | None = Field(default=None, description="identity that its chain is named by, where not its own")
    sku: str | None = None
    objective: str | None = Field(default=None, description="service objective, such as S3 or GP_Gen5_4")
    max_size_bytes: int | None = None
    tags: dict[str, str] = Field(default_factory=dict)

    @property
    def name(self) -> str:
        """`server/database`, the name that people use."""
        return f"{self.server}/{self.database}"

    @property
    def key(self) -> str:
        """A short stable key, fit for an instance id, a row key, a tag or a part of a resource's name."""
        return source_key(self.name)

    @property
    def identity(self) -> str:
        """What Azure knows it by: the GUID of a SQL database, else the resource id; in lower case.

        A replica goes by its resource id: its GUID may be that of its primary.
        """
        return ((None if self.secondary else self.database_guid) or self.resource_id).lower()

    @property
    def chain(self) -> str:
        """The id of this database's chain: from Azure's own id, so that a rename keeps the chain."""
        return chain_id(self.lineage or self.identity)


def source_key(name: str) -> str:
    """Twelve hex digits of `server/database`, without regard to case."""
    return hashlib.sha256(name.lower().encode()).hexdigest()[:12]


def chain_id(identity: str) -> str:
    """The id of a chain, from Azure's resource id or database id, or from the given name of a taken-in BACPAC."""
    return hashlib.sha256(identity.lower().encode()).hexdigest()[:20]
