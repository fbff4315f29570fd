"""Resources, operations, faults and the request log in one SQLite file, so that the world outlives a restart."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from local.azure.state_folder import StateFolder

Json = dict[str, Any]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS resources (
    key TEXT PRIMARY KEY, id TEXT NOT NULL, type TEXT NOT NULL, document TEXT NOT NULL, private TEXT NOT NULL,
    seq INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS resources_by_type ON resources (type, key);
CREATE TABLE IF NOT EXISTS operations (
    id TEXT PRIMARY KEY, kind TEXT NOT NULL, target TEXT NOT NULL, started REAL NOT NULL, ends REAL NOT NULL,
    effect TEXT NOT NULL, document TEXT NOT NULL, settled INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS operations_open ON operations (settled, ends);
CREATE TABLE IF NOT EXISTS faults (id INTEGER PRIMARY KEY AUTOINCREMENT, document TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS requests (seq INTEGER PRIMARY KEY AUTOINCREMENT, document TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS facts (
    area TEXT NOT NULL, name TEXT NOT NULL, document TEXT NOT NULL, PRIMARY KEY (area, name));
"""


@dataclass
class Resource:
    """A resource: `document` is what GET shows but id, name and type; `private` is what nobody may see."""

    id: str
    type: str
    document: Json
    private: Json = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The last name of the id."""
        return self.id.rsplit("/", 1)[1]

    @property
    def location(self) -> str:
        """Azure region."""
        return str(self.document.get("location", ""))

    @property
    def tags(self) -> dict[str, str]:
        """Tags; empty if there are none."""
        tags: dict[str, str] = self.document.get("tags") or {}
        return tags

    @property
    def properties(self) -> Json:
        """The document's `properties`, to be read and changed."""
        properties: Json = self.document.setdefault("properties", {})
        return properties


