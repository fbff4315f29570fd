"""The sources of a session, a row each: partition the session, row the source's key."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from holdfast.catalog.tables import TRANSACTION_ROWS, Row, Table, Value, key_part, persist
from holdfast.catalog.transitions import may_move, settled, with_step
from holdfast.model.clock import Clock
from holdfast.model.errors import ErrorInfo, NotFound
from holdfast.model.session import SourceRun, State, Step


class SourceRuns:
    """Sources of sessions."""

    def __init__(self, table: Table, clock: Clock) -> None:
        self._table, self._clock = table, clock

    def add(self, session: str, sources: Iterable[SourceRun]) -> int:
        """Adds sources, a hundred a transaction; those that are there already stay as they are. How many were new."""
        wanted = {run.key: run for run in sources}
        partition = key_part(session)

        def once() -> int:
            there = {row.key for row in self._table.rows(partition, columns=["source"])}
            missing = [run for key, run in sorted(wanted.items()) if key_part(key) not in there]
            for first in range(0, len(missing), TRANSACTION_ROWS):
                part = missing[first : first + TRANSACTION_ROWS]
                self._table.write(*(("create", Row(partition, key_part(run.key), _values(run))) for run in part))
            return len(missing)

        return persist(once, f"sources of session {session}")

    def get(self, session: str, key: str) -> SourceRun:
        """One source. Raises NotFound."""

        def once() -> SourceRun:
            row = self._table.read(key_part(session), key_part(key))
            if row is None:
                raise NotFound(f"session {session} has no source {key}")
            return self._run(row)

        return persist(once, f"source {key} of session {session}")

    def all(self, session: str) -> list[SourceRun]:
        """Every source, by name."""

        def once() -> list[SourceRun]:
            return sorted((self._run(row) for row in self._table.rows(key_part(session))), key=lambda run: run.source)

        return persist(once, f"sources of session {session}")

    def keys(self, session: str, offset: int, limit: int | None, archive_due: bool | None) -> list[str]:
        """Keys in a fixed order, so that batch n is the same whenever it is asked for."""
        where = None if archive_due is None else {"archive_due": archive_due}
        stop = None if limit is None else offset + limit
        rows = self._table.rows(key_part(session), where=where, columns=["key"])
        return [row.text("key") for row in islice(rows, offset, stop)]

    def counts(self, session: str) -> Counter[State]:
        """How many sources are in which state."""
        return Counter(State(row.text("state")) for row in self._table.rows(key_part(session), columns=["state"]))

    def set_step(
        self, session: str, key: str, step: str, state: State, detail: str | None, at: datetime | None, again: bool
    ) -> SourceRun:
        """Changes one step; see `Sessions.set_step`."""
        moment = at or self._clock.now()
        return self._change(session, key, lambda run: with_step(run, step, state, detail, moment, again=again))

    def set_source(
        self, session: str, key: str, state: State | None, changes: dict[str, Any], *, settle: bool, again: bool
    ) -> SourceRun:
        """Changes the source itself; see `Sessions.set_source`."""

        def edit(run: SourceRun) -> SourceRun:
            if state is not None:
                if not may_move(run.state, state, again=again):
                    return run
                run = run.model_copy(update={"state": state})
                if again or state is State.SUCCEEDED:
                    run = run.model_copy(update={"error": None})
            run = run.model_copy(update={name: value for name, value in changes.items() if value is not None})
            return settled(run, self._clock.now()) if settle else run

        return self._change(session, key, edit)

    def set_copy_operation(self, session: str, key: str, url: str) -> None:
        """Keeps the address of the operation behind a source's copy; see `Sessions.set_copy_operation`."""

        def on_row(row: Row | None) -> Row | None:
            if row is None:
                raise NotFound(f"session {session} has no source {key}")
            return row.with_values(copy_operation=url)

        self._table.change(key_part(session), key_part(key), on_row)

    def copy_operation(self, session: str, key: str) -> str:
        """The address that was kept, or ""."""
        row = self._table.read(key_part(session), key_part(key))
        return row.text("copy_operation") if row is not None else ""

    def remove_all(self, session: str) -> None:
        """Removes every source of a session."""
        for row in list(self._table.rows(key_part(session), columns=["source"])):
            self._table.erase(row.partition, row.key)

    def _change(self, session: str, key: str, edit: Callable[[SourceRun], SourceRun]) -> SourceRun:
        changed: list[SourceRun] = []

        def on_row(row: Row | None) -> Row | None:
            if row is None:
                raise NotFound(f"session {session} has no source {key}")
            before = self._run(row)
            after = edit(before)
            changed[:] = [after]
            return None if after == before else row.with_values(**_values(after))

        self._table.change(key_part(session), key_part(key), on_row)
        return changed[0]

    def _run(self, row: Row) -> SourceRun:
        error = self._table.value(row, "error")
        return SourceRun(
            source=row.text("source"),
            key=row.text("key"),
            state=State(row.text("state")),
            error=ErrorInfo.model_validate_json(error) if error else None,
            restore_point=row.text("restore_point") or None,
            archive_due=row.flag("archive_due"),
            archive_flags=json.loads(row.text("archive_flags") or "[]"),
            archive_point=row.text("archive_point") or None,
            steps=[Step.model_validate(step) for step in json.loads(self._table.value(row, "steps"))],
        )


def fresh_runs(sources: Sequence[tuple[str, str]], steps: Sequence[str]) -> Iterator[SourceRun]:
    """Sources that have not begun, from names and keys."""
    for name, key in sources:
        yield SourceRun(source=name, key=key, steps=[Step(name=step) for step in steps])


def _values(run: SourceRun) -> dict[str, Value]:
    return {
        "source": run.source,
        "key": run.key,
        "state": run.state.value,
        "error": run.error.model_dump_json() if run.error else None,
        "restore_point": run.restore_point,
        "archive_due": run.archive_due,
        "archive_flags": json.dumps(run.archive_flags),
        "archive_point": run.archive_point,
        "steps": json.dumps([step.model_dump(mode="json") for step in run.steps]),
    }
