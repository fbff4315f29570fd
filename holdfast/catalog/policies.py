"""Policies in the catalog, and the last slot of each that was started."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from holdfast.catalog.tables import Row, Table, joined, key_part, persist
from holdfast.model.clock import Clock, iso, parse_iso
from holdfast.model.errors import Conflict, NotFound
from holdfast.model.policy import Policy, policy_from

_POLICIES = "policies"
_SLOTS = "slots"


@dataclass(frozen=True)
class StoredPolicy:
    """A policy as the catalog holds it. `etag` changes with every change."""

    policy: Policy
    etag: str
    changed_at: datetime


class Policies:
    """Policies by name."""

    def __init__(self, table: Table, clock: Clock) -> None:
        self._table, self._clock = table, clock

    def put(self, policy: Policy, *, etag: str | None = None) -> StoredPolicy:
        """Makes or replaces a policy. With `etag`, only if it is still the one that was read; "" means not there yet.

        Raises Conflict where somebody else changed it. Without `etag` the last writer wins.
        """
        document = policy.model_dump_json(exclude_unset=True)

        def once() -> StoredPolicy:
            stored = self._table.read(_POLICIES, key_part(policy.name))
            if stored is not None and self._table.value(stored, "document") == document:
                return self._stored(stored)  # also what a write left behind whose answer was lost
            if etag is not None and etag != (stored.etag if stored else ""):
                raise Conflict(f"policy {policy.name} was changed since it was read")
            values = {"document": document, "changed_at": iso(self._clock.now())}
            row = Row(_POLICIES, key_part(policy.name), values)
            if stored is not None:
                row = stored.with_values(**values)
            self._table.write(("create" if stored is None else "replace", row))
            return self.get(policy.name)

        return persist(once, f"policy {policy.name}")

    def get(self, name: str) -> StoredPolicy:
        """A policy. Raises NotFound; InvalidPolicy where this version cannot read what another wrote."""

        def once() -> StoredPolicy:
            row = self._table.read(_POLICIES, key_part(name))
            if row is None:
                raise NotFound(f"there is no policy {name!r}")
            return self._stored(row)

        return persist(once, f"policy {name}")

    def list(self) -> list[StoredPolicy]:
        """All policies, by name."""
        return persist(lambda: [self._stored(row) for row in self._table.rows(_POLICIES)], "the policies")

    def delete(self, name: str, *, etag: str | None = None) -> None:
        """Removes a policy and what is known of its slots. Raises NotFound, or Conflict where `etag` is outdated."""

        def once() -> None:
            row = self._table.read(_POLICIES, key_part(name))
            if row is None:
                raise NotFound(f"there is no policy {name!r}")
            if etag is not None and etag != row.etag:
                raise Conflict(f"policy {name} was changed since it was read")
            self._table.write(("delete", row))

        persist(once, f"policy {name}")
        for slot in list(self._table.rows(_SLOTS, prefix=(name,))):
            self._table.erase(_SLOTS, slot.key)

    def slots(self, name: str) -> dict[str, datetime]:
        """The latest slot of each schedule that was started: what the clock goes on from."""
        return {row.text("schedule"): parse_iso(row.text("slot")) for row in self._table.rows(_SLOTS, prefix=(name,))}

    def record_slot(self, name: str, schedule: str, slot: datetime) -> bool:
        """Notes that a slot was started. True for the one caller that was first; False where this or a later one is known.

        Two clocks that wake up together thus start one session.
        """
        key, values = joined(name, schedule), {"schedule": schedule, "slot": iso(slot)}

        def once() -> bool:
            stored = self._table.read(_SLOTS, key)
            if stored is not None and parse_iso(stored.text("slot")) >= slot:
                return False
            row = Row(_SLOTS, key, values) if stored is None else stored.with_values(**values)
            self._table.write(("create" if stored is None else "replace", row))
            return True

        return persist(once, f"slot of policy {name}")

    def _stored(self, row: Row) -> StoredPolicy:
        policy = policy_from(json.loads(self._table.value(row, "document")), where=f"stored policy {row.key}")
        return StoredPolicy(policy=policy, etag=row.etag, changed_at=parse_iso(row.text("changed_at")))
