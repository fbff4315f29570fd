"""Codec 3: a frame whose rows are taken apart into columns, and each column is compressed by itself.

Exactly reversible for any bytes: what does not follow a shape (the end of a row that began in another frame, a row that
is cut, rows that contradict the shape, bytes of no known shape) is kept as it is. Loops and numba are loaded with the first
frame: who only lists points must not wait for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from holdfast.bacpac.compiled import COMPILED


@dataclass(frozen=True)
class RowSpan:
    """A run of one stream's bytes inside a frame; spans lie back to back and fill the frame."""

    length: int
    shape: bytes | None
    """An encoded RowShape; None: bytes of no known shape."""
    row_start: int
    """Offset in the span of the first byte that begins a row; `length` where none does."""


def encode_typed(plain: bytes, spans: Sequence[RowSpan], level: int) -> bytes | None:
    """Coded bytes; None where there are no rows to take apart, where plain zstd is as good, or where numba is missing."""
    if not COMPILED or all(span.shape is None for span in spans):
        return None
    from holdfast.repository.frames.typed_encoding import encode

    return encode(plain, spans, level)


def decode_typed(coded: bytes | memoryview, most: int, name: str) -> memoryview:
    """The bytes that were encoded. Raises Damaged for anything else, and where they are more than `most`."""
    from holdfast.repository.frames.typed_decoding import decode

    return decode(coded, most, name)
