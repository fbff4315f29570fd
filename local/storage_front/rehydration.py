"""Rehydration takes its time: Set Blob Tier from Archive to an online tier is pending until it is due by the clock.

https://learn.microsoft.com/azure/storage/blobs/archive-rehydrate-overview : standard priority takes up to 15 hours, high
may take less than one; the blob shows as archived with its archive status until then; priority may be raised while it
is pending.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from holdfast.model.clock import Clock, iso, parse_iso
from local.azure.evidence import DOCUMENTED, GUESS

DOCUMENTED("storage-rehydrate", "learn.microsoft.com/azure/storage/blobs/archive-rehydrate-overview")
GUESS(
    "storage-rehydrate-twice",
    "409 BlobBeingRehydrated for a second Set Blob Tier that does not raise the priority; 202 for one that does",
)
GUESS("storage-read-while-rehydrating", "409 BlobArchived, as for any archived blob, until the rehydration is complete")

Priority = Literal["Standard", "High"]
ONLINE_TIERS = ("Hot", "Cool", "Cold")
Key = tuple[str, str, str]  # account, container, blob


@dataclass(frozen=True)
class Pending:
    """A rehydration under way."""

    tier: str
    priority: Priority
    ready_at: datetime

    @property
    def status(self) -> str:
        """The value of `x-ms-archive-status`."""
        return f"rehydrate-pending-to-{self.tier.lower()}"


class Rehydrations:
    """What is being rehydrated. Few at a time: kept in memory, and in a file that outlives restarts."""

    def __init__(self, file: Path, clock: Clock, durations: dict[Priority, timedelta]) -> None:
        self._clock, self._durations = clock, durations
        file.parent.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(file, isolation_level=None)
        self._database.execute(
            "CREATE TABLE IF NOT EXISTS pending (account TEXT, container TEXT, blob TEXT, tier TEXT, priority TEXT, "
            "ready_at TEXT, PRIMARY KEY (account, container, blob))"
        )
        self._pending: dict[Key, Pending] = {
            (a, c, b): Pending(tier, priority, parse_iso(ready_at))
            for a, c, b, tier, priority, ready_at in self._database.execute("SELECT * FROM pending")
        }

    def start(self, key: Key, tier: str, priority: Priority) -> None:
        """The blob will be online after the time that its priority takes."""
        self._put(key, Pending(tier, priority, self._clock.now() + self._durations[priority]))

    def raise_priority(self, key: Key, tier: str, priority: Priority) -> bool:
        """Makes a pending standard rehydration a high one. False where the request asks for anything else."""
        found = self._pending[key]
        if priority != "High" or found.priority == "High" or tier != found.tier:
            return False
        sooner = min(found.ready_at, self._clock.now() + self._durations["High"])
        self._put(key, replace(found, priority="High", ready_at=sooner))
        return True

    def get(self, key: Key) -> Pending | None:
        """The rehydration of a blob, due or not."""
        return self._pending.get(key)

    def due(self, account: str, container: str) -> list[tuple[Key, Pending]]:
        """Rehydrations of a container that are complete by now."""
        now = self._clock.now()
        return [(k, p) for k, p in self._pending.items() if k[:2] == (account, container) and p.ready_at <= now]

    def within(self, account: str, container: str) -> dict[str, Pending]:
        """Blobs of a container that are being rehydrated."""
        return {k[2]: p for k, p in self._pending.items() if k[:2] == (account, container)}

    def forget(self, key: Key) -> None:
        """The blob is online, was deleted or written anew."""
        if self._pending.pop(key, None) is not None:
            self._database.execute("DELETE FROM pending WHERE account = ? AND container = ? AND blob = ?", key)

    def close(self) -> None:
        """Closes the file."""
        self._database.close()

    def _put(self, key: Key, pending: Pending) -> None:
        self._pending[key] = pending
        row = (*key, pending.tier, pending.priority, iso(pending.ready_at))
        self._database.execute("INSERT OR REPLACE INTO pending VALUES (?, ?, ?, ?, ?, ?)", row)
