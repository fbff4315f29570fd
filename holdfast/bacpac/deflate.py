"""The ways in which exporters are known to deflate, each to be re-created byte for byte by zlib.

Which exporter uses which: `zlib6` the .NET Framework writer (SSMS, SqlPackage on Windows, the Azure service); `zlib6+sync`
and `zlib0+sync` .NET Core on Unix; `zlib1` and `zlib9` are what other compression options would give. .NET Core on
Windows deflates in its own way, which none of these re-creates.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from typing import Literal, get_args

Recipe = Literal["zlib6", "zlib6+sync", "zlib0", "zlib0+sync", "zlib0+sync+sync", "zlib1", "zlib1+sync", "zlib9"]
RECIPES: tuple[Recipe, ...] = get_args(Recipe)
"""In the order in which they are tried."""


class Deflater:
    """Deflates one entry by a recipe: `feed` its bytes, then `finish`."""

    def __init__(self, recipe: Recipe) -> None:
        level, *flushes = recipe.removeprefix("zlib").split("+")
        # Level 0 with memLevel 7 cuts its stored blocks where .NET Core does.
        self._deflater = zlib.compressobj(int(level), zlib.DEFLATED, -15, 7 if level == "0" else 8)
        self._flushes = len(flushes)

    def feed(self, piece: bytes | memoryview) -> bytes:
        """What these bytes add to the stream."""
        return self._deflater.compress(piece)

    def finish(self) -> bytes:
        """The stream's end."""
        return b"".join(self._deflater.flush(zlib.Z_SYNC_FLUSH) for _ in range(self._flushes)) + self._deflater.flush()


def deflated(recipe: Recipe, pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The deflated stream of the pieces."""
    deflater = Deflater(recipe)
    for piece in pieces:
        if made := deflater.feed(piece):
            yield made
    yield deflater.finish()
