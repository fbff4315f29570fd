"""Content-defined chunks: cut where the content says, named by a keyed hash. (`cdc8` of the format page.)

A cut may come after 8 bytes whose product with a secret odd number is small.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from blake3 import blake3

from holdfast.repository.errors import NewerFormat

ID_BYTES = 16
#: What the description of a new repository says; the older one names chunks by HMAC-SHA256.
CHUNKING, CHUNKING_HMAC = "cdc8-v2", "cdc8-v1"
_WINDOW = 8


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
    """Cuts one stream, which it is fed piece by piece. Equal streams are cut equally, whatever the pieces.

    Memory: the longest chunk and the longest piece.
    """

    def __init__(self, boundary_key: bytes, sizes: ChunkSizes) -> None:
        self.sizes = sizes
        self._multiplier = np.uint64(int.from_bytes(boundary_key[:_WINDOW], "little") | 1)
        self._limit = np.uint64((1 << 64) // sizes.average)
        self._held = b""
        # Loaded here: whoever only reads a repository's lists needs no numba.
        from holdfast.repository.deltas.chunk_loops import next_cut

        self._next_cut = next_cut

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """The chunks that these bytes complete."""
        data = self._held + piece if self._held else piece
        bytes_of = np.frombuffer(data, np.uint8)
        start = 0
        while (cut := self._cut(bytes_of, start)) > 0:
            yield data[start:cut]
            start = cut
        self._held = data[start:]

    def finish(self) -> Iterator[bytes]:
        """The last chunk, if there is one."""
        if self._held:
            yield self._held
        self._held = b""

    def cut(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """The chunks of a whole stream; none of an empty one."""
        for piece in pieces:
            yield from self.feed(piece)
        yield from self.finish()

    def _cut(self, data: np.ndarray, start: int) -> int:
        return int(self._next_cut(data, start, self.sizes.minimum, self.sizes.maximum, self._multiplier, self._limit))


class ChunkNamer:
    """Names chunks: 16 bytes of a keyed hash, as the repository's `chunking` says. Safe for threads."""

    def __init__(self, key: bytes, chunking: str = CHUNKING) -> None:
        """`key`: 32 bytes. Raises NewerFormat for a `chunking` that is not known."""
        self.name: Callable[[bytes], bytes]
        """A chunk's id."""
        if chunking == CHUNKING:
            self.name = lambda chunk: bytes(blake3(chunk, key=key).digest(ID_BYTES))
        elif chunking == CHUNKING_HMAC:
            self.name = lambda chunk: hmac.digest(key, chunk, "sha256")[:ID_BYTES]
        else:
            raise NewerFormat(f"the repository names chunks by {chunking!r}, which this program does not know")
