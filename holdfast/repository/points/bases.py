"""Finds the stream that a new one is to be a delta of: the same table's, or that of another that it was made from."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from holdfast.repository.deltas.base_damage import named_base
from holdfast.repository.deltas.delta import anchors_of
from holdfast.repository.deltas.trees import StreamRef
from holdfast.repository.points.older_streams import OlderStreams
from holdfast.repository.points.recipes import Recipe
from holdfast.repository.points.stream_reading import StreamReader

#: Shorter streams are stored whole: a program would save less than it takes.
SHORTEST = 1 << 10
#: Shorter streams are looked for by name only.
SHORTEST_BY_CONTENT = 64 << 10
#: Bytes of a stream's beginning that are compared, and the part of its anchors that tells it is the same.
HEAD, ALIKE = 256 << 10, 0.2
#: Streams of other names that are compared with one.
MOST_COMPARED = 16
_BITS = 8


class Bases:
    """The streams of the point before. Each table's own comes first; another's where the own is not alike.

    Where the point before has neither, the table may be in an older point.
    """

    def __init__(
        self, recipe: Recipe, reader: StreamReader, spoiled: set[bytes], names: Iterable[str], older: OlderStreams
    ) -> None:
        """`spoiled`: roots of streams that cannot be read, and are no base.

        `names` of the streams of the new point: streams that have lost theirs are looked at before others.
        """
        self.reader, self._spoiled, self._older = reader, spoiled, older
        streams = [one for one in recipe.streams if one.ref.length >= SHORTEST and one.ref.root not in spoiled]
        self._by_name = {stream.name: stream.ref for stream in streams}
        kept = set(names)
        self._others = sorted(
            (stream for stream in streams if stream.ref.length >= SHORTEST_BY_CONTENT and stream.table),
            key=lambda stream: stream.name in kept,
        )
        self._heads: dict[bytes, np.ndarray] = {}

    def of(self, name: str, length: int, head: bytes, *, table: bool) -> StreamRef | None:
        """The base of a stream that begins with `head`, None where none is known or it is short."""
        if length < SHORTEST:
            return None
        own = self._by_name.get(name)
        if not table or length < SHORTEST_BY_CONTENT:
            return own
        keys = anchors_of(np.frombuffer(head[:HEAD], np.uint8), _BITS)
        if own is not None and self._alike(keys, own) >= ALIKE:
            return own
        others = [(abs(math.log2(s.ref.length / length)), s.ref) for s in self._others if s.name != name]
        # Of nearly the same length first, and among those the ones that have lost their name.
        near = [ref for apart, ref in others if apart <= 1 / 8] + [ref for apart, ref in others if 1 / 8 < apart <= 1]
        alike = [(self._alike(keys, ref), -n) for n, ref in enumerate(near[:MOST_COMPARED])]
        best = max(alike, default=(0.0, 0))
        if best[0] >= ALIKE:
            return near[-best[1]]
        return self._back(name, keys) if own is None else own

    def _back(self, name: str, keys: np.ndarray) -> StreamRef | None:
        """The stream of a table that the point before does not have and an older one does."""
        ref = self._older.of(name)
        if ref is None or ref.length < SHORTEST_BY_CONTENT or ref.root in self._spoiled:
            return None
        return ref if self._alike(keys, ref) >= ALIKE else None

    def _alike(self, keys: np.ndarray, ref: StreamRef) -> float:
        """The part of the anchors that the stream's beginning has too."""
        if not len(keys):
            return 0.0
        if ref.root not in self._heads:
            with named_base(ref):
                head = self.reader.read(ref, 0, min(HEAD, ref.length))
            self._heads[ref.root] = anchors_of(head, _BITS)
        return float(np.isin(keys, self._heads[ref.root]).mean())
