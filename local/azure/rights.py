"""Who may do what: role assignments by scope, and rights that a test withdraws.

Kept in a SQLite file of its own so that other processes of the profile (the storage front) ask the same rules:
`Rights(state_dir).allowed(principal_id, action, scope)`.
"""

from __future__ import annotations

import json
import re
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from local.azure.roles import BUILT_IN, Role
from local.azure.state_folder import StateFolder

_SCHEMA = """
CREATE TABLE IF NOT EXISTS roles (name TEXT PRIMARY KEY COLLATE NOCASE, actions TEXT NOT NULL, data_actions TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS assignments (
    id TEXT PRIMARY KEY, principal_id TEXT NOT NULL, role TEXT NOT NULL COLLATE NOCASE, scope TEXT NOT NULL,
    UNIQUE (principal_id, role, scope));
CREATE TABLE IF NOT EXISTS withdrawn (
    id TEXT PRIMARY KEY, principal_id TEXT NOT NULL, action TEXT NOT NULL, scope TEXT NOT NULL);
"""


@dataclass(frozen=True)
class Assignment:
    """A role that an identity has at a scope and everywhere below it."""

    id: str
    principal_id: str
    role: str
    scope: str


class Rights:
    """The rights of every identity. Opens its file for each question: questions are rare and processes several."""

    def __init__(self, state_dir: Path) -> None:
        self._file = StateFolder(state_dir).rights
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._open() as database:
            database.executescript(_SCHEMA)
            database.execute("PRAGMA journal_mode=WAL")
        for role in BUILT_IN:
            self.define(role)

    def define(self, role: Role) -> None:
        """Adds a role, or replaces what it allows."""
        with self._open() as database:
            database.execute(
                "INSERT OR REPLACE INTO roles VALUES (?, ?, ?)",
                (role.name, json.dumps(role.actions), json.dumps(role.data_actions)),
            )

    def assign(self, principal_id: str, role: str, scope: str) -> Assignment:
        """Gives a role at a scope (`/` is everything). Twice is once. Raises KeyError for a role that is not defined."""
        with self._open() as database:
            if database.execute("SELECT 1 FROM roles WHERE name = ?", (role,)).fetchone() is None:
                raise KeyError(role)
            database.execute(
                "INSERT OR IGNORE INTO assignments VALUES (?, ?, ?, ?)",
                (str(uuid.uuid4()), principal_id, role, scope.rstrip("/").lower()),
            )
        return next(
            a
            for a in self.assignments(principal_id)
            if a.role.lower() == role.lower() and a.scope == scope.rstrip("/").lower()
        )

    def unassign(self, assignment_id: str) -> bool:
        """Takes a role away. False if there is no such assignment."""
        with self._open() as database:
            return database.execute("DELETE FROM assignments WHERE id = ?", (assignment_id,)).rowcount > 0

    def assignments(self, principal_id: str | None = None) -> list[Assignment]:
        """Every assignment, or one identity's."""
        with self._open() as database:
            rows = database.execute("SELECT id, principal_id, role, scope FROM assignments ORDER BY rowid").fetchall()
        return [Assignment(*row) for row in rows if principal_id in (None, row[1])]

    def withdraw(self, principal_id: str, action: str, scope: str = "/") -> str:
        """Denies what matches `action` (`*`: anything) at a scope, whatever roles say. Returns an id to `restore`."""
        denial = str(uuid.uuid4())
        with self._open() as database:
            database.execute(
                "INSERT INTO withdrawn VALUES (?, ?, ?, ?)", (denial, principal_id, action, scope.rstrip("/").lower())
            )
        return denial

    def withdrawn(self, principal_id: str, scope: str) -> list[str]:
        """Patterns of actions that were withdrawn from an identity at a scope or above it."""
        with self._open() as database:
            rows = database.execute(
                "SELECT action, scope FROM withdrawn WHERE principal_id IN (?, '*')", (principal_id,)
            ).fetchall()
        return [action for action, place in rows if covers(place, scope)]

    def roles(self) -> list[Role]:
        """Every role that is defined."""
        with self._open() as database:
            rows = database.execute("SELECT name, actions, data_actions FROM roles ORDER BY name").fetchall()
        return [Role(name, tuple(json.loads(actions)), tuple(json.loads(data))) for name, actions, data in rows]

    def restore(self, denial: str) -> bool:
        """Ends a withdrawal. False if there is no such one."""
        with self._open() as database:
            return database.execute("DELETE FROM withdrawn WHERE id = ?", (denial,)).rowcount > 0

    def allowed(self, principal_id: str, action: str, scope: str) -> bool:
        """Whether the identity may do `action` (a control or a data action) at `scope`, a resource id."""
        with self._open() as database:
            denials = database.execute(
                "SELECT action, scope FROM withdrawn WHERE principal_id IN (?, '*')", (principal_id,)
            ).fetchall()
            grants = database.execute(
                "SELECT r.actions, r.data_actions, a.scope FROM assignments a JOIN roles r ON r.name = a.role "
                "WHERE a.principal_id = ?",
                (principal_id,),
            ).fetchall()
        if any(covers(place, scope) and _matches(pattern, action) for pattern, place in denials):
            return False
        return any(
            covers(place, scope) and any(_matches(p, action) for p in (*json.loads(actions), *json.loads(data)))
            for actions, data, place in grants
        )

    def anywhere_below(self, principal_id: str, scope: str) -> bool:
        """Whether the identity has any role at, above or below `scope`: without one, Azure does not even list."""
        return any(covers(a.scope, scope) or covers(scope, a.scope) for a in self.assignments(principal_id))

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        database = sqlite3.connect(self._file, timeout=30)
        try:
            with database:
                yield database
        finally:
            database.close()


def covers(upper: str, lower: str) -> bool:
    """Whether a scope is the other, or above it; `/` and the empty one are above all."""
    upper, lower = upper.rstrip("/").lower(), lower.rstrip("/").lower()
    return lower == upper or lower.startswith(upper + "/")


@lru_cache(maxsize=1024)
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in text.split("*")), re.IGNORECASE)


def _matches(pattern: str, action: str) -> bool:
    return _pattern(pattern).fullmatch(action) is not None
