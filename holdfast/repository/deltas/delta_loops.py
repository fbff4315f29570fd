"""The loops of a delta: walks a new stream along an old one and tells which bytes are the old ones.

Positions in the old stream are absolute; `old` is the part of it that begins at `base`. Equal bytes are walked over in
step. Where they stop being equal there are two guesses. The bytes were changed in place: the same step is right again a
little further on. Or rows came or went: then a table of hashes of the old bytes ahead says where the new bytes go on. A
guess counts for what it matches, so that rows which merely resemble each other do not lead astray.
"""

from __future__ import annotations

import numpy as np

from holdfast.bacpac.compiled import compiled

#: log2 of the entries of the table of hashes; an entry stands for STRIDE bytes of the old stream.
TABLE_BITS = 16
STRIDE = 16
#: Bytes of the old stream beside each other that are hashed.
HASHED = 16
#: A match shorter than this is not worth a jump; on the same step, not worth leaving the literal.
SHORTEST_JUMP, SHORTEST_STEP = 32, 12
#: Nearer than CLOSE the shortest jump is enough; a far one must match as much as FAR_MATCH, one between a third of it:
#: rows resemble each other, and whoever jumps far for a resemblance does not find back.
CLOSE, REACH, FAR_MATCH = 4 << 10, 64 << 10, 384
#: Bytes after a change in which the same step is tried; and the most that a guess is measured.
NEAR, MEASURED = 512, 1024
#: A guess that matches this much is taken without asking for a better one.
SURE = 256
#: Bytes that an anchor stands for.
ANCHOR, FIRST_BITS = 40, 6
#: How far ahead of the walk the old stream is put into the table.
AHEAD = 256 << 10
#: A table's entry this far behind the walk may be overwritten.
BEHIND = 16 << 10

_K1, _K2 = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)
_SHIFT = np.uint64(64 - TABLE_BITS)


@compiled
def load8(data, at):  # type: ignore[no-untyped-def]
    """Eight bytes as a number. (Unsigned indices: numba would ask of each signed one whether it counts from the end.)"""
    n = np.uint64(at)
    return (
        np.uint64(data[n])
        | (np.uint64(data[n + np.uint64(1)]) << np.uint64(8))
        | (np.uint64(data[n + np.uint64(2)]) << np.uint64(16))
        | (np.uint64(data[n + np.uint64(3)]) << np.uint64(24))
        | (np.uint64(data[n + np.uint64(4)]) << np.uint64(32))
        | (np.uint64(data[n + np.uint64(5)]) << np.uint64(40))
        | (np.uint64(data[n + np.uint64(6)]) << np.uint64(48))
        | (np.uint64(data[n + np.uint64(7)]) << np.uint64(56))
    )


@compiled
def equal_bytes(a, i, b, j, most):  # type: ignore[no-untyped-def]
    """How many bytes from `i` in `a` and `j` in `b` are equal, at most `most`."""
    n = 0
    while n + 8 <= most and load8(a, i + n) == load8(b, j + n):
        n += 8
    while n < most and a[i + n] == b[j + n]:
        n += 1
    return n


@compiled
def _hash(data, at):  # type: ignore[no-untyped-def]
    return ((load8(data, at) * _K1) ^ (load8(data, at + 8) * _K2)) >> _SHIFT


