# mypy: allow-untyped-defs
"""The walk over rows: one loop, compiled where it can be. `RowCounter` is its face.

How a length is read stands in the loops of frames as well, on purpose: machine code is kept beside the file that its loop
stands in, and would not be made anew where a loop of another file, that it calls, has changed. A test holds them together.
"""

from __future__ import annotations

from holdfast.bacpac.compiled import compiled

#: Longer than any data: a value that says it is longer never ends.
_ENDLESS = 1 << 62


@compiled
def walk(data, prefixes, fixed, longest, nullable, state):  # noqa: C901
    """Passes over the piece. `fixed`, `longest` are -1 where they do not bound. 0, or 1: a NULL, 2: a length that cannot be.

    `state` carries over what is not whole at the end of the piece: column, rows, bytes to be passed, whether in chunks. It
    answers where the walk stopped, where the last row ended and the first began (-1: none did), and the wrong length.

    Lengths are put together by sums and products: these stay signed 64-bit numbers in numba whatever the bytes' type.
    """
    end = len(data)
    last = len(prefixes)
    step, rows, at, in_chunks = state[0], state[1], state[2], state[3]
    ended = -1
    began = -1
    while at <= end:
        if step == last:
            rows += 1
            step = 0
            ended = at
            if began < 0 and at < end:
                began = at
        prefix = 4 if in_chunks else prefixes[step]
        if at == end or end - at < prefix:
            break
        if prefix == 0:
            at += fixed[step]
            step += 1
            continue
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
                if high == 4294967295 and length == 4294967294:
                    at += 8
                    in_chunks = 1
                    continue
                null = null and high == 4294967295
                length = length + 4294967296 * high if high < 1073741824 else _ENDLESS
        if in_chunks:
            at += prefix + length
            if length == 0:
                in_chunks = 0
                step += 1
            continue
        if null:
            if nullable[step] == 0:
                state[0], state[1] = step, rows
                return 1
            length = 0
        elif (fixed[step] >= 0 and length != fixed[step]) or (longest[step] >= 0 and length > longest[step]):
            state[0], state[1], state[7] = step, rows, length
            return 2
        at += prefix + length
        step += 1
    state[0], state[1], state[2], state[3] = step, rows, max(at - end, 0), in_chunks
    state[4], state[5], state[6] = at, ended, began
    return 0
