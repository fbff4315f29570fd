"""Faults on demand: replies that Azure might give, requests or replies that get lost, operations that fail late."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from local.azure.evidence import OURS
from local.azure.replies import Reply
from local.azure.store import Store

INJECTED = OURS("a fault that a test asked for")


class Fault(BaseModel):
    """What goes wrong, where and how often.

    `mode`: `reply` answers with `status`, `code`, `headers` instead of doing anything; `lose-request` closes the
    connection before anything is done; `lose-reply` does it and closes the connection then; `delay` answers after
    `seconds` of real time; `operation` lets the long-running operation that the request starts fail at its end.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    mode: Literal["reply", "lose-request", "lose-reply", "delay", "operation"] = "reply"
    method: str = Field(default="", description="HTTP method; empty: any")
    path: str = Field(default="", description="regular expression, searched in the path without regard to case")
    status: int = 503
    code: str = "ServiceUnavailable"
    message: str = "A fault that a test asked for."
    headers: dict[str, str] = Field(default_factory=dict)
    seconds: float = 0.0
    count: int = Field(default=1, description="how often; below 0: always")
    skip: int = Field(default=0, description="requests that pass before the first fault")
    leaves: Literal["nothing", "broken"] = Field(
        default="nothing", description="what a failed creation of a database leaves behind"
    )

    def reply(self) -> Reply:
        """The reply of mode `reply`."""
        body = {"error": {"code": self.code, "message": self.message}}
        return Reply(INJECTED, self.status, body, dict(self.headers))


class Faults:
    """The faults that wait for their request."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add(self, fault: Fault) -> int:
        """Keeps a fault; returns its number. Raises re.error for a bad pattern."""
        re.compile(fault.path)
        return self._store.add_fault(fault.model_dump())

    def take(self, method: str, path: str, *, operation: bool = False) -> Fault | None:
        """The first fault that fits the request, and uses it up. `operation`: only those of that mode, else the others."""
        for number, document in self._store.faults():
            fault = Fault.model_validate(document)
            fits = (fault.mode == "operation") == operation and (not fault.method or fault.method.upper() == method)
            if not fits or fault.count == 0 or re.search(fault.path, path, re.IGNORECASE) is None:
                continue
            if fault.skip > 0:
                self._store.change_fault(number, {**document, "skip": fault.skip - 1})
                continue
            left = fault.count - 1 if fault.count > 0 else fault.count
            self._store.change_fault(number, {**document, "count": left} if left else None)
            return fault
        return None

    def list(self) -> list[dict[str, object]]:
        """What still waits, with numbers."""
        return [{"id": number, **document} for number, document in self._store.faults()]

    def clear(self, number: int | None = None) -> int:
        """Removes one fault, or all; returns how many."""
        numbers = [n for n, _ in self._store.faults() if number in (None, n)]
        return sum(self._store.change_fault(n, None) for n in numbers)
