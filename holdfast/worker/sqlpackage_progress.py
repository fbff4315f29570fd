"""SqlPackage's lines as progress."""

from __future__ import annotations

import re
from collections.abc import Mapping

from holdfast.worker.progress import ProgressBoard

_TABLE = re.compile(r"Processing Table '(?P<name>.+)'")
_PART = re.compile(r"\[((?:[^\]]|\]\])*)\]")

#: How a line begins, and what it means for people.
_PHASES = (
    ("connecting to database", "connecting"),
    ("extracting schema", "reading the schema"),
    ("resolving references", "reading the schema"),
    ("validating schema", "checking the schema"),
    ("exporting data", "exporting rows"),
    ("verifying", "checking the package"),
    ("importing to database", "connecting"),
    ("creating deployment plan", "planning the import"),
    ("updating database", "making the schema"),
    ("importing data", "importing rows"),
    ("enabling indexes", "building indexes"),
)


class ProgressLines:
    """Takes SqlPackage's lines in turn and keeps the board up to date.

    A table counts as done when the next one begins; the rows are those that preflight counted, because SqlPackage
    names none. With several tables at once both are a little ahead.
    """

    def __init__(
        self,
        board: ProgressBoard,
        table_rows: Mapping[str, int],
        *,
        doing: str = "exporting rows",
        done: str = "exported",
    ) -> None:
        self.board, self.table_rows = board, table_rows
        self.doing, self.done = doing, done
        self._seen: set[str] = set()
        self._rows = 0
        self._last: str | None = None

    def take(self, line: str) -> None:
        """Looks at one line."""
        found = _TABLE.search(line)
        if found:
            self._begin_table(plain_name(found["name"]))
            return
        lowered = line.lstrip("* ").lower()
        for start, phase in _PHASES:
            if lowered.startswith(start):
                self.board.update(phase=phase, tables_total=len(self.table_rows) or None)
                return

    def finish(self, size: int) -> None:
        """The package is complete."""
        self._end_table()
        self.board.update(phase=self.done, table=None, tables_done=len(self._seen), rows=self._rows, bytes=size)

    def _begin_table(self, name: str) -> None:
        if name in self._seen:
            return
        self._end_table()
        self.board.update(
            phase=self.doing,
            table=name,
            tables_done=len(self._seen),
            tables_total=max(len(self.table_rows), len(self._seen) + 1) if self.table_rows else None,
            rows=self._rows,
        )
        self._seen.add(name)
        self._last = name

    def _end_table(self) -> None:
        if self._last is not None:
            self._rows += self.table_rows.get(self._last, 0)
            self._last = None


def plain_name(quoted: str) -> str:
    """`[dbo].[Order Lines]` as `dbo.Order Lines`; other spellings as they are."""
    parts = [part.replace("]]", "]") for part in _PART.findall(quoted)]
    return ".".join(parts) if parts else quoted
