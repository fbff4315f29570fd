"""What `row_kernels` does for a reader, in numpy alone: for where numba is not installed. About five times as slow."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from holdfast.repository.frames.frame_groups import Bytes

Places = NDArray[np.int32]


def place_cells(lengths: Places, prefixes: NDArray[np.int64], at: int, first: int, rows: int, starts: Places) -> int:
    """Where the prefixes of these rows' values go, the first row at `at`; where the last row ends."""
    sizes = np.maximum(lengths[:, first : first + rows].T, 0) + prefixes
    ends = at + np.cumsum(sizes, dtype=np.int64).reshape(sizes.shape)
    starts[:, first : first + rows] = (ends - sizes).T
    return int(ends[-1, -1]) if rows else at


def scatter_planes(out: Bytes, starts: Places, lengths: Places, prefix: int, planes: Bytes) -> None:
    """Puts values of one length, given by planes, behind the places of their prefixes."""
    there = starts[lengths >= 0] + prefix
    for byte, plane in enumerate(planes):
        out[there + byte] = plane


def scatter_text(out: Bytes, starts: Places, lengths: Places, prefix: int, low: Bytes, high: Bytes) -> None:
    """Puts characters in their places; an empty `high` stands for zeros."""
    places = _spread(starts + prefix, np.maximum(lengths, 0) // 2, 2)
    out[places] = low
    out[places + 1] = high if len(high) else 0


def scatter_bytes(
    out: Bytes, starts: Places, lengths: Places, prefix: int, values: Bytes, places: NDArray[np.int64]
) -> None:
    """Puts each value, which lies in `values` at its place, behind the place of its prefix."""
    there = np.maximum(lengths, 0)
    out[_spread(starts + prefix, there, 1)] = values[_spread(places, there, 1)]


def scatter_prefixes(out: Bytes, starts: Places, lengths: Places, prefix: int) -> None:
    """Puts the prefixes in their places."""
    for byte in range(prefix):
        said = lengths >> 8 * byte & 255 if byte < 4 else 0
        out[starts + byte] = np.where(lengths < 0, 255, said)


def _spread(starts: NDArray[np.signedinteger], counts: Places, step: int) -> NDArray[np.int64]:
    """From each start so many numbers, `step` apart."""
    before = np.cumsum(counts, dtype=np.int64) - counts
    return np.repeat(starts - step * before, counts) + step * np.arange(int(counts.sum(dtype=np.int64)))
