"""Values of a column: numbers in an array, or pieces of bytes of different lengths."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from local.samples.chance import Bools, Ints
from local.samples.schema import Type

Bytes = NDArray[np.uint8]

TICKS_PER_SECOND = 10_000_000
TICKS_PER_DAY = 86_400 * TICKS_PER_SECOND
#: Days from 0001-01-01 to 1900-01-01, where datetime and smalldatetime begin.
DAYS_TO_1900 = 693_595


@dataclass(frozen=True)
class Values:
    """One value a row. `data` by type: whole numbers; floats; ten-thousandths for money; unscaled whole numbers for
    decimal (Python ints where they pass 64 bits); ticks of 100 ns since 0001-01-01 for all dates and times, of the day
    for time; pairs of UTC ticks and offset minutes for datetimeoffset; rows of 16 bytes for uniqueidentifier."""

    data: NDArray[Any]
    null: Bools | None = None


@dataclass(frozen=True)
class Ragged:
    """Pieces of bytes end to end: text in UTF-16, binary, and the values that this program does not look into."""

    data: Bytes
    lengths: Ints
    null: Bools | None = None

    @classmethod
    def of(cls, pieces: Iterable[bytes | None]) -> Ragged:
        """From pieces; None is NULL."""
        found = list(pieces)
        null = np.array([piece is None for piece in found], dtype=np.bool_)
        lengths = np.array([len(piece or b"") for piece in found], dtype=np.int64)
        joined = b"".join(piece for piece in found if piece is not None)
        return cls(np.frombuffer(joined, dtype=np.uint8), lengths, null if null.any() else None)

    @classmethod
    def text(cls, pieces: Iterable[str | None]) -> Ragged:
        """From texts; None is NULL."""
        return cls.of(None if piece is None else piece.encode("utf-16-le") for piece in pieces)

    def take(self, rows: Ints) -> Ragged:
        """The pieces at those places, in that order, any of them any number of times."""
        starts = np.cumsum(self.lengths) - self.lengths
        lengths = self.lengths[rows]
        total = int(lengths.sum())
        shift = starts[rows] - (np.cumsum(lengths) - lengths)
        data = self.data[np.repeat(shift, lengths) + np.arange(total)]
        return Ragged(data, lengths, self.null[rows] if self.null is not None else None)

    def join(self, counts: Ints) -> Ragged:
        """Neighbours as one: the first `counts[0]` pieces, the next `counts[1]`, … Each count is at least 1."""
        return Ragged(self.data, np.add.reduceat(self.lengths, np.cumsum(counts) - counts) if len(counts) else counts)

    def with_null(self, null: Bools) -> Ragged:
        """The same with NULL where `null` is true."""
        keep = np.repeat(~null, self.lengths)
        return Ragged(self.data[keep], np.where(null, 0, self.lengths), null)

    def split(self) -> Iterator[bytes]:
        """The pieces."""
        whole, at = self.data.tobytes(), 0
        for length in self.lengths.tolist():
            yield whole[at : at + length]
            at += length


def concatenate(columns: Sequence[Ragged]) -> Ragged:
    """Row by row, the pieces of the columns as one: first and last name, number and street."""
    count = len(columns)
    rows = len(columns[0].lengths)
    data = np.concatenate([c.data for c in columns])
    lengths = np.concatenate([c.lengths for c in columns])
    order = (np.arange(rows)[:, None] + rows * np.arange(count)).reshape(-1)
    return Ragged(data, lengths).take(order).join(np.full(rows, count, dtype=np.int64))


def digits(numbers: Ints, width: int) -> Ragged:
    """Whole numbers as text with leading zeros, `width` characters each."""
    powers = 10 ** np.arange(width - 1, -1, -1, dtype=np.int64)
    signs = ((numbers[:, None] // powers) % 10 + ord("0")).astype("<u2")
    return Ragged(signs.view(np.uint8).reshape(-1), np.full(len(numbers), 2 * width, dtype=np.int64))


def constant(text: str, rows: int) -> Ragged:
    """The same text in every row."""
    return Ragged.text([text]).take(np.zeros(rows, dtype=np.int64))


def fixed_bytes(kind: Type, data: NDArray[Any]) -> Bytes:
    """The values as a matrix of bytes, a row each. Raises KeyError for a type that has no fixed width."""
    name = kind.name
    if name in ("decimal", "numeric"):
        return _decimal(kind, data)
    if name == "uniqueidentifier":
        return data.astype(np.uint8).reshape(-1, 16)
    if name == "money":
        numbers = data.astype(np.int64)
        return _packed(("high", "<i4", numbers >> 32), ("low", "<u4", numbers & 0xFFFFFFFF))
    if name in _TIMES:
        return _TIMES[name](data)
    return _packed(("value", _NUMBERS[name], data))


def _packed(*fields: tuple[str, str, NDArray[Any]]) -> Bytes:
    out = np.empty(len(fields[0][2]), dtype=[(name, form) for name, form, _ in fields])
    for name, _, values in fields:
        out[name] = values
    return out.view(np.uint8).reshape(len(out), out.dtype.itemsize)


_NUMBERS = {
    "bit": "u1",
    "tinyint": "u1",
    "smallint": "<i2",
    "int": "<i4",
    "bigint": "<i8",
    "real": "<f4",
    "float": "<f8",
    "smallmoney": "<i4",
}


def _decimal(kind: Type, data: NDArray[Any]) -> Bytes:
    out = np.zeros((len(data), 19), dtype=np.uint8)
    out[:, 0] = kind.precision or 18
    out[:, 1] = kind.scale or 0
    out[:, 2] = data >= 0
    if data.dtype == object:
        magnitudes = b"".join(abs(int(value)).to_bytes(16, "little") for value in data)
        out[:, 3:] = np.frombuffer(magnitudes, dtype=np.uint8).reshape(-1, 16)
    else:
        out[:, 3:11] = np.abs(data.astype("<i8")).view(np.uint8).reshape(-1, 8)
    return out


def _datetime(ticks: NDArray[Any]) -> Bytes:
    days, rest = np.divmod(ticks, TICKS_PER_DAY)
    # 1/300 s, rounded; the last moment of a day must not become the next day's first.
    parts = np.minimum((rest * 3 + 50_000) // 100_000, 300 * 86_400 - 1)
    return _packed(("days", "<i4", days - DAYS_TO_1900), ("parts", "<u4", parts))


def _smalldatetime(ticks: NDArray[Any]) -> Bytes:
    days, rest = np.divmod(ticks, TICKS_PER_DAY)
    return _packed(("days", "<u2", days - DAYS_TO_1900), ("minutes", "<u2", rest // (60 * TICKS_PER_SECOND)))


def _date(ticks: NDArray[Any]) -> Bytes:
    return _low_bytes(ticks // TICKS_PER_DAY, 3)


def _time(ticks: NDArray[Any]) -> Bytes:
    return _low_bytes(ticks, 5)


def _datetime2(ticks: NDArray[Any]) -> Bytes:
    return np.hstack((_low_bytes(ticks % TICKS_PER_DAY, 5), _date(ticks)))


def _datetimeoffset(pairs: NDArray[Any]) -> Bytes:
    return np.hstack((_datetime2(pairs[:, 0]), _packed(("minutes", "<i2", pairs[:, 1]))))


_TIMES = {
    "date": _date,
    "time": _time,
    "datetime": _datetime,
    "smalldatetime": _smalldatetime,
    "datetime2": _datetime2,
    "datetimeoffset": _datetimeoffset,
}


def _low_bytes(numbers: NDArray[Any], count: int) -> Bytes:
    return numbers.astype("<i8").view(np.uint8).reshape(-1, 8)[:, :count]
