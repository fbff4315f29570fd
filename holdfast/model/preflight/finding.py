"""A preflight finding: what would make an export or a later import fail, named before it does."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

Severity = Literal["blocks-export", "breaks-import", "warning"]


class Finding(BaseModel):
    """One thing in the database, its cause and its mend."""

    model_config = ConfigDict(frozen=True)

    id: str  # P01… of docs/reference/preflight.md
    severity: Severity
    object: str  # `View [dbo].[v]`
    cause: str
    error_number: str | None = None  # SQL71562
    mend: str

    def __str__(self) -> str:
        number = f" ({self.error_number})" if self.error_number else ""
        return f"{self.object}: {self.cause}{number}. {self.mend}"
