"""The values of one column of a batch."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]


@dataclass(frozen=True)
class Cells:
    """Where the values of one column lie in `data`; a length of -1 is NULL."""

    data: Bytes
    starts: NDArray[np.int64]
    lengths: NDArray[np.int64]

    def listed(self) -> list[bytes | None]:
        """Value by value."""
        each = zip(self.starts.tolist(), self.lengths.tolist(), strict=True)
        whole = self.data.data
        return [None if length < 0 else bytes(whole[start : start + length]) for start, length in each]


def present(cells: Cells, width: int) -> tuple[Bytes, NDArray[np.bool_]]:
    """Values of `width` bytes as a matrix, a row each, zeros for NULL; and which are NULL."""
    null = cells.lengths < 0
    if not null.any():
        return cells.data[cells.starts[:, None] + np.arange(width)], null
    out = np.zeros((len(null), width), np.uint8)
    out[~null] = cells.data[cells.starts[~null, None] + np.arange(width)]
    return out, null


def ragged(cells: Cells, *, text: bool) -> tuple[pa.Array, int]:
    """Values of different lengths as an Arrow array; of text also how many halves of surrogate pairs stood alone."""
    from holdfast.bacpac.values.text_walk import gather, utf8  # loads numba

    rows = len(cells.starts)
    total = int(np.maximum(cells.lengths, 0).sum())
    offsets = np.empty(rows + 1, np.int64)
    out = np.empty(total + total // 2 + 1 if text else total, np.uint8)
    alone = 0
    if text:
        total, alone = utf8(cells.data, cells.starts, cells.lengths, out, offsets)
    else:
        gather(cells.data, cells.starts, cells.lengths, out, offsets)
    bits = np.packbits(cells.lengths >= 0, bitorder="little").tobytes()
    buffers = [pa.py_buffer(bits), pa.py_buffer(offsets), pa.py_buffer(out[:total])]
    return pa.Array.from_buffers(pa.large_string() if text else pa.large_binary(), rows, buffers), int(alone)


def identifiers(values: Bytes) -> list[str]:
    """uniqueidentifier as SQL Server writes it: the first three groups with their lowest byte first, capitals."""
    whole = values.tobytes()
    return [str(uuid.UUID(bytes_le=whole[at : at + 16])).upper() for at in range(0, len(whole), 16)]
