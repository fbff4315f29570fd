"""Content-defined chunks: cut where the content says, named by a keyed hash. (`cdc8-v1` of the format page.)

A cut may come after 8 bytes whose product with a secret odd number is small. numpy finds those places at about 700 MB/s
and leaves the interpreter's lock free meanwhile; Python looks only at the few places found.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

ID_BYTES = 16
_WINDOW = 8
#: Bytes looked at in one go: the products of one go stay in the processor's cache.
_BLOCK = 128 << 10


@dataclass(frozen=True)
class ChunkSizes:
    """Bytes of the shortest, the mean and the longest chunk; `average` is the mean distance of places to cut at."""

    minimum: int
    average: int
    maximum: int


#: Constant bytes in rows are never places to cut at, so chunks of tables come out at about 64 KiB.
TABLE_CHUNKS = ChunkSizes(16 << 10, 32 << 10, 256 << 10)
#: Model, origin, recipes: little of them changes from point to point, and a changed chunk should cost little.
SMALL_CHUNKS = ChunkSizes(2 << 10, 6 << 10, 32 << 10)


class Chunker:
    """Cuts streams of one chain. Equal streams are cut equally, whatever the pieces that they come in."""

    def __init__(self, boundary_key: bytes, sizes: ChunkSizes) -> None:
        self.sizes = sizes
        self._multiplier = np.uint64(int.from_bytes(boundary_key[:_WINDOW], "little") | 1)
        self._limit = np.uint64((1 << 64) // sizes.average)
        self._product = np.empty(_BLOCK // _WINDOW + 1, np.uint64)
        self._below = np.empty(_BLOCK // _WINDOW + 1, np.bool_)

    def cut(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """The chunks of a stream, in order; none of an empty one. Memory: the longest chunk and the longest piece."""
        held = b""
        minimum, maximum = self.sizes.minimum, self.sizes.maximum
        for piece in pieces:
            data = held + piece if held else piece
            start = 0
            for place in self._places(data):
                while place - start > maximum:
                    yield data[start : start + maximum]
                    start += maximum
                if place - start >= minimum:
                    yield data[start:place]
                    start = place
            # A place may lie across the end of this piece: bytes within the maximum wait for the next one.
            while len(data) - start > maximum:
                yield data[start : start + maximum]
                start += maximum
            held = data[start:]
        if held:
            yield held

    def _places(self, data: bytes) -> list[int]:
        """Every offset after which a cut may come, sorted."""
        found: list[np.ndarray] = []
        last = len(data) - _WINDOW + 1  # windows begin before this
        for begin in range(0, max(last, 0), _BLOCK):
            count = min(_BLOCK, last - begin)
            for shift in range(min(_WINDOW, count)):
                number = (count - shift + _WINDOW - 1) // _WINDOW
                product, below = self._product[:number], self._below[:number]
                windows = np.frombuffer(data, "<u8", number, begin + shift)
                np.multiply(windows, self._multiplier, out=product)
                np.less(product, self._limit, out=below)
                hits = np.flatnonzero(below)
                if hits.size:
                    found.append(hits * _WINDOW + (begin + shift + _WINDOW))
        return sorted(int(place) for hits in found for place in hits)


class ChunkNamer:
    """Names chunks: 16 bytes of HMAC-SHA256. Two states are made ready, so that a name costs one pass over the chunk."""

    def __init__(self, key: bytes) -> None:
        block = key.ljust(hashlib.sha256().block_size, b"\0")
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in block))

    def name(self, chunk: bytes) -> bytes:
        """The chunk's id."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(chunk)
        outer.update(inner.digest())
        return outer.digest()[:ID_BYTES]