@compiled
def walk(new, i, stop, old, base, more, j, table, inserted, copies):  # type: ignore[no-untyped-def]  # noqa: C901
    """Walks `new` from `i` to `stop` along the old stream from `j`; bytes of `new` from `stop` on are only looked at.

    `copies` takes rows of (literal bytes, old position, equal bytes). Returns how many rows there are, where the literal
    that is open begins, and `i`, `j`, `inserted` as they are now. It ends early where `copies` is full, and where the walk
    comes to the end of `old` while the old stream has `more`.
    """
    lit = i
    count = 0
    end, old_end = len(new), base + len(old)
    while i < stop and count + NEAR < len(copies) and not (more and j + MEASURED > old_end):
        # In step.
        if base <= j < old_end:
            n = equal_bytes(new, i, old, j - base, min(stop - i, old_end - j))
            # A short match counts too where it goes on from the last one, or up to where this walk ends.
            if n >= SHORTEST_STEP or (n > 0 and (i + n == stop or (i == lit and count))):
                copies[count, 0], copies[count, 1], copies[count, 2] = i - lit, j, n
                count += 1
                i += n
                j += n
                lit = i
                if i >= stop:
                    break
        # A change in place?
        step, sure = 0, 0
        most = min(NEAR, end - i, old_end - j) if j >= base else 0
        d = 1
        while d + SHORTEST_JUMP <= most:
            if load8(new, i + d) == load8(old, j - base + d):
                n = equal_bytes(new, i + d, old, j - base + d, min(MEASURED, end - i - d, old_end - j - d))
                if n >= SHORTEST_JUMP:
                    step, sure = d, n
                    break
                d += n
            else:
                d += 1
        # Or a jump? The table follows the walk.
        best, best_i, best_j, gain = 0, 0, 0, -end
        if sure < SURE:
            if inserted < j - BEHIND or inserted < base:
                inserted = max(j - BEHIND, base)
                inserted += (-inserted) % STRIDE
            ahead = min(j + AHEAD, old_end - HASHED)
            while inserted <= ahead:
                slot = _hash(old, inserted - base)
                if table[slot] < j - BEHIND or table[slot] > inserted:
                    table[slot] = inserted
                inserted += STRIDE
            p, tried = i, old_end
            last = min(i + NEAR if step else stop, end - HASHED + 1)
            while p < last:
                q = table[_hash(new, p)]
                if base <= q <= old_end - HASHED and q - p != tried:
                    tried = q - p
                    n = equal_bytes(new, p, old, q - base, min(MEASURED, end - p, old_end - q))
                    if n >= HASHED:
                        back = 0
                        while p - back > lit and q - back > base and new[p - back - 1] == old[q - back - 1 - base]:
                            back += 1
                        distance = abs((q - p) - (j - i))
                        least = SHORTEST_JUMP
                        if distance > CLOSE:
                            least = FAR_MATCH if distance > REACH else FAR_MATCH // 3
                        # Of two that match alike the one that comes first is the one.
                        if n + back >= least and n + 2 * back - (p - i) > gain:
                            best, best_i, best_j = n + back, p - back, q - back
                            gain = best - (best_i - i)
                            if best >= SURE:
                                break
                if best and p >= best_i + best:
                    break
                p += 1
            # A jump to where the walk stands is none: it would never end.
            if best and best >= 2 * sure and (best_i != i or best_j != j):
                i, j = best_i, best_j
                continue
        if step:
            # What is equal between here and there, at the same step.
            d = 0
            while d < step:
                n = equal_bytes(new, i + d, old, j - base + d, step - d)
                if n >= SHORTEST_STEP:
                    copies[count, 0], copies[count, 1], copies[count, 2] = i + d - lit, j + d, n
                    count += 1
                    lit = i + d + n
                d += n + 1
            i += step
            j += step
            continue
        # Neither: literal up to the end.
        i = stop
    return count, lit, i, j, inserted


@compiled
def anchors(data, bits, places, keys):  # type: ignore[no-untyped-def]
    """Places that the bytes themselves choose, about one of 2**bits, and a key of the bytes there; returns how many.

    Equal bytes have equal anchors wherever they lie. What eight bytes choose first, forty must confirm: eight that stand in
    every row do not make every row an anchor.
    """
    count = 0
    mask = (np.uint64(1) << np.uint64(bits - FIRST_BITS)) - np.uint64(1)
    for at in range(len(data) - ANCHOR + 1):
        if (load8(data, at) * _K1) >> np.uint64(64 - FIRST_BITS) == 0:
            key = np.uint64(0)
            for k in range(0, ANCHOR, 8):
                key = (key ^ load8(data, at + k)) * _K2
                key ^= key >> np.uint64(29)
            if (key >> np.uint64(20)) & mask == 0:
                places[count], keys[count] = at, key
                count += 1
                if count == len(places):
                    break
    return count


@compiled
def equal_before(a, i, b, j, most):  # type: ignore[no-untyped-def]
    """How many bytes before `i` in `a` and before `j` in `b` are equal, at most `most`."""
    n = 0
    while n < most and a[i - n - 1] == b[j - n - 1]:
        n += 1
    return n
