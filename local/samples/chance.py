"""Chance that repeats: every number follows from a seed, a label and ids by SplitMix64.

Nothing is drawn in order, so any row of any day can be told alone, and no library's generator can change the bytes.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_M1 = np.uint64(0xBF58476D1CE4E5B9)
_M2 = np.uint64(0x94D049BB133111EB)


def _mix(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    x = x + _GOLDEN
    x = (x ^ (x >> np.uint64(30))) * _M1
    x = (x ^ (x >> np.uint64(27))) * _M2
    return x ^ (x >> np.uint64(31))


@dataclass(frozen=True)
class Chance:
    """Numbers for one database: `seed` with the database's name in it."""

    seed: str

    def bits(self, label: str, ids: Ints, salt: Ints | int = 0) -> NDArray[np.uint64]:
        """64 bits for each id. `salt` tells apart what changes in a row: its version, a place in it."""
        start = np.uint64(int.from_bytes(hashlib.sha256(f"{self.seed}\n{label}".encode()).digest()[:8], "little"))
        # One element at least: numpy warns where a lone number overflows, as it must here, and not where an array does.
        salted = _mix(np.atleast_1d(np.asarray(salt, dtype=np.int64)).astype(np.uint64) ^ start)
        return _mix(_mix(ids.astype(np.uint64) ^ start) ^ salted)

    def below(self, label: str, ids: Ints, limit: Ints | int, salt: Ints | int = 0) -> Ints:
        """A whole number from 0 to below `limit` for each id."""
        high = (self.bits(label, ids, salt) >> np.uint64(20)).astype(np.int64)
        return high % np.asarray(limit, dtype=np.int64)

    def skewed(self, label: str, ids: Ints, limit: int, salt: Ints | int = 0) -> Ints:
        """The same, small numbers more often than large: how customers and products are in demand."""
        first = self.below(label, ids, limit, salt)
        second = self.below(label + " again", ids, limit, salt)
        return np.minimum(first, second)

    def share(self, label: str, ids: Ints, per_mille: int, salt: Ints | int = 0) -> Bools:
        """True for about that many of a thousand ids."""
        return self.below(label, ids, 1000, salt) < per_mille

    def version(self, label: str, ids: Ints, born: Ints, day: int, per_mille: int) -> Ints:
        """The day on which each row was last written: its birth, or the last update of a share of the rows a day."""
        latest = born.copy()
        for today in range(1, day + 1):
            hit = self.share(label, ids, per_mille, today) & (born < today)
            latest[hit] = today
        return latest

    def text(self, label: str) -> str:
        """32 hex digits for a label: ids of operations and relationships."""
        return hashlib.sha256(f"{self.seed}\n{label}".encode()).hexdigest()[:32]
