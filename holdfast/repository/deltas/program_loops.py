"""The loops of programs: numbers as varints, extents through one level of sources, bytes gathered into place."""

from __future__ import annotations

import numpy as np

from holdfast.bacpac.compiled import compiled

#: A varint of a 64-bit number takes at most this.
VARINT_BYTES = 10


@compiled
def put_varint(out, at, value):  # type: ignore[no-untyped-def]
    """Writes a number that is not negative, seven bits a byte, the lowest first; returns the place after it."""
    while value >= 128:
        out[at] = (value & 127) | 128
        value >>= 7
        at += 1
    out[at] = value
    return at + 1


@compiled
def take_varint(data, at):  # type: ignore[no-untyped-def]
    """The number at a place and the place after it; -1 as the place where there is none."""
    value, shift = np.int64(0), 0
    while at < len(data) and shift < 63:
        byte = np.int64(data[at])
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
    return np.int64(0), -1


@compiled
def encode_ops(source, offset, length, cursors, last, out):  # type: ignore[no-untyped-def]
    """Writes the lengths of all operations, then their skips; returns the bytes written. Moves the cursors."""
    at = 0
    for k in range(len(source)):
        at = put_varint(out, at, length[k])
    for k in range(len(source)):
        s = source[k]
        skip = offset[k] - cursors[s]
        at = put_varint(out, at, (skip << 1) ^ (skip >> 63))
        cursors[s] = offset[k] + length[k]
        if s == last and last > 0:
            cursors[0] += length[k]
    return at


@compiled
def decode_ops(data, at, source, cursors, last, offset, length):  # type: ignore[no-untyped-def]
    """The inverse; returns the place after the last number, or -1 where the data is cut short or a number is wrong."""
    for k in range(len(source)):
        length[k], at = take_varint(data, at)
        if at < 0 or length[k] <= 0:
            return -1
    for k in range(len(source)):
        s = source[k]
        coded, at = take_varint(data, at)
        if at < 0:
            return -1
        offset[k] = cursors[s] + ((coded >> 1) ^ -(coded & 1))
        if offset[k] < 0:
            return -1
        cursors[s] = offset[k] + length[k]
        if s == last and last > 0:
            cursors[0] += length[k]
    return at


@compiled
def operations_of(copies, literal_at, run_at, long, source, offset, length):  # type: ignore[no-untyped-def]
    """Rows of a walk (literal bytes, old position, equal bytes) as operations.

    Source 0 is the old stream, 2 the literals, 1 those of at least `long` bytes, the runs. What goes on where the last
    one ended becomes one with it. Returns how many operations there are.
    """
    n = 0
    for k in range(len(copies)):
        if copies[k, 0] >= long:
            source[n], offset[n], length[n] = 1, run_at, copies[k, 0]
            run_at += copies[k, 0]
            n += 1
        elif copies[k, 0] > 0:
            source[n], offset[n], length[n] = 2, literal_at, copies[k, 0]
            literal_at += copies[k, 0]
            n += 1
        if copies[k, 2] > 0:
            if n > 0 and source[n - 1] == 0 and offset[n - 1] + length[n - 1] == copies[k, 1]:
                length[n - 1] += copies[k, 2]
            else:
                source[n], offset[n], length[n] = 0, copies[k, 1], copies[k, 2]
                n += 1
    return n


@compiled
def through(offset, length, first, count, inner_start, inner_source, inner_offset, inner_length, leaf, out):  # type: ignore[no-untyped-def]
    """Puts what each extent stands for in its place.

    Extent k lies in the inner extents `first[k]` to `first[k] + count[k]`, whose places in the extent's own stream begin at
    `inner_start`; where `count[k]` is 0 it is final already, of source `leaf[k]`. `out` takes rows of (source, offset,
    length); neighbours that go on become one. Returns how many rows there are, or -1 where an extent is not covered or
    `out` is full.
    """
    n = 0
    for k in range(len(offset)):
        at, left = offset[k], length[k]
        if n == len(out):
            return -1
        if count[k] == 0:
            if n > 0 and out[n - 1, 0] == leaf[k] and out[n - 1, 1] + out[n - 1, 2] == at:
                out[n - 1, 2] += left
            else:
                out[n, 0], out[n, 1], out[n, 2] = leaf[k], at, left
                n += 1
            continue
        low, high = first[k], first[k] + count[k]
        end = high
        while high - low > 1:
            middle = (low + high) // 2
            if inner_start[middle] <= at:
                low = middle
            else:
                high = middle
        while left > 0:
            if n == len(out) or low >= end or at < inner_start[low] or at >= inner_start[low] + inner_length[low]:
                return -1
            within = at - inner_start[low]
            take = min(left, inner_length[low] - within)
            begin = inner_offset[low] + within
            if n > 0 and out[n - 1, 0] == inner_source[low] and out[n - 1, 1] + out[n - 1, 2] == begin:
                out[n - 1, 2] += take
            else:
                out[n, 0], out[n, 1], out[n, 2] = inner_source[low], begin, take
                n += 1
            at += take
            left -= take
            low += 1
    return n


@compiled
def gather(data, offset, length, place, out):  # type: ignore[no-untyped-def]
    """Copies the extents of `data` to their places in `out`."""
    for k in range(len(offset)):
        begin, size, at = offset[k], length[k], place[k]
        out[at : at + size] = data[begin : begin + size]
