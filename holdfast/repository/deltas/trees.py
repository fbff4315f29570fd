"""Trees: a stream as lists of chunk ids, and lists of those lists, up to one id.

Equal streams have equal roots; a changed stream shares every node beside the change.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from holdfast.model.errors import Damaged
from holdfast.repository.deltas.chunks import ID_BYTES

#: A node ends after a child whose id begins with a byte below ENDS_BELOW (1 of 128), but not before LEAST children and at
#: the latest after MOST.
ENDS_BELOW, LEAST, MOST = 2, 16, 512
MAX_LEVEL = 12
#: The level of a stream that is a program (programs.py): its root is the program's node, no tree.
PROGRAM = 255
_HEAD = struct.Struct("<BL")


@dataclass(frozen=True)
class StreamRef:
    """Names a stream: its length, and the root of its tree or program. Level 0: the root is the only chunk."""

    length: int
    level: int
    root: bytes  # empty for an empty stream

    def to_json(self) -> dict[str, object]:
        """As recipes and manifests hold it."""
        return {"bytes": self.length, "level": self.level, "root": self.root.hex()}

    @classmethod
    def from_json(cls, value: dict[str, object], name: str) -> StreamRef:
        """Raises Damaged."""
        try:
            ref = cls(int(str(value["bytes"])), int(str(value["level"])), bytes.fromhex(str(value["root"])))
        except (KeyError, ValueError):
            raise Damaged(f"{name}: a stream is not named as one") from None
        if not ref.plausible:
            raise Damaged(f"{name}: a stream is not named as one")
        return ref

    @property
    def plausible(self) -> bool:
        """Whether it can name a stream at all."""
        known = 0 <= self.level <= MAX_LEVEL or self.level == PROGRAM
        return known and self.length >= 0 and len(self.root) == (ID_BYTES if self.length else 0)


@dataclass(frozen=True)
class Child:
    """A child of a node: a chunk or a node, and the bytes of the stream that it stands for."""

    id: bytes
    length: int


class TreeBuilder:
    """Builds the tree of one stream while its chunks come. Memory: MOST children a level."""

    def __init__(self, put_node: Callable[[bytes], bytes]) -> None:
        """`put_node` stores a node as a recipe chunk and returns its id."""
        self._put_node = put_node
        self._levels: list[list[Child]] = [[]]
        self._length = 0

    def add(self, chunk: bytes, length: int) -> None:
        """The next chunk of the stream."""
        self._length += length
        self._push(0, Child(chunk, length))

    def finish(self) -> StreamRef:
        """The stream's name."""
        level = 0
        while level < len(self._levels):
            waiting = self._levels[level]
            if level == len(self._levels) - 1 and len(waiting) == 1:
                return StreamRef(self._length, level, waiting[0].id)
            if waiting:
                self._close(level)
            level += 1
        return StreamRef(0, 0, b"")

    def _push(self, level: int, child: Child) -> None:
        if level == len(self._levels):
            self._levels.append([])
        waiting = self._levels[level]
        waiting.append(child)
        if len(waiting) >= MOST or (len(waiting) >= LEAST and child.id[0] < ENDS_BELOW):
            self._close(level)

    def _close(self, level: int) -> None:
        children, self._levels[level] = self._levels[level], []
        node = encode_node(level + 1, children)
        self._push(level + 1, Child(self._put_node(node), sum(child.length for child in children)))


def encode_node(level: int, children: list[Child]) -> bytes:
    """A node's bytes."""
    lengths = np.array([child.length for child in children], dtype="<u8").tobytes()
    return _HEAD.pack(level, len(children)) + b"".join(child.id for child in children) + lengths


def node_table(data: bytes, level: int, name: str) -> tuple[bytes, np.ndarray]:
    """The ids of a node's children, back to back, and where each ends in the node's part of the stream.

    Raises Damaged where it is no node of that level.
    """
    try:
        told, count = _HEAD.unpack_from(data)
        begin = _HEAD.size + ID_BYTES * count
        if told != level or len(data) != begin + 8 * count or not count:
            raise ValueError
    except (struct.error, ValueError):
        raise Damaged(f"{name}: a node of a tree is not one") from None
    ends = np.cumsum(np.frombuffer(data, "<u8", count, begin), dtype=np.int64)
    return data[_HEAD.size : begin], ends
