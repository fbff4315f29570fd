"""Ranges against sets of single bytes."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from holdfast.repository.deltas.ranges import carried, joined, ranges_of, touched

PIECES = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 12)), max_size=12)


def _ranges(pieces: list[tuple[int, int]]) -> np.ndarray:
    start = np.array([at for at, _ in pieces], np.int64)
    return ranges_of(start, start + np.array([length for _, length in pieces], np.int64))


def _bytes(ranges: np.ndarray) -> set[int]:
    return {byte for start, end in ranges.tolist() for byte in range(start, end)}


@given(PIECES, PIECES)
def test_ranges_are_the_bytes_that_were_given_and_lie_apart(
    one: list[tuple[int, int]], two: list[tuple[int, int]]
) -> None:
    expected = {byte for at, length in one + two for byte in range(at, at + length)}
    both = joined([_ranges(one), _ranges(two)])
    assert _bytes(both) == expected
    assert (both[1:, 0] > both[:-1, 1]).all()


@given(PIECES, PIECES, st.lists(st.integers(-60, 1000), min_size=12, max_size=12))
def test_what_is_carried_is_what_lies_in_the_pieces(
    pieces: list[tuple[int, int]], needed: list[tuple[int, int]], moves: list[int]
) -> None:
    place = np.array([at for at, _ in pieces], np.int64)
    length = np.array([size for _, size in pieces], np.int64)
    to = place + np.array(moves[: len(pieces)], np.int64)
    ranges = _ranges(needed)
    expected = {
        byte + moves[k]
        for k, (at, size) in enumerate(pieces)
        for byte in range(at, at + size)
        if byte in _bytes(ranges)
    }
    assert _bytes(carried(place, to, length, ranges)) == expected
    told = touched(place, place + length, ranges).tolist()
    assert told == [bool(_bytes(ranges) & set(range(at, at + size))) for at, size in pieces]
