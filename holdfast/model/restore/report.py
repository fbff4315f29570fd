"""What became of a restore: what was compared, what a person must do. No secret is in it."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Outcome = Literal["same", "different", "unknown"]


class Compared(BaseModel):
    """One comparison of the restored database with the point."""

    model_config = ConfigDict(frozen=True)

    what: str = Field(description="rows, objects, constraints or contents")
    outcome: Outcome
    detail: str = ""


class Aftercare(BaseModel):
    """One thing that a package cannot bring, and what a person does about it."""

    model_config = ConfigDict(frozen=True)

    kind: str = Field(description="user, login, credential, removed object …")
    name: str
    why: str
    script: str = Field(
        description="T-SQL with places for secrets to be filled in; empty where there is nothing to run"
    )


class PlanCheck(BaseModel):
    """One thing that was looked at before a restore begins."""

    model_config = ConfigDict(frozen=True)

    what: str
    outcome: Literal["ok", "warning", "hindrance", "later"] = Field(description="later: known only while it is done")
    detail: str
    help: str = ""


class RestoreReport(BaseModel):
    """The whole of it. `database` is the final name; `kept_as` what it is called where it was not given that name."""

    point: str
    database: str = Field(description="`server/database`")
    resource_id: str = ""
    kept_as: str = Field(default="", description="the temporary name, where verification failed")
    replaced: str = Field(default="", description="what made room, under its present name")
    replaced_until: datetime | None = Field(default=None, description="kept at least until then")
    asked_by: str = Field(default="", description="who asked for it, as the caller named themselves")
    compared: list[Compared] = Field(default_factory=list)
    aftercare: list[Aftercare] = Field(default_factory=list)

    def as_script(self) -> str:
        """Everything that is to be run, one batch after the other."""
        parts = [
            f"-- {one.kind} {one.name}: {one.why}\n{one.script.rstrip()}\n" for one in self.aftercare if one.script
        ]
        return "\n".join(parts)
