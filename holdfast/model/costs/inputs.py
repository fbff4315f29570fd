"""What is estimated: databases with their sizes, and where things are done."""

from __future__ import annotations

from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from holdfast.model.costs.assumptions import GivenAssumptions
from holdfast.model.costs.money import GB, Band
from holdfast.model.errors import InvalidInput
from holdfast.model.policy import explain_validation


class SizedDatabase(BaseModel):
    """A database and how large it is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, description="`server/database`")
    size: Band = Field(description="bytes of data")
    size_from: str = "given"
    region: str = ""
    managed: bool = False
    objective: str | None = Field(default=None, description="service objective, such as S3 or GP_Gen5_4")


class Place(BaseModel):
    """What a worker is in the regions where it runs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    size: str = Field(default="Standard_D4ds_v5", description="VM size")
    parallel: int = Field(default=1, ge=1, le=16, description="databases beside each other on one worker")
    max_workers: int = Field(default=4, ge=1, description="workers of one region")
    idle_minutes: int = Field(default=60, ge=0, description="a deallocated worker keeps its disk for this long")


class Places(BaseModel):
    """Regions and machines. An empty region is that of the databases."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    repository_region: str = Field(default="", pattern=r"^[a-z0-9]*$")
    archive_region: str = Field(default="", pattern=r"^[a-z0-9]*$")
    staging_region: str = Field(default="", pattern=r"^[a-z0-9]*$")
    staging_managed_region: str = Field(default="", pattern=r"^[a-z0-9]*$")
    tier: Literal["hot", "cool", "cold"] = Field(
        default="hot", description="default access tier of the backup repository's account"
    )
    worker: Place = Field(default_factory=Place)


class GivenSize(BaseModel):
    """A line of the sizes file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, description="`server/database`, or any name")
    size_gb: float | None = Field(default=None, ge=0, le=200_000, allow_inf_nan=False, description="GB of 10^9 bytes")
    size_bytes: int | None = Field(default=None, ge=0, le=2 * 10**17)
    region: str = Field(default="", pattern=r"^[a-z0-9]*$")
    managed: bool = Field(default=False, description="a database of a managed instance")
    objective: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_]{1,60}$")

    @model_validator(mode="after")
    def _one_size(self) -> GivenSize:
        if (self.size_gb is None) == (self.size_bytes is None):
            raise ValueError(f"{self.name}: give size_gb or size_bytes, and not both")
        return self

    def sized(self) -> SizedDatabase:
        """The database that it stands for."""
        count = self.size_bytes if self.size_bytes is not None else round((self.size_gb or 0) * GB)
        return SizedDatabase(
            name=self.name,
            size=Band.of(count),
            region=self.region,
            managed=self.managed,
            objective=self.objective,
        )


class SizesFile(BaseModel):
    """Sizes, and optionally where things are done and what is known better than the defaults."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    databases: list[GivenSize] = Field(min_length=1, max_length=20_000)
    places: Places = Field(default_factory=Places)
    assumptions: GivenAssumptions = Field(default_factory=GivenAssumptions)

    @model_validator(mode="after")
    def _once_each(self) -> SizesFile:
        seen: set[str] = set()
        for database in self.databases:
            if database.name.lower() in seen:
                raise ValueError(f"{database.name} is named twice")
            seen.add(database.name.lower())
        return self


def parse_sizes(text: str, *, where: str = "sizes") -> SizesFile:
    """Reads a sizes file from YAML or JSON: an object, or a bare list of databases. Raises InvalidInput."""
    try:
        data: Any = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" at line {mark.line + 1}" if mark else ""
        raise InvalidInput(f"{where} is not YAML{place}: {getattr(error, 'problem', None) or error}") from None
    if isinstance(data, list):
        data = {"databases": data}
    if not isinstance(data, dict):
        raise InvalidInput(f"{where} must be a list of databases or a mapping with `databases`")
    try:
        return SizesFile.model_validate(data)
    except ValidationError as error:
        raise InvalidInput(f"{where}: {explain_validation(error)}") from None
