"""The log of a session: lines for people, oldest first."""

from __future__ import annotations

import hashlib
import itertools
import secrets
from typing import Literal

from holdfast.catalog.failures import RowExists
from holdfast.catalog.tables import Row, Table, joined, key_part, persist
from holdfast.model.clock import Clock
from holdfast.model.session import LogEntry

Level = Literal["info", "warning", "error"]
_LINES, _MARKS = "l", "o"


class Log:
    """Lines by session."""

    def __init__(self, table: Table, clock: Clock) -> None:
        self._table, self._clock = table, clock
        # Lines of one process within one tick of the clock keep their order.
        self._turn = itertools.count()

    def write(
        self, session: str, level: Level, message: str, source: str | None = None, *, once: str | None = None
    ) -> None:
        """Adds a line. With `once`, a name for the occasion, a step that runs again does not say it again."""
        now = self._clock.now()
        entry = LogEntry(at=now, level=level, source=source, message=message)
        partition = key_part(session)
        stamp = f"{now:%Y%m%dT%H%M%S.%fZ}-{next(self._turn) % 10**8:08d}-{secrets.token_hex(3)}"
        line = Row(partition, joined(_LINES, stamp), {"entry": entry.model_dump_json()})
        if once is None:
            persist(lambda: self._table.write(("create", line)), f"log of {session}")
            return
        marker = Row(partition, joined(_MARKS, hashlib.sha256(once.encode()).hexdigest()[:24]), {"line": line.key})
        try:
            self._table.write(("create", marker), ("create", line))
        except RowExists:
            return

    def read(self, session: str, *, after: str = "", limit: int | None = None) -> list[LogEntry]:
        """The lines of a session, oldest first; none for a session that wrote none."""
        return [entry for _, entry in self.page(session, after=after, limit=limit)]

    def page(self, session: str, *, after: str = "", limit: int | None = None) -> list[tuple[str, LogEntry]]:
        """The same, each line with the cursor that continues `after` it."""
        rows = self._table.rows(key_part(session), prefix=(_LINES,), after=after)
        return [
            (row.key, LogEntry.model_validate_json(self._table.value(row, "entry")))
            for row in itertools.islice(rows, limit)
        ]
