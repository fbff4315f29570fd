"""The groups of a typed frame: what columns are made of lies back to back in them, each compressed by itself.

A long stream of bytes is a group of its own, so that one column can be read without the others; short ones of the same
kind share a group, for a few hundred bytes compress badly alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.model.errors import Damaged
from holdfast.repository.frames.zstd_frames import compress, decompress
from holdfast.repository.varints import VarintReader, varint

Bytes = NDArray[np.uint8]
Stream = tuple[int, int, int]
"""Group, offset in it, length."""

#: A stream of so many bytes is a group of its own.
ALONE = 2048


class Content(Enum):
    """What a stream holds: which short ones share a group."""

    RAW = 0
    TEXT = 1
    LENGTHS = 2
    LOW_PLANE = 3
    PLANES = 4
    BYTES = 5


class GroupWriter:
    """Takes streams; then `encode`."""

    def __init__(self) -> None:
        self._groups: list[list[Any]] = []
        self._shared: dict[Content, int] = {}

    def put(self, stream: Bytes | bytes, content: Content) -> int:
        """The number of the group that the stream was put into, behind what is in it."""
        if len(stream) >= ALONE:
            self._groups.append([stream])
            return len(self._groups) - 1
        number = self._shared.setdefault(content, len(self._groups))
        if number == len(self._groups):
            self._groups.append([])
        self._groups[number].append(stream)
        return number

    def encode(self, level: int) -> tuple[bytes, list[bytes]]:
        """The groups' table (count, then plain and stored bytes of each), and what is stored of them."""
        table = bytearray(varint(len(self._groups)))
        stored: list[bytes] = []
        for group in self._groups:
            plain = b"".join(group) if len(group) > 1 else group[0]
            packed = squeeze(plain, level)
            table += varint(len(plain)) + varint(len(packed))
            stored.append(packed)
        return bytes(table), stored


def squeeze(plain: Any, level: int) -> bytes:
    """Compressed; as it is, where that is not shorter: equal lengths say so."""
    packed = compress(plain, level)
    return packed if len(packed) < len(plain) else bytes(plain)


def expand(stored: bytes | memoryview, length: int, name: str) -> bytes:
    """The plain bytes of what `squeeze` made. Raises Damaged."""
    if len(stored) == length:
        return bytes(stored)
    plain = decompress(stored, length, name)
    if len(plain) != length:
        raise Damaged(f"{name}: a typed frame has a group that is not as long as it says")
    return plain


class GroupReader:
    """Reads streams from the groups, in the order in which they were put."""

    def __init__(self, table: Sequence[tuple[int, int]], stored: memoryview, name: str) -> None:
        self._name = name
        self._lengths = [plain for plain, _ in table]
        self._stored: list[memoryview] = []
        at = 0
        for _, length in table:
            self._stored.append(stored[at : at + length])
            at += length
        if at != len(stored):
            raise Damaged(f"{name}: a typed frame is not as long as its groups")
        self._taken = [0] * len(table)
        self._plain: dict[int, Bytes] = {}

    @classmethod
    def table(cls, reader: VarintReader, most: int, name: str) -> list[tuple[int, int]]:
        """The groups' table from a frame's head. Raises Damaged where they would come to more than `most`."""
        table = [(reader.varint(most), reader.varint(most)) for _ in range(reader.varint(most))]
        if sum(plain for plain, _ in table) > most:
            raise Damaged(f"{name}: a typed frame is longer than it says")
        return table

    def place(self, group: int, length: int) -> Stream:
        """Where the next stream of that group lies."""
        if group >= len(self._taken) or self._taken[group] + length > self._lengths[group]:
            raise Damaged(f"{self._name}: a typed frame has a stream that is in no group")
        at = self._taken[group]
        self._taken[group] = at + length
        return group, at, length

    def read(self, stream: Stream) -> Bytes:
        """The bytes of a stream; its group is decompressed when it is first asked for."""
        group, at, length = stream
        if not length:
            return np.empty(0, np.uint8)
        plain = self._plain.get(group)
        if plain is None:
            plain = np.frombuffer(expand(self._stored[group], self._lengths[group], self._name), np.uint8)
            self._plain[group] = plain
        return plain[at : at + length]

    def finish(self) -> None:
        """Raises Damaged where something was left."""
        if self._taken != self._lengths:
            raise Damaged(f"{self._name}: a typed frame has bytes that nothing describes")
