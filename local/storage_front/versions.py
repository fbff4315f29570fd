"""What Azurite does not keep: which containers have versions, the versions of their blobs, policies and legal holds.

The bytes of earlier versions lie in a container of their own in Azurite (`SHADOW`); all else in a SQLite file that outlives
restarts.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

from holdfast.model.clock import Clock, iso, parse_iso

SHADOW = "local-versions"
Key = tuple[str, str, str]  # account, container, blob

_TABLES = """
CREATE TABLE IF NOT EXISTS containers (account TEXT, container TEXT, PRIMARY KEY (account, container));
CREATE TABLE IF NOT EXISTS versions (
    account TEXT, container TEXT, blob TEXT, version TEXT, current INTEGER, until TEXT, mode TEXT, held INTEGER,
    properties TEXT, PRIMARY KEY (account, container, blob, version)
);
"""


@dataclass(frozen=True)
class Version:
    """One version of a blob. `properties` are the headers that Azurite gave for it when it became an earlier one."""

    key: Key
    id: str
    current: bool
    until: datetime | None = None
    mode: str = ""  # "locked" or "unlocked", as Azure answers them
    held: bool = False
    properties: Mapping[str, str] = field(default_factory=dict)

    @property
    def shadow(self) -> str:
        """Path of its bytes in Azurite, where it is not the current one."""
        account, container, blob = self.key
        return f"/{account}/{SHADOW}/{container}/{quote(self.id)}/{quote(blob)}"

    def policy_headers(self) -> dict[str, str]:
        """What Azure says of its policy and hold, with the blob's properties."""
        found: dict[str, str] = {}
        if self.until is not None:
            found["x-ms-immutability-policy-until-date"] = http_date(self.until)
            found["x-ms-immutability-policy-mode"] = self.mode
        if self.held:
            found["x-ms-legal-hold"] = "true"
        return found


def http_date(moment: datetime) -> str:
    """RFC 1123, as headers and listings have it."""
    return f"{moment.astimezone(UTC):%a, %d %b %Y %H:%M:%S} GMT"


class Versions:
    """The file. Few requests a second: every question goes to it."""

    def __init__(self, file: Path, clock: Clock) -> None:
        self._clock = clock
        file.parent.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(file, isolation_level=None)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.executescript(_TABLES)
        self._enabled = set(self._database.execute("SELECT account, container FROM containers"))

    def enable(self, account: str, container: str) -> None:
        """Gives the container version-level immutability; nobody takes it away again, as in Azure."""
        self._database.execute("INSERT OR IGNORE INTO containers VALUES (?, ?)", (account, container))
        self._enabled.add((account, container))

    def enabled(self, account: str, container: str) -> bool:
        """Whether the container has it."""
        return (account, container) in self._enabled

    def current(self, key: Key) -> Version:
        """The version that a blob has now; made up where nothing was ever recorded of it."""
        found = [one for one in self.of(key) if one.current]
        return found[-1] if found else self.new(key)

    def of(self, key: Key) -> list[Version]:
        """All versions of a blob, the oldest first."""
        return self._select("account = ? AND container = ? AND blob = ?", key)

    def earlier(self, account: str, container: str, prefix: str) -> list[Version]:
        """All versions that are not current of the blobs whose names begin so."""
        found = self._select("account = ? AND container = ? AND current = 0", (account, container))
        return [one for one in found if one.key[2].startswith(prefix)]

    def new(self, key: Key) -> Version:
        """A new current version, later than every other of the blob. The one before must be made an earlier one first."""
        taken = {one.id for one in self.of(key)}
        moment = self._clock.now().astimezone(UTC)
        while (made := f"{moment:%Y-%m-%dT%H:%M:%S.%f}0Z") in taken or (taken and made < max(taken)):
            moment = max(moment, parse_iso(max(taken)[:26] + "Z")) + timedelta(microseconds=1)
        version = Version(key, made, current=True)
        self.put(version)
        return version

    def put(self, version: Version) -> None:
        """Writes it as it is."""
        until = iso(version.until) if version.until is not None else None
        row = (*version.key, version.id, int(version.current), until, version.mode, int(version.held))
        text = json.dumps(dict(version.properties))
        self._database.execute("INSERT OR REPLACE INTO versions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", (*row, text))

    def remove(self, version: Version) -> None:
        """Forgets it."""
        self._database.execute(
            "DELETE FROM versions WHERE account = ? AND container = ? AND blob = ? AND version = ?",
            (*version.key, version.id),
        )

    def close(self) -> None:
        """Closes the file."""
        self._database.close()

    def _select(self, where: str, values: tuple[str, ...]) -> list[Version]:
        rows = self._database.execute(f"SELECT * FROM versions WHERE {where} ORDER BY blob, version", values)  # noqa: S608
        return [
            Version(
                (key[0], key[1], key[2]),
                version,
                bool(current),
                parse_iso(until) if until else None,
                mode,
                bool(held),
                json.loads(text),
            )
            for *key, version, current, until, mode, held, text in rows
        ]
