# mypy: allow-untyped-defs
"""The loops by which a writer learns what a column is like, and cuts numbers into planes. They run compiled only."""

from __future__ import annotations

from holdfast.bacpac.compiled import compiled


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

    `table` is a hash table of numbers, filled with -1, a power of two at least twice as long as `firsts`.
    """
    most = len(firsts)
    mask = len(table) - 1
    known = 0
    for row in range(len(starts)):
        start = starts[row]
        length = lengths[row]
        mixed = length + 1
        for byte in range(length):
            mixed = (mixed ^ data[start + byte]) * 1099511 & 0xFFFFFFFFFF
        place = (mixed ^ (mixed >> 17)) & mask
        while True:
            number = table[place]
            if number < 0:
                if known == most:
                    return -1
                table[place] = known
                firsts[known] = row
                numbers[row] = known
                known += 1
                break
            first = firsts[number]
            same = lengths[first] == length
            if same:
                other = starts[first]
                for byte in range(length):
                    if data[start + byte] != data[other + byte]:
                        same = False
                        break
            if same:
                numbers[row] = number
                break
            place = (place + 1) & mask
    return known


@compiled
def number_at(values, row, at, width, big):
    """The number of that width that stands in the row, whatever its sign; in 64 bits."""
    number = 0
    for byte in range(width):
        number = number * 256 + values[row, at + byte if big else at + width - 1 - byte]
    return number


@compiled
def difference(number, before, width):
    """The difference of two numbers of that width, the sign in the lowest bit."""
    shift = 64 - 8 * width
    change = (number - before) << shift >> shift
    return (change << 1) ^ (change >> 63)


@compiled
def estimate(values, at, width, big, rows, product, counts, bits):
    """About how many `bits` these numbers compress to: as planes, and as planes of their differences.

    A byte that is as in the row before costs nearly nothing. `product` holds n log2 n for n up to the rows; `counts` is for
    each of the two ways, each plane and each byte.
    """
    counts[:] = 0
    bits[:] = 0.0
    before = 0
    changed = 0
    for row in range(rows):
        number = number_at(values, row, at, width, big)
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
def cut_planes(values, at, width, big, deltas, planes):
    """Cuts the numbers, or their differences, into planes. A bit for each plane in which not all bytes are equal."""
    before = 0
    first = 0
    varies = 0
    for row in range(len(values)):
        number = number_at(values, row, at, width, big)
        cut = number
        if deltas:
            cut = difference(number, before, width)
            before = number
        if row == 0:
            first = cut
        varies |= cut ^ first
        for plane in range(width):
            planes[plane, row] = cut >> 8 * plane & 255
    mask = 0
    for plane in range(width):
        if varies >> 8 * plane & 255:
            mask |= 1 << plane
    return mask
