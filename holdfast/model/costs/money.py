"""Figures that nobody knows exactly: low, expected, high. Money is decimal and kept to a hundredth of a cent."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from functools import reduce
from typing import Annotated

from pydantic import PlainSerializer

#: A month of the estimate has thirty days: that is what Azure's early-deletion fees are pro rata of, so that a day of
#: storage and a day of fee cost the same.
MONTH_DAYS = 30
YEAR_DAYS = 365
GB = 10**9

_GRAIN = Decimal("0.0001")

#: Decimal inside, a plain number in JSON.
Amount = Annotated[Decimal, PlainSerializer(float, return_type=float, when_used="json")]


@dataclass(frozen=True, slots=True)
class Band:
    """Low, expected and high. Never out of order. No model: an estimate of many databases makes a million of them."""

    low: Amount
    expected: Amount
    high: Amount

    def __post_init__(self) -> None:
        if not self.low <= self.expected <= self.high:
            raise ValueError(f"low {self.low}, expected {self.expected}, high {self.high} are out of order")

    @classmethod
    def of(cls, *values: Decimal | float) -> Band:
        """A band of three values in any order, or of one value that is certain."""
        given = sorted(value if isinstance(value, Decimal) else Decimal(repr(value)) for value in values)
        if len(given) == 1:
            given *= 3
        return Band(*given)

    def __add__(self, other: Band) -> Band:
        return Band(self.low + other.low, self.expected + other.expected, self.high + other.high)

    def __mul__(self, other: Band | Decimal | float) -> Band:
        """Of figures that are not negative: the lows make the low, the highs the high."""
        by = other if isinstance(other, Band) else Band.of(other)
        return Band(self.low * by.low, self.expected * by.expected, self.high * by.high)

    @property
    def nothing(self) -> bool:
        """Whether even the high is zero."""
        return self.high == 0

    def rounded(self) -> Band:
        """To four digits after the point: of money, a hundredth of a cent."""
        return Band.of(*(value.quantize(_GRAIN, ROUND_HALF_EVEN) for value in (self.low, self.expected, self.high)))


ZERO = Band.of(Decimal(0))
ONE = Band.of(Decimal(1))


def total(bands: Iterable[Band]) -> Band:
    """Their sum."""
    return reduce(Band.__add__, bands, ZERO)
