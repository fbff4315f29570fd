"""Tables that were gone and come back: finds their streams in points before the last one."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from holdfast.model.errors import Damaged
from holdfast.repository.deltas.trees import StreamRef
from holdfast.repository.points.point_reading import PointReader

#: Points before the last one whose recipes are read at most, since a table that is really new is in none.
MOST_POINTS = 64


class OlderStreams:
    """The newest stream of each table's name, from recipes that are read as far back as it takes."""

    def __init__(self, points: Iterator[PointReader]) -> None:
        """`points`: those before the last one, newest first."""
        self._points = islice(points, MOST_POINTS)
        self._by_name: dict[str, StreamRef] = {}

    def of(self, name: str) -> StreamRef | None:
        """The table's stream in the newest of these points that has one; where its recipe cannot be read the next one's."""
        while name not in self._by_name:
            point = next(self._points, None)
            if point is None:
                return None
            try:
                streams = point.recipe.streams
            except Damaged:
                continue
            for stream in streams:
                if stream.table:
                    self._by_name.setdefault(stream.name, stream.ref)
        return self._by_name[name]
