"""Dates and times of SQL Server as whole numbers, from the bytes of values.

Sources: [MS-TDS] 2.2.5.5.1.8 and 2.2.5.5.1.9 for the types; in table data times stand always at scale 7 (units of 100 ns).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Cells = NDArray[np.uint8]
Numbers = NDArray[Any]

TICKS_PER_SECOND = 10_000_000
TICKS_PER_DAY = 86_400 * TICKS_PER_SECOND
#: Days from 0001-01-01, where `date` begins, and from 1900-01-01, where `datetime` does, to 1970-01-01.
DAYS_FROM_YEAR_1, DAYS_FROM_1900 = 719_162, 25_567


def unsigned(cells: Cells) -> Numbers:
    """Numbers of up to 8 bytes, the lowest first."""
    wide = np.zeros((len(cells), 8), np.uint8)
    wide[:, : cells.shape[1]] = cells
    return wide.view("<i8").reshape(-1)


def days(cells: Cells) -> Numbers:
    """`date`: days since 1970-01-01."""
    return unsigned(cells) - DAYS_FROM_YEAR_1


def datetime2(cells: Cells) -> Numbers:
    """`datetime2`: units of 100 ns since 1970-01-01 00:00."""
    return days(cells[:, 5:8]) * TICKS_PER_DAY + unsigned(cells[:, :5])


def datetime_ticks(cells: Cells) -> Numbers:
    """`datetime`: units of 100 ns since 1970-01-01 00:00. It counts 300ths of a second; they are told as milliseconds,
    rounded as SQL Server shows them (.000, .003, .007).
    """
    parts = cells.view("<u4").astype(np.int64)
    day = cells[:, :4].copy().view("<i4").reshape(-1).astype(np.int64) - DAYS_FROM_1900
    milliseconds = (parts[:, 1] * 10 + 1) // 3
    return day * TICKS_PER_DAY + milliseconds * 10_000


def smalldatetime(cells: Cells) -> Numbers:
    """`smalldatetime`: units of 100 ns since 1970-01-01 00:00."""
    parts = cells.view("<u2").astype(np.int64)
    return (parts[:, 0] - DAYS_FROM_1900) * TICKS_PER_DAY + parts[:, 1] * 60 * TICKS_PER_SECOND


def offset_minutes(cells: Cells) -> Numbers:
    """Of a `datetimeoffset`: minutes that its local time is ahead of UTC. Its first eight bytes are UTC."""
    return cells[:, 8:10].copy().view("<i2").reshape(-1).astype(np.int64)


def iso(ticks: Numbers, digits: int) -> list[str]:
    """Moments as `2026-01-31 23:59:59.1234567`, with so many digits of the second's fraction."""
    seconds, rest = np.divmod(ticks, TICKS_PER_SECOND)
    texts = np.datetime_as_string(seconds.astype("datetime64[s]"), unit="s")
    return [
        f"{text.replace('T', ' ')}{_fraction(part, digits)}" for text, part in zip(texts, rest.tolist(), strict=True)
    ]


def iso_time(ticks: Numbers, digits: int) -> list[str]:
    """Times of day as `23:59:59.1234567`."""
    seconds, rest = np.divmod(ticks, TICKS_PER_SECOND)
    return [
        f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}{_fraction(part, digits)}"
        for second, part in zip(seconds.tolist(), rest.tolist(), strict=True)
    ]


def iso_offset(minutes: Numbers) -> list[str]:
    """Offsets as `+02:00`."""
    return [f"{'-' if m < 0 else '+'}{abs(m) // 60:02}:{abs(m) % 60:02}" for m in minutes.tolist()]


def _fraction(part: int, digits: int) -> str:
    return f".{part:07}"[: digits + 1] if digits else ""


Moment = Callable[[Cells], Numbers]
#: By type, with the most digits that its values have.
MOMENTS: dict[str, tuple[Moment, int]] = {
    "datetime2": (datetime2, 7),
    "datetimeoffset": (datetime2, 7),
    "datetime": (datetime_ticks, 3),
    "smalldatetime": (smalldatetime, 0),
}
