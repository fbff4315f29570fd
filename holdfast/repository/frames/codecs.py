"""How the bytes of a frame are made from the bytes of its chunks: one codec byte, then the coded bytes.

Packs, index and recipes carry any codec. Codec 2 (a frame coded with earlier chunks as prefix) has its number.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum

from holdfast.model.errors import Damaged
from holdfast.repository.errors import NewerFormat
from holdfast.repository.frames.typed_frames import decode_typed
from holdfast.repository.frames.zstd_frames import compress, decompress

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
    packed = compress(plain, level)
    if len(packed) < len(plain):
        return bytes((Codec.ZSTD,)) + packed
    return bytes((Codec.PLAIN,)) + plain


def _plain(coded: memoryview, most: int, name: str) -> Plain:
    if len(coded) > most:
        raise Damaged(f"{name}: a frame is longer than it says")
    return coded


#: From codec to decoder: coded bytes, the most that may come of them, name for messages.
DECODERS: dict[int, Callable[[memoryview, int, str], Plain]] = {
    Codec.PLAIN: _plain,
    Codec.ZSTD: decompress,
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
