# mypy: allow-untyped-defs
"""The loops that take rows apart into columns and put them together again. Arrays in, arrays out; nothing is checked here
that the callers can check for all rows at once.

A NULL has the length -1. How a length is read stands in bacpac/row_walk.py as well, which says why. What only a writer
needs is called only where loops are compiled.
"""

from __future__ import annotations

import numpy as np

from holdfast.bacpac.compiled import compiled

# Places are counted without a sign in the inner loops: numba need not ask then whether they count from the end. It makes a
# float of a sum of numbers with and without one, so what is added to them has none either.
ONE, TWO, THREE = np.uint64(1), np.uint64(2), np.uint64(3)
EIGHT, SIXTEEN, TWENTY_FOUR = np.uint64(8), np.uint64(16), np.uint64(24)


@compiled
def count_rows(data, at, end, prefixes, fixed):
    """How many whole rows of the shape lie from `at` on, and where the last of them ends."""
    columns = len(prefixes)
    rows = 0
    ended = at
    while at < end:
        for column in range(columns):
            prefix = prefixes[column]
            if prefix == 0:
                at += fixed[column]
                continue
            if end - at < prefix:
                return rows, ended
            if prefix == 1:
                length = data[at] * 1
                null = length == 255
            elif prefix == 2:
                length = data[at] + 256 * data[at + 1]
                null = length == 65535
            else:
                length = data[at] + 256 * data[at + 1] + 65536 * data[at + 2] + 16777216 * data[at + 3]
                null = length == 4294967295
                if prefix == 8:
                    high = data[at + 4] + 256 * data[at + 5] + 65536 * data[at + 6] + 16777216 * data[at + 7]
                    null = null and high == 4294967295
                    if high != 0 and not null:
                        return rows, ended
            at += prefix
            if not null:
                if fixed[column] >= 0 and length != fixed[column]:
                    return rows, ended
                at += length
                if at > end:
                    return rows, ended
        if at > end:
            return rows, ended
        rows += 1
        ended = at
    return rows, ended


@compiled
def find_cells(data, at, prefixes, fixed, starts, lengths, first, rows):
    """Where the values of these rows begin and how long they are; `count_rows` has seen that the rows are whole."""
    columns = len(prefixes)
    for row in range(first, first + rows):
        for column in range(columns):
            prefix = prefixes[column]
            length = fixed[column]
            if prefix == 1:
                if data[at] == 255:
                    length = -1
            elif prefix == 2:
                length = data[at] + 256 * data[at + 1]
                if length == 65535:
                    length = -1
            elif prefix >= 4:
                length = data[at] + 256 * data[at + 1] + 65536 * data[at + 2] + 16777216 * data[at + 3]
                if length == 4294967295:
                    length = -1
            at += prefix
            starts[column, row] = at
            lengths[column, row] = length
            if length > 0:
                at += length
    return at


@compiled
def gather_numbers(data, starts, lengths, offset, width, big, out):
    """The numbers of that width that stand at that offset in the values that are there; in 64 bits, whatever their sign."""
    count = 0
    for row in range(len(starts)):
        if lengths[row] < 0:
            continue
        at = np.uint64(starts[row] + offset)
        number = np.uint64(0)
        if big:
            for byte in range(width):
                number = (number << EIGHT) | data[at + np.uint64(byte)]
        elif width == 4:
            number = data[at] | (np.uint64(data[at + ONE]) << EIGHT) | (np.uint64(data[at + TWO]) << SIXTEEN)
            number |= np.uint64(data[at + THREE]) << TWENTY_FOUR
        else:
            for byte in range(width):
                number |= np.uint64(data[at + np.uint64(byte)]) << np.uint64(8 * byte)
        out[count] = np.int64(number)
        count += 1


@compiled
def gather_bytes(data, starts, lengths, out):
    """The values back to back."""
    at = np.uint64(0)
    for row in range(len(starts)):
        start = np.uint64(starts[row])
        for byte in range(lengths[row]):
            out[at] = data[start + np.uint64(byte)]
            at += ONE


@compiled
def gather_text(data, starts, lengths, low, high):
    """Low and high bytes of the characters, each back to back; whether a high one is not zero."""
    at = np.uint64(0)
    seen = 0
    for row in range(len(starts)):
        start = np.uint64(starts[row])
        for character in range(lengths[row] // 2):
            place = start + np.uint64(2 * character)
            low[at] = data[place]
            upper = data[place + ONE]
            high[at] = upper
            seen |= upper
            at += ONE
    return seen


@compiled
def place_cells(lengths, prefixes, at, first, rows, starts):
    """Where the prefixes of these rows' values go, the first row at `at`; where the last row ends."""
    columns = len(prefixes)
    for row in range(first, first + rows):
        for column in range(columns):
            starts[column, row] = at
            at += prefixes[column]
            if lengths[column, row] > 0:
                at += lengths[column, row]
    return at


@compiled
def scatter_planes(out, starts, lengths, prefix, planes):
    """Puts values of one length, given by planes, behind the places of their prefixes."""
    width = len(planes)
    count = np.uint64(0)
    for row in range(len(starts)):
        if lengths[row] >= 0:
            start = np.uint64(starts[row] + prefix)
            for byte in range(width):
                out[start + np.uint64(byte)] = planes[byte, count]
            count += ONE


@compiled
def scatter_text(out, starts, lengths, prefix, low, high):
    """Puts characters in their places; an empty `high` stands for zeros."""
    at = np.uint64(0)
    wide = len(high) > 0
    for row in range(len(starts)):
        start = np.uint64(starts[row] + prefix)
        for character in range(lengths[row] // 2):
            place = start + np.uint64(2 * character)
            out[place] = low[at]
            out[place + ONE] = high[at] if wide else 0
            at += ONE


@compiled
def scatter_bytes(out, starts, lengths, prefix, values, places):
    """Puts each value, which lies in `values` at its place, behind the place of its prefix."""
    for row in range(len(starts)):
        start = np.uint64(starts[row] + prefix)
        place = np.uint64(places[row])
        for byte in range(lengths[row]):
            out[start + np.uint64(byte)] = values[place + np.uint64(byte)]


@compiled
def scatter_prefixes(out, starts, lengths, prefix):
    """Puts the prefixes in their places."""
    for row in range(len(starts)):
        start = starts[row]
        length = lengths[row]
        if length < 0:
            for byte in range(prefix):
                out[start + byte] = 255
        else:
            for byte in range(min(prefix, 4)):
                out[start + byte] = (length >> 8 * byte) & 255
            for byte in range(4, prefix):
                out[start + byte] = 0
