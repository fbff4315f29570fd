"""A database on one day: what it consists of and how its rows are made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import numpy as np

from local.samples.chance import Chance, Ints
from local.samples.schema import Schema
from local.samples.values import TICKS_PER_DAY, Ragged, Values

FIRST_DAY = date(2026, 1, 1)
"""Day 0 of every sample."""
FIRST_TICKS = (FIRST_DAY.toordinal() - 1) * TICKS_PER_DAY

RowValues = dict[str, Values | Ragged]


@dataclass(frozen=True)
class TableRows:
    """The rows of a table: a number for each, in the order of the clustered index, and what makes values of them."""

    keys: Ints
    build: Callable[[Ints], RowValues]


@dataclass(frozen=True)
class Database:
    schema: Schema
    rows: dict[tuple[str, str], TableRows]
    """By schema and name of the table; a table that is not named here is empty."""


@dataclass(frozen=True)
class Moment:
    """The day of a database at a scale, and its chance."""

    day: int
    scale: float
    chance: Chance

    def count(self, at_scale_one: int) -> int:
        """A number of rows, at least one."""
        return max(1, round(at_scale_one * self.scale))

    def grown(self, at_scale_one: int, per_mille: int) -> tuple[int, int]:
        """The rows of day 0, and how many come with each day."""
        base = self.count(at_scale_one)
        return base, max(1, base * per_mille // 1000)

    def ids(self, base: int, daily: int, purged: int = 0) -> Ints:
        """Numbers of the rows that there are, from 1; the first `purged` are gone."""
        return np.arange(purged + 1, base + daily * self.day + 1, dtype=np.int64)

    def born(self, ids: Ints, base: int, daily: int) -> Ints:
        """The day on which each row came; 0 for those that were there before."""
        return np.maximum((ids - base + daily - 1) // daily, 0)

    def since(self, ids: Ints, base: int, born: Ints) -> Ints:
        """When each row was made, in ticks: rows of day 0 over the year before, in their order; others on their day."""
        span = 365 * TICKS_PER_DAY
        early = FIRST_TICKS - span + np.minimum(ids, base) * (span // (base + 1))
        return np.where(born > 0, self.on(born, "made", ids), early)

    def on(self, days: Ints, label: str, ids: Ints) -> Ints:
        """A moment within those days, in ticks, to the millisecond."""
        within = self.chance.below(label, ids, TICKS_PER_DAY // 10_000, days)
        return FIRST_TICKS + days * TICKS_PER_DAY + within * 10_000


def guid(chance: Chance, label: str, ids: Ints) -> Values:
    """A random (version 4) uniqueidentifier for each id."""
    high = chance.bits(label, ids)
    low = chance.bits(label + " low", ids)
    both = np.stack((high, low), axis=1).astype("<u8").view(np.uint8).reshape(-1, 16)
    both[:, 7] = (both[:, 7] & 0x0F) | 0x40
    both[:, 8] = (both[:, 8] & 0x3F) | 0x80
    return Values(both)


def guid_order(guids: Values) -> Ints:
    """The order in which SQL Server sorts them: the last six bytes first, then groups from back to front."""
    order = (10, 11, 12, 13, 14, 15, 8, 9, 6, 7, 4, 5, 0, 1, 2, 3)
    keys = tuple(guids.data[:, place] for place in reversed(order))
    return np.lexsort(keys).astype(np.int64)


def row_versions(ids: Ints, versions: Ints) -> Ragged:
    """rowversion: grows with every write, so with the day of the last one."""
    numbers = (versions * 10_000_000 + ids).astype(">u8")
    return Ragged(numbers.view(np.uint8).reshape(-1), np.full(len(ids), 8, dtype=np.int64))
