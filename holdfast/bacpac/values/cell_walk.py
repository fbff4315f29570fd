# mypy: allow-untyped-defs
"""The loop that finds where each value of each row lies."""

from __future__ import annotations

from holdfast.bacpac.compiled import compiled

# Why the walk stopped, and places in its answer.
MORE, FULL, NULL, LENGTH = 0, 1, 2, 3
ROWS, COLUMN, SAID = range(3)


_IN_CHUNKS = -2


@compiled
def join_chunks(data, start):
    """Moves a value's chunks together, to where the first one's length stands; returns the value's length."""
    put, at, size = start, start, 1
    while size > 0:
        size = data[at] + 256 * data[at + 1] + 65536 * data[at + 2] + 16777216 * data[at + 3]
        at += 4
        for byte in range(size):
            data[put + byte] = data[at + byte]
        put += size
        at += size
    return put - start


@compiled
def find_cells(data, end, prefixes, fixed, longest, nullable, starts, lengths, ends, answer):  # noqa: C901
    """Fills `starts` and `lengths` (of columns by rows; length -1: NULL) and `ends` for the whole rows in `data[:end]`.

    A value that came in chunks is moved together in place, so `data` is changed between its rows' values. Returns MORE
    where the data ends, FULL where there is no room for another row, NULL or LENGTH for what contradicts the columns.
    """
    columns = len(prefixes)
    room = starts.shape[1]
    at, row = 0, 0
    while row < room:
        for column in range(columns):
            prefix = prefixes[column]
            length = fixed[column]
            if end - at < prefix:
                answer[ROWS], answer[COLUMN] = row, column
                return MORE
            null = False
            chunks = False
            if prefix == 1:
                length = data[at] * 1
                null = length == 255
            elif prefix == 2:
                length = data[at] + 256 * data[at + 1]
                null = length == 65535
            elif prefix >= 4:
                length = data[at] + 256 * data[at + 1] + 65536 * data[at + 2] + 16777216 * data[at + 3]
                null = length == 4294967295
                if prefix == 8:
                    high = data[at + 4] + 256 * data[at + 5] + 65536 * data[at + 6] + 16777216 * data[at + 7]
                    chunks = high == 4294967295 and length == 4294967294
                    null = null and high == 4294967295
                    if high != 0 and not null and not chunks:
                        answer[ROWS], answer[COLUMN], answer[SAID] = row, column, high
                        return LENGTH
            at += prefix
            if chunks:
                starts[column, row] = at
                lengths[column, row] = _IN_CHUNKS
                size = 1
                while size > 0:
                    if end - at < 4:
                        answer[ROWS], answer[COLUMN] = row, column
                        return MORE
                    size = data[at] + 256 * data[at + 1] + 65536 * data[at + 2] + 16777216 * data[at + 3]
                    at += 4
                    if end - at < size:
                        answer[ROWS], answer[COLUMN] = row, column
                        return MORE
                    at += size
                continue
            if null:
                if nullable[column] == 0:
                    answer[ROWS], answer[COLUMN] = row, column
                    return NULL
                starts[column, row] = at
                lengths[column, row] = -1
                continue
            if prefix > 0 and (
                (fixed[column] >= 0 and length != fixed[column]) or (longest[column] >= 0 and length > longest[column])
            ):
                answer[ROWS], answer[COLUMN], answer[SAID] = row, column, length
                return LENGTH
            if end - at < length:
                answer[ROWS], answer[COLUMN] = row, column
                return MORE
            starts[column, row] = at
            lengths[column, row] = length
            at += length
        # Only of a row that is whole: one that is not is read again from its start.
        for column in range(columns):
            if lengths[column, row] == _IN_CHUNKS:
                lengths[column, row] = join_chunks(data, starts[column, row])
        ends[row] = at
        row += 1
    answer[ROWS] = row
    return FULL


@compiled
def pack_rows(data, starts, lengths, wanted, out, ends):
    """Puts of each row the values of the columns `wanted`: four bytes of length (all ones: NULL), then the value.

    Returns the bytes put; where `out` is empty, how many there would be.
    """
    at = 0
    counting = len(out) == 0
    for row in range(starts.shape[1]):
        for column in wanted:
            length = lengths[column, row]
            if counting:
                at += 4 + max(length, 0)
                continue
            for byte in range(4):
                out[at + byte] = (length >> (8 * byte)) & 255
            at += 4
            start = starts[column, row]
            for byte in range(length):
                out[at + byte] = data[start + byte]
            at += max(length, 0)
        if not counting:
            ends[row] = at
    return at
