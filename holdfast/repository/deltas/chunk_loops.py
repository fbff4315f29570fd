"""The loop that finds where a chunk ends."""

from __future__ import annotations

from holdfast.bacpac.compiled import compiled
from holdfast.repository.deltas.delta_loops import load8


@compiled
def next_cut(data, start, minimum, maximum, multiplier, limit):  # type: ignore[no-untyped-def]
    """Where the chunk that begins at `start` ends; 0 where that takes more bytes than there are."""
    last = min(len(data), start + maximum)
    for end in range(start + max(minimum, 8), last + 1):
        if load8(data, end - 8) * multiplier < limit:
            return end
    return start + maximum if len(data) - start > maximum else 0
