# mypy: allow-untyped-defs
"""The loops by which a writer learns what a column is like, and cuts numbers into planes. They run compiled only."""

from __future__ import annotations

import numpy as np

from holdfast.bacpac.compiled import compiled

#: Bytes of a value that are hashed at most (twice as many at worst), and places that are tried for it.
HASHED, PATIENCE = 24, 64
FACTOR, HALF = np.uint64(0x9E3779B97F4A7C15), np.uint64(32)


@compiled
def measure_lengths(lengths):
    """How many values are there, their bytes in all, the longest, and whether one is odd."""
    there = total = longest = odd = 0
    for row in range(len(lengths)):
        length = lengths[row]
        if length >= 0:
            there += 1
            total += length
            odd |= length & 1
            longest = max(longest, length)
    return there, total, longest, odd


@compiled
def number_distinct(data, starts, lengths, table, firsts, numbers):
    """Numbers each row by its value, in the order in which values appear. How many values; -1 for more than `firsts` holds.

    `table` is a hash table of numbers, filled with -1, a power of two at least twice as long as `firsts`. Long values are
    hashed by some of their bytes; -1 also where too many have the same hash.
    """
    most = len(firsts)
    mask = np.uint64(len(table) - 1)
    known = 0
    for row in range(len(starts)):
        start = np.uint64(starts[row])
        length = lengths[row]
        mixed = np.uint64(length + 1)
        for byte in range(0, length, 1 + max(length, 0) // HASHED):
            mixed = (mixed ^ np.uint64(data[start + np.uint64(byte)])) * FACTOR
        place = mixed >> HALF
        number = -1
        for tried in range(PATIENCE):
            slot = (place + np.uint64(tried)) & mask
            number = table[slot]
            if number < 0:
                if known == most:
                    return -1
                table[slot] = known
                firsts[known] = row
                number = known
                known += 1
                break
            first = firsts[number]
            if lengths[first] == length:
                other = np.uint64(starts[first])
                byte = 0
                while byte < length and data[start + np.uint64(byte)] == data[other + np.uint64(byte)]:
                    byte += 1
                if byte >= length:
                    break
            number = -1
        if number < 0:
            return -1
        numbers[row] = number
    return known


@compiled
def difference(number, before, width):
    """The difference of two numbers of that width, the sign in the lowest bit."""
    shift = 64 - 8 * width
    change = (number - before) << shift >> shift
    return (change << 1) ^ (change >> 63)


@compiled
def estimate(numbers, width, product, counts, bits):
    """About how many `bits` the first of these numbers compress to: as planes, and as planes of their differences.

    A byte that is as in the row before costs nearly nothing. `product` holds n log2 n for n up to the numbers to look at;
    `counts` is for each of the two ways, each plane and each byte.
    """
    rows = min(len(numbers), len(product) - 1)
    counts[:, :width] = 0
    before = 0
    changed = 0
    for row in range(rows):
        number = numbers[row]
        change = difference(number, before, width)
        for plane in range(width):
            shift = 8 * plane
            if row == 0 or (number ^ before) >> shift & 255:
                counts[0, plane, number >> shift & 255] += 1
            if row == 0 or (change ^ changed) >> shift & 255:
                counts[1, plane, change >> shift & 255] += 1
        before = number
        changed = change
    for way in range(2):
        bits[way] = 0.0
        for plane in range(width):
            changes = 0
            kinds = 0.0
            for byte in range(256):
                changes += counts[way, plane, byte]
                kinds += product[counts[way, plane, byte]]
            if changes > 1:
                # Where it changes, and to what.
                bits[way] += product[rows] - product[rows - changes] - product[changes]
                bits[way] += product[changes] - kinds


@compiled
def cut_planes(numbers, width, deltas, planes):
    """Cuts the numbers, or their differences, into planes. A bit for each plane in which not all bytes are equal."""
    rows = len(numbers)
    if deltas:
        for row in range(rows - 1, 0, -1):
            numbers[row] = difference(numbers[row], numbers[row - 1], width)
        numbers[0] = difference(numbers[0], 0, width)
    varies = 0
    for row in range(rows):
        varies |= numbers[row] ^ numbers[0]
    mask = 0
    for plane in range(width):
        if varies >> 8 * plane & 255:
            mask |= 1 << plane
            for row in range(rows):
                planes[plane, row] = numbers[row] >> 8 * plane & 255
        else:
            planes[plane, 0] = numbers[0] >> 8 * plane & 255
    return mask
