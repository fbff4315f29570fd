"""What policies promise to which databases, and which promises are broken: what the look for overdue ones goes on from.

A row a database and policy: since when the promise holds, the newest good point that is known, and the slot that was told
as missed. A row a policy: since when its schedule is as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from holdfast.catalog.tables import TRANSACTION_ROWS, Row, Table, Verb, joined, key_part, persist
from holdfast.model.clock import Clock, iso, parse_iso
from holdfast.model.overdue import Overdue

_PROMISES, _SCHEDULES, _LOOKS = "promises", "schedules", "looks"


class Promise(BaseModel):
    """One database under one policy."""

    model_config = ConfigDict(frozen=True)

    policy: str
    source: str
    chain: str
    since: datetime
    newest: datetime | None = None
    missed: datetime | None = None

    def broken(self) -> Overdue | None:
        """As it is told, where a slot was missed."""
        if self.missed is None:
            return None
        return Overdue(policy=self.policy, source=self.source, chain=self.chain, missed=self.missed, newest=self.newest)


class Promises:
    """Promises by policy and chain."""

    def __init__(self, table: Table, clock: Clock) -> None:
        self._table, self._clock = table, clock

    def of(self, policy: str) -> dict[str, Promise]:
        """What is known of a policy's databases, by chain."""
        rows = self._table.rows(_PROMISES, prefix=(policy,))
        return {found.chain: found for found in map(_promise, rows)}

    def policies(self) -> set[str]:
        """Names of all policies of which anything is known."""
        return {row.text("policy") for row in self._table.rows(_PROMISES, columns=["policy"])}

    def keep(self, promises: Iterable[Promise]) -> None:
        """Records promises, a hundred a transaction."""
        wanted = {joined(promise.policy, promise.chain): promise for promise in promises}

        def once() -> None:
            policies = {promise.policy for promise in wanted.values()}
            stored = {row.key: row for policy in policies for row in self._table.rows(_PROMISES, prefix=(policy,))}
            changes: list[tuple[Verb, Row]] = []
            for key, promise in sorted(wanted.items()):
                row = Row(_PROMISES, key, _values(promise))
                if key not in stored:
                    changes.append(("create", row))
                elif _promise(stored[key]) != promise:
                    changes.append(("replace", stored[key].with_values(**_values(promise))))
            for part in _batches(changes):
                self._table.write(*part)

        persist(once, "the promises")

    def forget(self, promises: Iterable[Promise]) -> None:
        """Forgets promises; unknown ones are fine."""
        for promise in promises:
            self._table.erase(_PROMISES, joined(promise.policy, promise.chain))

    def broken(self) -> list[Overdue]:
        """Every database that is overdue, as the latest look found it."""
        rows = self._table.rows(_PROMISES, where={"broken": True})
        return [found for found in (_promise(row).broken() for row in rows) if found is not None]

    def since(self, policy: str, schedule: str, changed_at: datetime) -> datetime:
        """When the policy's schedule came to be what it is. `schedule` is any text that changes with it."""

        def edit(row: Row | None) -> Row | None:
            values = {"schedule": schedule, "since": iso(changed_at)}
            if row is None:
                return Row(_SCHEDULES, key_part(policy), values)
            return None if row.text("schedule") == schedule else row.with_values(**values)

        row = self._table.change(_SCHEDULES, key_part(policy), edit)
        return parse_iso(row.text("since")) if row is not None else changed_at

    def looked_at(self) -> datetime | None:
        """When somebody looked last."""
        row = self._table.read(_LOOKS, "last")
        return parse_iso(row.text("at")) if row is not None else None

    def looked(self) -> None:
        """Notes that somebody looked now."""
        now = iso(self._clock.now())
        self._table.change(
            _LOOKS, "last", lambda row: Row(_LOOKS, "last", {"at": now}) if row is None else row.with_values(at=now)
        )


def _batches(changes: list[tuple[Verb, Row]]) -> Iterable[list[tuple[Verb, Row]]]:
    for first in range(0, len(changes), TRANSACTION_ROWS):
        yield changes[first : first + TRANSACTION_ROWS]


def _values(promise: Promise) -> Mapping[str, str | bool]:
    return {"policy": promise.policy, "broken": promise.missed is not None, "promise": promise.model_dump_json()}


def _promise(row: Row) -> Promise:
    return Promise.model_validate_json(row.text("promise"))
