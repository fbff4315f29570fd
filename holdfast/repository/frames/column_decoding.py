"""A column of rows from its description and its streams: the reading half of `column_coding`.

Nothing that is read is trusted: every length is bounded before anything is made of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.bacpac.compiled import COMPILED
from holdfast.model.errors import Damaged
from holdfast.repository.frames.column_descriptions import Dictionary, Numbers, Values
from holdfast.repository.frames.frame_groups import Bytes, GroupReader

if COMPILED:
    from holdfast.repository.frames.row_kernels import scatter_bytes, scatter_planes, scatter_prefixes, scatter_text
else:
    from holdfast.repository.frames.row_vectors import scatter_bytes, scatter_planes, scatter_prefixes, scatter_text

Lengths = NDArray[np.int32]


@dataclass(frozen=True)
class ColumnValues:
    """A column's values: the length of each (-1: NULL), and their bytes in one of three ways."""

    lengths: Lengths
    total: int
    """Bytes of all values."""
    planes: Bytes | None = None
    """Values of one length that are there: a row for each byte of the value."""
    text: tuple[Bytes, Bytes] | None = None
    """Low and high bytes of all characters; high ones that are empty are zeros."""
    flat: Bytes | None = None
    """Values back to back, or where `places` says."""
    places: NDArray[np.int64] | None = None

    def put(self, out: Bytes, starts: NDArray[np.int32], prefix: int) -> None:
        """Writes prefixes and values of all rows; `starts` are the places of the prefixes."""
        if prefix:
            scatter_prefixes(out, starts, self.lengths, prefix)
        if self.planes is not None:
            scatter_planes(out, starts, self.lengths, prefix, self.planes)
        elif self.text is not None:
            scatter_text(out, starts, self.lengths, prefix, *self.text)
        elif self.flat is not None:
            places = places_of(self.lengths) if self.places is None else self.places
            scatter_bytes(out, starts, self.lengths, prefix, self.flat, places)

    def flattened(self) -> Bytes:
        """All values back to back."""
        out = np.empty(self.total, np.uint8)
        self.put(out, places_of(self.lengths).astype(np.int32), 0)
        return out

    def listed(self) -> list[bytes | None]:
        """Value by value; None for NULL."""
        flat = self.flattened().tobytes()
        each = zip(places_of(self.lengths).tolist(), self.lengths.tolist(), strict=True)
        return [None if length < 0 else flat[place : place + length] for place, length in each]


def places_of(lengths: Lengths) -> NDArray[np.int64]:
    """Where each value begins when all lie back to back."""
    there = np.maximum(lengths, 0)
    return np.cumsum(there, dtype=np.int64) - there


class ColumnReader:
    """Makes columns of what describes them. Everything raises Damaged."""

    def __init__(self, groups: GroupReader, most: int, name: str) -> None:
        self._groups, self._most, self._name = groups, most, name

    def column(self, described: Values | Dictionary) -> ColumnValues:
        """The column's values."""
        if isinstance(described, Values):
            return self._values(described)
        numbers = _assembled(self._planes(described.numbers))
        values = self._values(described.values)
        if int(numbers.max()) >= described.values.rows:
            raise self._wrong()
        lengths = values.lengths[numbers]
        total = self._bounded(lengths)
        return ColumnValues(lengths, total, flat=values.flattened(), places=places_of(values.lengths)[numbers])

    def _values(self, values: Values) -> ColumnValues:
        lengths = self._lengths(values, values.lengths) if values.lengths else self._present(values)
        if values.text:
            low, high = values.text.low, values.text.high
            read = self._groups.read
            return ColumnValues(lengths, values.total, text=(read(low), read(high) if high else read((0, 0, 0))))
        if values.flat:
            return ColumnValues(lengths, values.total, flat=self._groups.read(values.flat))
        fields = [self._planes(field) for field in values.fields]
        planes = fields[0] if len(fields) == 1 else np.concatenate(fields) if fields else None
        return ColumnValues(lengths, values.total, planes=planes)

    def _present(self, values: Values) -> Lengths:
        """Lengths of values of one length."""
        size = values.column.value_bytes
        lengths = np.full(values.rows, size if values.count else -1, np.int32)
        if values.present:
            bits = np.unpackbits(self._groups.read(values.present), count=values.rows, bitorder="little")
            if int(bits.sum(dtype=np.int64)) != values.count:
                raise self._wrong()
            lengths[bits == 0] = -1
        return lengths

    def _lengths(self, values: Values, numbers: Numbers) -> Lengths:
        """Lengths of values that say theirs."""
        said = _assembled(self._planes(numbers)).astype(np.int64) - 1
        if values.text:
            said = np.where(said > 0, said * 2, said)
        # A prefix of all ones is NULL; one of eight bytes that is one less, and no length that is so long is in a frame.
        if int(said.max()) > min(self._most, (1 << 8 * min(values.column.prefix, 4)) - 2):
            raise self._wrong()
        lengths = said.astype(np.int32)
        if self._bounded(lengths) != values.total:
            raise self._wrong()
        return lengths

    def _planes(self, numbers: Numbers) -> Bytes:
        """A row for each byte of the numbers, the lowest first."""
        if numbers.interleaved is not None:
            planes = self._groups.read(numbers.interleaved).reshape(numbers.count, numbers.width).T
            return np.ascontiguousarray(planes)
        planes = np.empty((numbers.width, numbers.count), np.uint8)
        for place, plane in enumerate(numbers.planes):
            planes[place] = plane if isinstance(plane, int) else self._groups.read(plane)
        if numbers.deltas:
            planes = _undone(planes)
        return np.ascontiguousarray(planes[::-1]) if numbers.big else planes

    def _bounded(self, lengths: Lengths) -> int:
        total = int(np.maximum(lengths, 0).sum(dtype=np.int64))
        if total > self._most:
            raise Damaged(f"{self._name}: a typed frame is longer than it says")
        return total

    def _wrong(self) -> Damaged:
        return Damaged(f"{self._name}: a typed frame describes a column that cannot be")


def _assembled(planes: Bytes) -> NDArray[Any]:
    """Numbers from their planes: of 4 bytes where these are enough, else of 8."""
    size = 4 if len(planes) <= 4 else 8
    wide = np.zeros((planes.shape[1], size), np.uint8)
    for place, plane in enumerate(planes):
        wide[:, place] = plane
    return wide.view(f"<u{size}").reshape(-1)


def _undone(planes: Bytes) -> Bytes:
    """Planes of the numbers from planes of their differences."""
    width = len(planes)
    zigzag = _assembled(planes)
    one = zigzag.dtype.type(1)
    deltas = (zigzag >> one) ^ (~(zigzag & one) + one)
    numbers = np.cumsum(deltas, dtype=zigzag.dtype)
    return np.ascontiguousarray(numbers.view(np.uint8).reshape(len(numbers), -1)[:, :width].T)
