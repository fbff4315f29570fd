"""Single zstd frames (RFC 8878), made and read in one go by a context that each thread keeps.

One call for a whole frame is what is fast: a reader that takes its input bit by bit makes a new context and grows its
output for every frame, which took three times as long for short frames, and for those of a few MiB.
"""

from __future__ import annotations

import threading
from typing import Any

import zstandard

from holdfast.model.errors import Damaged


class _Contexts(threading.local):
    """Of one thread: making a context takes as long as compressing a few KiB, and none is safe for two threads."""

    def __init__(self) -> None:
        self.decompressor = zstandard.ZstdDecompressor()
        self._by_level: dict[int, zstandard.ZstdCompressor] = {}

    def compressor(self, level: int) -> zstandard.ZstdCompressor:
        found = self._by_level.get(level)
        if found is None:
            found = self._by_level[level] = zstandard.ZstdCompressor(level=level)
        return found


_contexts = _Contexts()


def compress(plain: Any, level: int) -> bytes:
    """One frame of a buffer, with its content size in it."""
    return _contexts.compressor(level).compress(plain)


def decompress(frame: bytes | memoryview, most: int, name: str) -> bytes:
    """The plain bytes of one frame and nothing else. Raises Damaged naming `name`, also where they are more than `most`.

    Nothing larger than `most` is ever made room for, whatever the frame says of itself.
    """
    try:
        size = zstandard.frame_content_size(frame)  # -1: it does not say
        # Nothing is never compressed, and of such a frame the library would not see what follows it.
        if size == 0 or size > most:
            raise Damaged(f"{name}: a frame has another length than it should")
        return _contexts.decompressor.decompress(frame, max_output_size=most, allow_extra_data=False)
    except zstandard.ZstdError:
        raise Damaged(f"{name}: a frame cannot be decompressed, is cut short or has something after its end") from None
