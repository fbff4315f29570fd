# mypy: allow-untyped-defs
"""The loops that gather values of different lengths: bytes as they are, UTF-16 as UTF-8."""

from __future__ import annotations

from holdfast.bacpac.compiled import compiled


@compiled
def gather(data, starts, lengths, out, offsets):
    """Puts the values back to back; `offsets` has a place more than there are values."""
    at = 0
    offsets[0] = 0
    for row in range(len(starts)):
        start = starts[row]
        for byte in range(max(lengths[row], 0)):
            out[at] = data[start + byte]
            at += 1
        offsets[row + 1] = at


@compiled
def utf8(data, starts, lengths, out, offsets):
    """Puts texts as UTF-8 back to back and returns its bytes and how many halves of surrogate pairs stood alone.

    Such a half becomes U+FFFD: UTF-8 has no way to write it. `out` needs three bytes for each two of a text.
    """
    at, alone = 0, 0
    offsets[0] = 0
    for row in range(len(starts)):
        place = starts[row]
        end = place + max(lengths[row], 0)
        while place + 1 < end:
            code = data[place] + 256 * data[place + 1]
            place += 2
            if 0xD800 <= code < 0xE000:
                low = 0
                if code < 0xDC00 and place + 1 < end:
                    low = data[place] + 256 * data[place + 1]
                if 0xDC00 <= low < 0xE000:
                    code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00)
                    place += 2
                else:
                    code = 0xFFFD
                    alone += 1
            if code < 0x80:
                out[at] = code
                at += 1
            elif code < 0x800:
                out[at] = 0xC0 | (code >> 6)
                out[at + 1] = 0x80 | (code & 0x3F)
                at += 2
            elif code < 0x10000:
                out[at] = 0xE0 | (code >> 12)
                out[at + 1] = 0x80 | ((code >> 6) & 0x3F)
                out[at + 2] = 0x80 | (code & 0x3F)
                at += 3
            else:
                out[at] = 0xF0 | (code >> 18)
                out[at + 1] = 0x80 | ((code >> 12) & 0x3F)
                out[at + 2] = 0x80 | ((code >> 6) & 0x3F)
                out[at + 3] = 0x80 | (code & 0x3F)
                at += 4
        offsets[row + 1] = at
    return at, alone
