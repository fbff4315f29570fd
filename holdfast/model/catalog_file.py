"""The file of an exported catalog: JSON lines, a head, a line a row, an end that tells whether all of it is there."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

#: Version of the file, apart from the version of the catalog's layout.
FILE_VERSION = 1
Identity = Literal["auto", "take", "keep"]


class CatalogHead(BaseModel):
    """The first line: what is exported, and of whom."""

    model_config = ConfigDict(extra="forbid")

    holdfast: Literal["catalog"] = "catalog"
    version: int = FILE_VERSION
    layout: int = Field(alias="schema", serialization_alias="schema", description="version of the catalog's layout")
    installation: str = Field(description="id of the installation")
    name: str = ""
    exported_at: datetime


class CatalogRow(BaseModel):
    """A line: one row of one table, long texts and all. No row holds a secret or a signed address."""

    model_config = ConfigDict(extra="forbid")

    table: str
    partition: str
    key: str
    values: dict[str, str | bool | int]


class CatalogEnd(BaseModel):
    """The last line: how many rows there are, and the SHA-256 of every byte before this line."""

    model_config = ConfigDict(extra="forbid")

    rows: int
    sha256: str


class Taken(BaseModel):
    """What an import did with rows. What was there already is never overwritten."""

    added: int = 0
    same: int = Field(default=0, description="there already, and equal")
    kept: list[str] = Field(default_factory=list, description="there already, and different: left as they are")
    identity: Literal["same", "taken", "kept"] = Field(
        default="same", description="whether the catalog has the exported installation's id now"
    )