class Store:
    """The SQLite file. One thread uses it; `transaction` makes what one request changes whole or not at all."""

    def __init__(self, folder: StateFolder) -> None:
        self._database = sqlite3.connect(folder.resources, isolation_level=None)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=NORMAL")
        self._database.executescript(_SCHEMA)

    def close(self) -> None:
        """Closes the file."""
        self._database.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing. Not to be nested."""
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")

    # --- resources ---

    def get(self, resource_id: str) -> Resource | None:
        """The resource, without regard to the case of its id."""
        row = self._database.execute(
            "SELECT id, type, document, private FROM resources WHERE key = ?", (resource_id.lower(),)
        ).fetchone()
        return _resource(row) if row else None

    def put(self, resource: Resource) -> None:
        """Adds or replaces. A replaced resource keeps its place in lists and the case of its id."""
        self._database.execute(
            "INSERT INTO resources VALUES (?, ?, ?, ?, ?, (SELECT COALESCE(MAX(seq), 0) + 1 FROM resources)) "
            "ON CONFLICT (key) DO UPDATE SET document = excluded.document, private = excluded.private",
            (
                resource.id.lower(),
                resource.id,
                resource.type.lower(),
                json.dumps({"type": resource.type, **resource.document}),
                json.dumps(resource.private),
            ),
        )

    def remove(self, resource_id: str) -> None:
        """Removes the resource and everything below it. Nothing to do where there is none."""
        key = resource_id.lower()
        self._database.execute(
            "DELETE FROM resources WHERE key = ? OR substr(key, 1, ?) = ?", (key, len(key) + 1, key + "/")
        )

    def find(self, type_: str, below: str = "") -> list[Resource]:
        """Resources of a type whose id begins with `below`, oldest first."""
        prefix = below.rstrip("/").lower() + "/"
        rows = self._database.execute(
            "SELECT id, type, document, private FROM resources WHERE type = ? AND key >= ? AND key < ? ORDER BY seq",
            (type_.lower(), prefix, prefix[:-1] + "0"),  # "0" is the character after "/"
        )
        return [_resource(row) for row in rows]

    def locks(self, below: str) -> list[Resource]:
        """Locks at `below` or under it, oldest first; one hangs at its scope, so their types are many."""
        rows = self._database.execute(
            "SELECT id, type, document, private FROM resources WHERE substr(key, 1, ?) = ? "
            "AND key LIKE '%/providers/microsoft.authorization/locks/%' ORDER BY seq",
            (len(below) + 1, f"{below.lower()}/"),
        )
        return [_resource(row) for row in rows]

    # --- operations, kept by `operations.py` ---

    def save_operation(self, row: tuple[str, str, str, float, float, str, str, int]) -> None:
        """Adds or replaces an operation's row."""
        self._database.execute("INSERT OR REPLACE INTO operations VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)

    def operation(self, operation_id: str) -> tuple[Any, ...] | None:
        """An operation's row."""
        row: tuple[Any, ...] | None = self._database.execute(
            "SELECT * FROM operations WHERE id = ?", (operation_id,)
        ).fetchone()
        return row

    def open_operations(self, ends_by: float | None = None, target: str | None = None) -> list[tuple[Any, ...]]:
        """Operations that have not been settled, in the order of their ends."""
        sql, values = "SELECT * FROM operations WHERE settled = 0", list[Any]()
        if ends_by is not None:
            sql, values = sql + " AND ends <= ?", [*values, ends_by]
        if target is not None:
            sql, values = sql + " AND target = ?", [*values, target.lower()]
        return self._database.execute(sql + " ORDER BY ends, started", values).fetchall()

    def operations_on(self, target: str) -> list[tuple[Any, ...]]:
        """Every operation on a resource, settled or not, oldest first."""
        return self._database.execute(
            "SELECT * FROM operations WHERE target = ? ORDER BY started", (target.lower(),)
        ).fetchall()

    # --- faults and log ---

    def add_fault(self, document: Json) -> int:
        """Keeps a fault; returns its number."""
        cursor = self._database.execute("INSERT INTO faults (document) VALUES (?)", (json.dumps(document),))
        return int(cursor.lastrowid or 0)

    def faults(self) -> list[tuple[int, Json]]:
        """Faults by number, oldest first."""
        return [(n, json.loads(text)) for n, text in self._database.execute("SELECT * FROM faults ORDER BY id")]

    def change_fault(self, number: int, document: Json | None) -> bool:
        """Replaces a fault, or removes it. False if there is none of that number."""
        if document is None:
            return self._database.execute("DELETE FROM faults WHERE id = ?", (number,)).rowcount > 0
        changed = self._database.execute("UPDATE faults SET document = ? WHERE id = ?", (json.dumps(document), number))
        return changed.rowcount > 0

    def log(self, document: Json) -> None:
        """Adds a line to the request log."""
        self._database.execute("INSERT INTO requests (document) VALUES (?)", (json.dumps(document),))

    def logged(self, after: int = 0) -> list[Json]:
        """Lines of the request log with numbers above `after`, oldest first; each carries its number as `seq`."""
        rows = self._database.execute("SELECT seq, document FROM requests WHERE seq > ? ORDER BY seq", (after,))
        return [{"seq": seq, **json.loads(text)} for seq, text in rows]

    # --- small facts: secrets, quotas, export logs ---

    def fact(self, area: str, name: str) -> Json | None:
        """A kept document."""
        row = self._database.execute(
            "SELECT document FROM facts WHERE area = ? AND name = ?", (area, name.lower())
        ).fetchone()
        return dict(json.loads(row[0])) if row else None

    def keep(self, area: str, name: str, document: Json) -> None:
        """Keeps a document, replacing the one of that name."""
        self._database.execute(
            "INSERT OR REPLACE INTO facts VALUES (?, ?, ?)", (area, name.lower(), json.dumps(document))
        )

    def forget(self, area: str, name: str) -> bool:
        """Removes a document. False if there was none."""
        return (
            self._database.execute("DELETE FROM facts WHERE area = ? AND name = ?", (area, name.lower())).rowcount > 0
        )

    def facts(self, area: str) -> list[Json]:
        """Every document of an area, in the order that they were kept."""
        rows = self._database.execute("SELECT document FROM facts WHERE area = ? ORDER BY rowid", (area,))
        return [json.loads(row[0]) for row in rows]


def _resource(row: tuple[str, str, str, str]) -> Resource:
    document = json.loads(row[2])
    return Resource(row[0], document.pop("type"), document, json.loads(row[3]))
