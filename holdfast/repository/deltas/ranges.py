"""Ranges of bytes: sorted arrays of (start, end) that neither meet nor overlap, and how operations carry them along."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

#: No range at all.
EMPTY = np.empty((0, 2), np.int64)


def ranges_of(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Any ranges, in any order, as such an array."""
    if not len(start):
        return EMPTY
    order = np.argsort(start, kind="stable")
    start, reach = start[order], np.maximum.accumulate(end[order])
    begins = np.flatnonzero(np.concatenate(([True], start[1:] > reach[:-1])))
    ends = np.concatenate((begins[1:] - 1, [len(start) - 1]))
    return np.stack([start[begins], reach[ends]], axis=1)


def joined(parts: Sequence[np.ndarray]) -> np.ndarray:
    """All of them as one array."""
    together = np.concatenate([EMPTY, *parts])
    return ranges_of(together[:, 0], together[:, 1])


def touched(start: np.ndarray, end: np.ndarray, ranges: np.ndarray) -> np.ndarray:
    """Which of the pieces from `start` to `end` have a byte in the ranges."""
    found: np.ndarray = ranges[:, 1].searchsorted(start, "right") < ranges[:, 0].searchsorted(end, "left")
    return found


def carried(place: np.ndarray, to: np.ndarray, length: np.ndarray, ranges: np.ndarray) -> np.ndarray:
    """The bytes of `ranges` that lie in pieces of `length` at `place`, where the pieces are moved to `to`."""
    first = ranges[:, 1].searchsorted(place, "right")
    count = np.maximum(ranges[:, 0].searchsorted(place + length, "left") - first, 0)
    piece = np.repeat(np.arange(len(place)), count)
    number = np.arange(len(piece)) - np.repeat(np.cumsum(count) - count, count) + first[piece]
    start = np.maximum(place[piece], ranges[number, 0])
    end = np.minimum((place + length)[piece], ranges[number, 1])
    moved = (to - place)[piece]
    return ranges_of(start + moved, end + moved)
