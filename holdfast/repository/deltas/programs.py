"""Programs: a stream as what it takes from other streams, which are trees or programs themselves.

A program's node is a recipe chunk: its sources, and the ids of its blocks. A block is a recipe chunk of operations, each
"so many bytes of that source from that place"; every block can be read alone.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from holdfast.model.errors import Damaged
from holdfast.repository.deltas.chunks import ID_BYTES
from holdfast.repository.deltas.trees import PROGRAM, StreamRef

MAX_SOURCES = 1024
#: Sources that one block may use: a byte names each.
MAX_USED = 255
#: Operations of a block: some 30 kB of metadata, and what is decoded to read a piece of the stream.
BLOCK_OPS = 8192
_HEAD = struct.Struct("<BBHL")
_SOURCE = struct.Struct("<QB16s")


@dataclass(frozen=True)
class Operations:
    """Operations in order: `length` bytes from `offset` of source number `source`."""

    source: np.ndarray  # int32
    offset: np.ndarray  # int64
    length: np.ndarray  # int64

    def __len__(self) -> int:
        return len(self.source)


@dataclass(frozen=True)
class Program:
    """A program's node. `ends[i]` is the length of the stream up to the end of block i."""

    depth: int
    sources: tuple[StreamRef, ...]
    blocks: tuple[bytes, ...]
    ends: np.ndarray

    def encode(self) -> bytes:
        """The node's bytes."""
        lengths = np.diff(self.ends, prepend=0).astype("<u8").tobytes()
        return b"".join(
            (
                _HEAD.pack(PROGRAM, self.depth, len(self.sources), len(self.blocks)),
                *(_SOURCE.pack(s.length, s.level, s.root.ljust(ID_BYTES, b"\0")) for s in self.sources),
                *self.blocks,
                lengths,
            )
        )

    @classmethod
    def decode(cls, data: bytes, length: int, name: str) -> Program:
        """Raises Damaged where it is no node of a program that makes `length` bytes."""
        try:
            level, depth, sources, blocks = _HEAD.unpack_from(data)
            at = _HEAD.size + _SOURCE.size * sources
            if (
                level != PROGRAM
                or not 1 <= sources <= MAX_SOURCES
                or len(data) != at + blocks * (ID_BYTES + 8)
                or not blocks
            ):
                raise ValueError
            refs = tuple(
                StreamRef(size, kind, root if size else b"")
                for size, kind, root in _SOURCE.iter_unpack(data[_HEAD.size : at])
            )
            ids = tuple(data[at + n * ID_BYTES : at + (n + 1) * ID_BYTES] for n in range(blocks))
            lengths = np.frombuffer(data, "<u8", blocks, at + blocks * ID_BYTES)
            ends = np.cumsum(lengths, dtype=np.uint64)
            if int(ends[-1]) != length or not all(ref.plausible for ref in refs):
                raise ValueError
        except (struct.error, ValueError):
            raise Damaged(f"{name}: a program of a stream is not one") from None
        return cls(depth, refs, ids, ends.astype(np.int64))


def encode_block(ops: Operations, last: int) -> bytes:
    """A block's bytes. `last` is the number of the program's last source."""
    from holdfast.repository.deltas.program_loops import VARINT_BYTES, encode_ops, put_varint

    used, first, position = np.unique(ops.source, return_index=True, return_inverse=True)
    if len(used) > MAX_USED:
        raise ValueError("too many sources in one block")
    cursors = np.zeros(last + 1, np.int64)
    cursors[used] = ops.offset[first]
    head = np.empty((2 + 2 * len(used)) * VARINT_BYTES, np.uint8)
    at = put_varint(head, 0, len(ops))
    at = put_varint(head, at, len(used))
    for number in used.tolist():
        at = put_varint(head, at, number)
        at = put_varint(head, at, int(cursors[number]))
    body = np.empty(2 * VARINT_BYTES * len(ops), np.uint8)
    size = encode_ops(ops.source, ops.offset, ops.length, cursors, last, body)
    return head[:at].tobytes() + position.astype(np.uint8).tobytes() + body[:size].tobytes()


def decode_block(data: bytes, program: Program, number: int, name: str) -> Operations:
    """The operations of block `number`. Raises Damaged where they do not make what the node says."""
    try:
        return _decoded(np.frombuffer(data, np.uint8), program, number)
    except (ValueError, IndexError, OverflowError):
        raise Damaged(f"{name}: a block of a program is not one") from None


