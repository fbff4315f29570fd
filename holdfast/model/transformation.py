"""What was changed on a staging copy so that it could be exported; the point records it, so that it can be given back."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Transformation(BaseModel):
    """One change. The source was never touched."""

    model_config = ConfigDict(frozen=True)

    rule: str = Field(description="P01… of docs/reference/preflight.md")
    object: str = Field(description="`View [dbo].[v]`")
    did: str = Field(description="what was done to it")
    definition: str = Field(
        description="T-SQL that gives back what was there, batches separated by GO; with comments where a person must help"
    )

    def __str__(self) -> str:
        return f"{self.object}: {self.did} ({self.rule})"
