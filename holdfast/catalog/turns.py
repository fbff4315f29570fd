"""Turns: who waits and who goes on, where no more than so many may at once.

A claim is a row. Every grant swaps one guard row in the same transaction, so that two can never both have taken what was
free for one. Giving back needs no guard. A claim is worth nothing once its session has ended: whoever is kept waiting
looks, so that a crash leaks no turn.
"""

from __future__ import annotations

from collections.abc import Iterable

from holdfast.catalog.tables import Row, Table, joined, persist
from holdfast.model.clock import Clock
from holdfast.model.turns import Claim, Decision, LimitOf, decide, of_the_source

_TURNS = "turns"
_CLAIM, _GUARD = "c", "guard"


class Turns:
    """Claims by session and source."""

    def __init__(self, table: Table, clock: Clock) -> None:
        self._table, self._clock = table, clock

    def take(self, session: str, key: str, things: Iterable[str], limit_of: LimitOf) -> Decision:
        """Takes the turn, or a place among those who wait. Repeated, turn and place are kept."""
        wanted = Claim(session=session, key=key, things=tuple(things), since=self._clock.now())

        def once() -> Decision:
            # Before the claims: a grant in between swaps it, and we hear of that.
            guard = self._table.read(_TURNS, _GUARD) or Row(_TURNS, _GUARD, {"last": ""})
            rows = {row.key: row for row in self._table.rows(_TURNS, prefix=(_CLAIM,))}
            stored = rows.get(_key(session, key))
            mine = _claim(stored) if stored is not None else wanted
            if mine.held:
                return Decision(True)
            decision = decide(map(_claim, rows.values()), mine, limit_of, self._clock.now())
            values = {"claim": mine.model_copy(update={"held": decision.granted}).model_dump_json()}
            if decision.granted:
                taken = Row(_TURNS, _key(session, key), values) if stored is None else stored.with_values(**values)
                self._table.write(
                    ("replace" if guard.etag else "create", guard.with_values(last=f"{session}/{key}")),
                    ("create" if stored is None else "replace", taken),
                )
            elif stored is None:
                self._table.write(("create", Row(_TURNS, _key(session, key), values)))
            return decision

        return persist(once, "the turns")

    def keep_the_copy(self, session: str, key: str) -> None:
        """Gives back what only the reading of the source used; the copy's share is kept."""

        def edit(row: Row | None) -> Row | None:
            if row is None:
                return None
            claim = _claim(row)
            left = tuple(thing for thing in claim.things if not of_the_source(thing))
            return row.with_values(claim=claim.model_copy(update={"things": left}).model_dump_json())

        self._table.change(_TURNS, _key(session, key), edit)

    def release(self, session: str, key: str) -> None:
        """Gives back the turn, or the place; none is fine."""
        self._table.erase(_TURNS, _key(session, key))

    def release_session(self, session: str) -> None:
        """Gives back all that a session has."""
        for claim in self.claims():
            if claim.session == session:
                self.release(claim.session, claim.key)

    def claims(self) -> list[Claim]:
        """Everybody who waits or goes on, in the order of their places."""
        rows = persist(lambda: list(self._table.rows(_TURNS, prefix=(_CLAIM,))), "the turns")
        return sorted(map(_claim, rows), key=lambda claim: claim.place)


def _key(session: str, key: str) -> str:
    return joined(_CLAIM, session, key)


def _claim(row: Row) -> Claim:
    return Claim.model_validate_json(row.text("claim"))
