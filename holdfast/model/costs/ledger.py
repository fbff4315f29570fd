"""The lines of an estimate: what, of which database, how much of it, at which price, in money."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from holdfast.model.costs.money import ZERO, Band
from holdfast.model.costs.prices import PriceList, unit_of

#: What can be paid for, and what people call it.
TITLES: dict[str, str] = {
    "backup-stored": "stored in the backup repository",
    "backup-locked": "kept longer by locks",
    "backup-writes": "writes to the backup repository",
    "backup-reads": "reads of the point before",
    "backup-lists": "lists for retention and prune",
    "lock-calls": "locks set and extended",
    "backup-fee": "early deletion from the backup repository",
    "archive-stored": "stored in the archive repository",
    "archive-writes": "writes to the archive repository",
    "archive-reads": "reads for archiving",
    "archive-fee": "early deletion from the archive repository",
    "staging-compute": "staging copies, compute",
    "staging-storage": "staging copies, storage",
    "worker-backup": "workers, export and store",
    "worker-boot": "workers, starting",
    "worker-archive": "workers, archiving",
    "worker-upkeep": "workers, retention and prune",
    "worker-disks": "workers, disks",
    "drill-database": "drills, target databases",
    "drill-worker": "drills, workers and reads",
    "transfer-staging": "transfer of staging copies between regions",
    "transfer-backup": "transfer between worker and repository",
    "transfer-archive": "transfer to the archive repository",
}


@dataclass(frozen=True)
class Entry:
    """One line. `database` is empty for what no single database causes."""

    item: str
    database: str
    price: str
    quantity: Band
    """A month in steady state, in units of the price."""
    steady: Band
    first: Band


class Ledger:
    """Collects lines. Money is rounded line by line, so that every sum of lines is exact."""

    def __init__(self, prices: PriceList) -> None:
        self.prices = prices
        self.entries: list[Entry] = []
        self.used: set[str] = set()
        self.notes: list[str] = []

    def add(
        self, item: str, database: str, price: str, steady: Band, first: Band, *, factor: Band | None = None
    ) -> None:
        """A line: quantities of thirty days in steady state and of the first thirty, in units of the price.

        `factor` is by what the quantities are multiplied, such as a number of cores. A line of nothing is left out.
        """
        if item not in TITLES:
            raise KeyError(item)
        if steady.nothing and first.nothing:
            return
        each = self.price(price)
        if factor is not None:
            steady, first = steady * factor, first * factor
        self.entries.append(Entry(item, database, price, steady, (each * steady).rounded(), (each * first).rounded()))

    def price(self, key: str) -> Band:
        """A price, noted as one that the figures rest on."""
        self.used.add(key)
        return self.prices.band(key)

    def note(self, text: str) -> None:
        """Something that a reader must know; the same words once."""
        if text not in self.notes:
            self.notes.append(text)

    def sums(self, of: Callable[[Entry], str]) -> dict[str, tuple[Band, Band]]:
        """Steady and first month by whatever `of` says of a line."""
        found: defaultdict[str, tuple[Band, Band]] = defaultdict(lambda: (ZERO, ZERO))
        for entry in self.entries:
            steady, first = found[of(entry)]
            found[of(entry)] = (steady + entry.steady, first + entry.first)
        return dict(found)

    @staticmethod
    def unit(entry: Entry) -> str:
        """What the quantity of a line counts."""
        return unit_of(entry.price)
