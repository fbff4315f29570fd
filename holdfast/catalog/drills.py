"""Drills by chain: what was restored, how long it took, what it proved."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime

from holdfast.catalog.tables import Row, Table, joined, persist
from holdfast.model.clock import iso
from holdfast.model.drill import DrillRecord, last_proven

_DRILLS = "drills"
#: Drills of a chain that are kept.
_KEPT = 50


class Drills:
    """Drills, a row each."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def put(self, record: DrillRecord) -> DrillRecord:
        """Writes a drill or replaces it. One that has ended stays as it ended; what holds is given back."""
        held = [record]

        def edit(row: Row | None) -> Row | None:
            known = None if row is None else self._record(row)
            if known is not None and known.state != "running":
                held[:] = [known]
                return None
            values = {"chain": record.chain, "drill": record.model_dump_json()}
            return Row(_DRILLS, key, values) if row is None else row.with_values(**values)

        key = _key(record.chain, record.started_at, record.id)
        self._table.change(_DRILLS, key, edit)
        return held[0]

    def find(self, chain: str, session: str) -> DrillRecord | None:
        """The drill of that session."""
        return next((one for one in self.of(chain) if one.id == session), None)

    def of(self, chain: str) -> list[DrillRecord]:
        """A chain's drills, oldest first."""
        return persist(lambda: [self._record(row) for row in self._table.rows(_DRILLS, prefix=(chain,))], "the drills")

    def all(self) -> dict[str, list[DrillRecord]]:
        """Every drill, oldest first, by chain."""
        found: dict[str, list[DrillRecord]] = defaultdict(list)
        for one in persist(lambda: [self._record(row) for row in self._table.rows(_DRILLS)], "the drills"):
            found[one.chain].append(one)
        return dict(found)

    def proven(self) -> dict[str, DrillRecord]:
        """The newest drill that proved its point, by chain."""
        last = {chain: last_proven(drills) for chain, drills in self.all().items()}
        return {chain: one for chain, one in last.items() if one is not None}

    def thin(self, chain: str) -> int:
        """Forgets a chain's oldest drills beyond those that are kept, but never the newest proof; how many."""
        drills = self.of(chain)
        proof = last_proven(drills)
        gone = [one for one in drills[:-_KEPT] if proof is None or one.id != proof.id]
        for one in gone:
            self._table.erase(_DRILLS, _key(one.chain, one.started_at, one.id))
        return len(gone)

    def _record(self, row: Row) -> DrillRecord:
        return DrillRecord.model_validate_json(self._table.value(row, "drill"))


def _key(chain: str, at: datetime, session: str) -> str:
    return joined(chain, iso(at), session)
