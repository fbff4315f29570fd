"""What is remembered of databases from session to session: which chain each goes on with, who took it, what was told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from holdfast.catalog.tables import TRANSACTION_ROWS, Row, Table, Verb, persist
from holdfast.model.lineage import KnownSource
from holdfast.model.source import chain_id

_KNOWN = "known"

Edit = Callable[[Mapping[str, KnownSource]], Iterable[KnownSource]]


class KnownSources:
    """Databases by Azure's own identity of them."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, identity: str) -> KnownSource | None:
        """One database, or None."""
        row = self._table.read(_KNOWN, _key(identity))
        return _known(row) if row is not None else None

    def all(self) -> list[KnownSource]:
        """Every database that is remembered, by name."""
        return persist(lambda: sorted(self._rows().values(), key=lambda k: k.name.lower()), "the known databases")

    def change(self, edit: Edit) -> None:
        """Reads all, writes what `edit` gives back; again from the start where somebody else changed one meanwhile.

        `edit` may be called several times and must be safe to repeat.
        """

        def once() -> None:
            rows = {_known(row).identity: row for row in self._table.rows(_KNOWN)}
            known = {identity: _known(row) for identity, row in rows.items()}
            changes: list[tuple[Verb, Row]] = []
            for wanted in edit(known):
                if known.get(wanted.identity) == wanted:
                    continue
                values = {"known": wanted.model_dump_json()}
                stored = rows.get(wanted.identity)
                if stored is None:
                    changes.append(("create", Row(_KNOWN, _key(wanted.identity), values)))
                else:
                    changes.append(("replace", stored.with_values(**values)))
            for first in range(0, len(changes), TRANSACTION_ROWS):
                self._table.write(*changes[first : first + TRANSACTION_ROWS])

        persist(once, "the known databases")

    def _rows(self) -> dict[str, KnownSource]:
        return {known.identity: known for known in map(_known, self._table.rows(_KNOWN))}


def _key(identity: str) -> str:
    return chain_id(identity)


def _known(row: Row) -> KnownSource:
    return KnownSource.model_validate_json(row.text("known"))
