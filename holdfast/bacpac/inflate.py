"""Reads one entry's inflated bytes as a stream; sizes and CRC are checked when it ends."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from isal import isal_zlib

from holdfast.bacpac.directory import STORED, DirectoryEntry, ReadAt
from holdfast.model.errors import BadBacpac

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_PIECE = 1 << 18


class EntryStream(io.RawIOBase):
    """A readable binary stream of the inflated bytes. Independent of other streams of the same file; memory is constant.

    Raises BadBacpac where the bytes are damaged: at the latest on the read that would reach the end. Nothing that was
    read may be trusted before the end was reached.
    """

    def __init__(self, read_at: ReadAt, entry: DirectoryEntry) -> None:
        super().__init__()
        self._read_at = read_at
        self._entry = entry
        self._at = entry.data_offset
        self._crc = 0
        self._given = 0
        self._over = False
        self._waiting = b""
        self._stored = entry.method == STORED
        self._inflater = isal_zlib.decompressobj(-15)

    def readable(self) -> bool:
        """Always."""
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        """Up to `size` bytes, at least one before the end; all that is left without a size."""
        if size is None or size < 0:
            return b"".join(iter(lambda: self._some(_PIECE), b""))
        return self._some(size) if size else b""

    readall = read

    def readinto(self, buffer: WriteableBuffer) -> int:
        """As `io.RawIOBase` asks."""
        view = memoryview(buffer).cast("B")
        found = self._some(len(view))
        view[: len(found)] = found
        return len(found)

    def _some(self, most: int) -> bytes:
        if self._over:
            return b""
        piece = self._copied(most) if self._stored else self._inflated(most)
        self._crc = isal_zlib.crc32(piece, self._crc)
        self._given += len(piece)
        if self._given > self._entry.bytes:
            raise BadBacpac(
                f"{self._entry.name} inflates to more than the {self._entry.bytes:,} bytes that it declares"
            )
        if not piece or self._given == self._entry.bytes:
            self._end()
        return piece

    def _copied(self, most: int) -> bytes:
        piece = self._read_at(self._at, min(most, self._entry.data_end - self._at))
        self._at += len(piece)
        return piece

    def _inflated(self, most: int) -> bytes:
        inflater = self._inflater
        while not inflater.eof:
            if not self._waiting:
                self._waiting = self._read_at(self._at, min(_PIECE, self._entry.data_end - self._at))
                self._at += len(self._waiting)
            fed = self._waiting
            try:
                piece: bytes = inflater.decompress(fed, most)
            except isal_zlib.IsalError as error:  # type: ignore[misc]  # the stubs call the class an instance
                raise BadBacpac(f"{self._entry.name} is damaged: its compressed bytes make no sense") from error
            self._waiting = inflater.unconsumed_tail
            if piece:
                return piece
            if not fed and not inflater.eof:
                raise BadBacpac(f"{self._entry.name} is damaged: its compressed bytes end too early")
        return b""

    def _end(self) -> None:
        self._over = True
        entry = self._entry
        if not self._stored and self._inflated(1):
            raise BadBacpac(f"{entry.name} inflates to more than the {entry.bytes:,} bytes that it declares")
        if self._given != entry.bytes:
            raise BadBacpac(f"{entry.name} is damaged: it holds {self._given:,} bytes and declares {entry.bytes:,}")
        if self._crc != entry.crc32:
            raise BadBacpac(f"{entry.name} is damaged: its CRC is {self._crc:08x} and should be {entry.crc32:08x}")
        if not self._stored and (self._at != entry.data_end or self._inflater.unused_data):
            raise BadBacpac(f"{entry.name} is damaged: there are bytes after its compressed data")