def _decoded(data: np.ndarray, program: Program, number: int) -> Operations:
    from holdfast.repository.deltas.program_loops import decode_ops

    count, at = _number(data, 0)
    used, at = _number(data, at)
    if not 0 < count <= len(data) or not 0 < used <= MAX_USED:
        raise ValueError
    names = np.empty(used, np.int32)
    cursors = np.zeros(len(program.sources), np.int64)
    for k in range(used):
        names[k], at = _number(data, at)
        cursors[names[k]], at = _number(data, at)
    source = names[data[at : at + count]]
    if len(source) != count:
        raise ValueError
    ops = Operations(source, np.empty(count, np.int64), np.empty(count, np.int64))
    end = decode_ops(data, at + count, source, cursors, len(program.sources) - 1, ops.offset, ops.length)
    begin = int(program.ends[number - 1]) if number else 0
    sizes = np.array([ref.length for ref in program.sources], np.int64)
    if end != len(data) or int(ops.length.sum()) != int(program.ends[number]) - begin:
        raise ValueError
    if bool((ops.offset + ops.length > sizes[source]).any()):
        raise ValueError
    return ops


def _number(data: np.ndarray, at: int) -> tuple[int, int]:
    from holdfast.repository.deltas.program_loops import take_varint

    value, after = take_varint(data, at)
    if after < 0:
        raise ValueError
    return int(value), int(after)


class ProgramWriter:
    """Takes a stream's operations in order and writes them in blocks. Memory: one block's operations."""

    def __init__(self, put: Callable[[bytes], bytes], last: int) -> None:
        """`put` stores a recipe chunk and returns its id; `last` is the number of the last source."""
        self._put, self._last = put, last
        self._waiting: list[Operations] = []
        self._count = 0
        self._blocks: list[bytes] = []
        self._lengths: list[int] = []

    def add(self, ops: Operations) -> None:
        """The next operations; none of length 0."""
        self._waiting.append(ops)
        self._count += len(ops)
        if self._count >= 2 * BLOCK_OPS:
            self._write(everything=False)

    def takes_whole(self, source: StreamRef) -> bool:
        """Whether all that was added is source 0, which is `source`, as it is."""
        return self._whole_source([source]) is not None

    def finish(self, sources: Sequence[StreamRef], depth: int) -> StreamRef:
        """The program's name; of a program that takes one source as it is, that source's."""
        whole = self._whole_source(sources)
        if whole is not None:
            return whole
        self._write(everything=True)
        if not self._blocks:
            return StreamRef(0, 0, b"")
        program = Program(depth, tuple(sources), tuple(self._blocks), np.cumsum(self._lengths, dtype=np.int64))
        return StreamRef(int(program.ends[-1]), PROGRAM, self._put(program.encode()))

    def _whole_source(self, sources: Sequence[StreamRef]) -> StreamRef | None:
        if self._blocks or self._count == 0:
            return None
        self._waiting = [_merged(self._waiting)]
        (ops,) = self._waiting
        if int(ops.source[0]) >= len(sources):
            return None
        source = sources[int(ops.source[0])]
        if len(ops) == 1 and int(ops.offset[0]) == 0 and int(ops.length[0]) == source.length:
            return source
        return None

    def _write(self, *, everything: bool) -> None:
        ops = _merged(self._waiting)
        at = 0
        # The last operation may go on in the next ones, so it stays.
        while len(ops) - at > (0 if everything else BLOCK_OPS):
            part = slice(at, min(at + BLOCK_OPS, len(ops)))
            block = Operations(ops.source[part], ops.offset[part], ops.length[part])
            self._blocks.append(self._put(encode_block(block, self._last)))
            self._lengths.append(int(block.length.sum()))
            at += BLOCK_OPS
        rest = Operations(ops.source[at:], ops.offset[at:], ops.length[at:])
        self._waiting, self._count = [rest], len(rest)


def _merged(parts: Sequence[Operations]) -> Operations:
    """One after the other, neighbours that go on in the same source as one."""
    source = np.concatenate([part.source for part in parts]) if parts else np.empty(0, np.int32)
    offset = np.concatenate([part.offset for part in parts]) if parts else np.empty(0, np.int64)
    length = np.concatenate([part.length for part in parts]) if parts else np.empty(0, np.int64)
    if not len(source):
        return Operations(source, offset, length)
    goes_on = (source[1:] == source[:-1]) & (offset[1:] == offset[:-1] + length[:-1])
    begins = np.flatnonzero(np.concatenate(([True], ~goes_on)))
    return Operations(source[begins], offset[begins], np.add.reduceat(length, begins))
