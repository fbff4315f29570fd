"""An installation of Holdfast: one app with one configuration database."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Installation(BaseModel):
    """Who works on a repository. Two installations may meet on one; each removes only what is its own."""

    model_config = ConfigDict(frozen=True)

    id: str = Field(description="made once, with the configuration database: a UUID")
    name: str = Field(default="", description="for people: the setting `installation`")

    def __str__(self) -> str:
        return f"{self.name} ({self.id})" if self.name else self.id
