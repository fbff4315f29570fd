"""Faults that a test asks for: errors, delays, lost connections, at requests that match."""

from __future__ import annotations

import itertools
import re
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

_ids = itertools.count(1)


class Fault(BaseModel):
    """One fault. It strikes the first `count` requests that match, after leaving the first `skip` alone."""

    model_config = ConfigDict(extra="forbid")

    id: int = Field(default_factory=lambda: next(_ids))
    match: str = Field(description="regular expression searched in `METHOD service /path?query`")
    skip: int = 0
    count: int | None = Field(default=1, description="None: every one")
    delay: float = Field(default=0.0, description="seconds before anything else")
    status: int | None = Field(default=None, description="answer with this status and nothing done")
    code: str = "InternalError"
    retry_after: int | None = None
    drop: Literal["before", "after", "middle"] | None = Field(
        default=None,
        description="lose the connection: before anything is done; after all was done; in the middle of the answer",
    )
    after_bytes: int = Field(default=0, description="for `middle`: bytes of the answer that still arrive")
    struck: int = Field(default=0, description="how often it struck")

    @field_validator("match")
    @classmethod
    def _is_pattern(cls, value: str) -> str:
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from error
        return value


class Faults:
    """The faults in force, oldest first."""

    def __init__(self) -> None:
        self.active: list[Fault] = []

    def take(self, line: str) -> Fault | None:
        """The fault that strikes this request, or None."""
        for fault in self.active:
            if not re.search(fault.match, line):
                continue
            if fault.skip > 0:
                fault.skip -= 1
                continue
            if fault.count is None or fault.struck < fault.count:
                fault.struck += 1
                return fault
        return None
