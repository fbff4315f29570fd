"""What the doctor says of one thing that the policies need."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from holdfast.model.errors import ErrorInfo

Verdict = Literal["ok", "warning", "failed"]


class Diagnosis(BaseModel):
    """One finding of the doctor."""

    model_config = ConfigDict(frozen=True)

    check: str = Field(description="the kind of check, stable: `staging`, `workers`, `repository`…")
    verdict: Verdict
    what: str = Field(description="the thing that was looked at")
    why: str = Field(default="", description="what is wrong, or what was seen")
    mend: str = Field(default="", description="the role, command or setting that mends it; empty where nothing must be")


def healthy(check: str, what: str, why: str = "") -> Diagnosis:
    """Nothing is wrong."""
    return Diagnosis(check=check, verdict="ok", what=what, why=why)


def doubtful(check: str, what: str, why: str, mend: str) -> Diagnosis:
    """Works, or may work, but not as it should."""
    return Diagnosis(check=check, verdict="warning", what=what, why=why, mend=mend)


def broken(check: str, what: str, why: str, mend: str) -> Diagnosis:
    """A policy cannot do its work."""
    return Diagnosis(check=check, verdict="failed", what=what, why=why, mend=mend)


def from_error(check: str, what: str, error: ErrorInfo, mend: str = "") -> Diagnosis:
    """An error that a check met."""
    return broken(check, what, f"{error.title}: {error.detail}" if error.detail else error.title, mend or error.help)


def grant(assignee: str | None, role: str, scope: str) -> str:
    """The command that gives a role."""
    return f'az role assignment create --assignee {assignee or "CLIENT_ID_OF_THE_APP"} --role "{role}" --scope {scope}'
