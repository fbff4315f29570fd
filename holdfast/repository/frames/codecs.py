"""How the bytes of a frame are made from the bytes of its chunks: one codec byte, then the coded bytes.

Packs, index and recipes carry any codec. Codec 2 (a frame coded with earlier chunks as prefix) has its number.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum

from backports import zstd

from holdfast.model.errors import Damaged
from holdfast.repository.errors import NewerFormat
from holdfast.repository.frames.typed_frames import decode_typed

#: Level of the compressor: 266 MB/s a core, and what restic and borg are at by default.
LEVEL = 3


#: Whoever decodes gigabytes does not copy them once more to make `bytes` of them.
Plain = bytes | memoryview


class Codec(IntEnum):
    """Numbers of codecs; they are in the format and are never given another meaning."""

    PLAIN = 0
    ZSTD = 1
    ZSTD_PREFIX = 2  # reserved
    TYPED_COLUMNS = 3


def encode_frame(plain: bytes, level: int = LEVEL) -> bytes:
    """A frame of the bytes: compressed where that saves anything."""
    packed = zstd.compress(plain, level=level)
    if len(packed) < len(plain):
        return bytes((Codec.ZSTD,)) + packed
    return bytes((Codec.PLAIN,)) + plain


def _plain(coded: memoryview, most: int, name: str) -> Plain:
    if len(coded) > most:
        raise Damaged(f"{name}: a frame is longer than it says")
    return coded


def _zstd(coded: memoryview, most: int, name: str) -> Plain:
    decompressor = zstd.ZstdDecompressor()
    try:
        plain = decompressor.decompress(coded, max_length=most + 1)
    except zstd.ZstdError:
        raise Damaged(f"{name}: a frame cannot be decompressed") from None
    if len(plain) > most:
        raise Damaged(f"{name}: a frame is longer than it says")
    if not decompressor.eof or decompressor.unused_data:
        raise Damaged(f"{name}: a frame is cut short or has something after its end")
    return plain


#: From codec to decoder: coded bytes, the most that may come of them, name for messages.
DECODERS: dict[int, Callable[[memoryview, int, str], Plain]] = {
    Codec.PLAIN: _plain,
    Codec.ZSTD: _zstd,
    Codec.TYPED_COLUMNS: decode_typed,
}


def decode_frame(frame: bytes, most: int, name: str) -> Plain:
    """The plain bytes of a frame, at most `most`; they cannot be written to. Raises Damaged; NewerFormat for a codec that
    is not known.
    """
    if not frame:
        raise Damaged(f"{name}: a frame is empty")
    decoder = DECODERS.get(frame[0])
    if decoder is None:
        raise NewerFormat(f"{name} has a frame of codec {frame[0]}, which this program does not know")
    return decoder(memoryview(frame)[1:], most, name)
