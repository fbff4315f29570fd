"""A BACPAC as a file: opened, checked, its entries and tables."""

from __future__ import annotations

import hashlib
import io
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, Self, cast
from urllib.parse import unquote

from holdfast.bacpac.columns import Column
from holdfast.bacpac.directory import DirectoryEntry, read_directory
from holdfast.bacpac.inflate import EntryStream
from holdfast.bacpac.limits import Limits
from holdfast.bacpac.model import DatabaseModel, read_model
from holdfast.bacpac.origin import Origin, read_origin
from holdfast.model.errors import BadBacpac

_PIECE = 1 << 18
_PART = re.compile(r"Data/([^/]+)/TableData-(\d+)-(\d+)\.BCP", re.IGNORECASE)
MODEL, ORIGIN, CONTENT_TYPES = "model.xml", "Origin.xml", "[Content_Types].xml"

PackageEntry = DirectoryEntry


@dataclass(frozen=True)
class TableData:
    """A table and its part of the data: the parts' bytes in this order are its rows in key order."""

    schema: str
    name: str
    parts: tuple[str, ...]
    """Entry names by key range, then batch; none for an empty table."""
    bytes: int
    columns: tuple[Column, ...] | None
    """In the order in which values stand in a row; None where the rows cannot be decoded."""
    reason: str | None = None
    """Why `columns` is None."""


class Bacpac:
    """An open BACPAC. Reading is safe from several threads; memory does not grow with the file.

    `open` checks what can be checked without reading table data: that the file is whole, that names and sizes are
    harmless, that it is a BACPAC and no dacpac, and that the model has its checksum. Damage in table data shows when an
    entry is read. Everything that is wrong is a BadBacpac that names the thing.
    """

    def __init__(self, path: Path, descriptor: int, entries: tuple[PackageEntry, ...]) -> None:
        self.path = path
        self.entries = entries
        """In the order of the ZIP's directory."""
        self._descriptor = descriptor
        self._by_name = {entry.name: entry for entry in entries}

    @classmethod
    def open(cls, path: Path, limits: Limits | None = None) -> Self:
        """Opens and checks a file. Raises BadBacpac; OSError where the file cannot be read at all."""
        descriptor = os.open(path, os.O_RDONLY)
        try:
            size = os.fstat(descriptor).st_size
            entries = read_directory(lambda at, length: _read_whole(descriptor, at, length), size, limits)
            bacpac = cls(path, descriptor, entries)
            bacpac._check()
        except BadBacpac as error:
            os.close(descriptor)
            raise BadBacpac(f"{path.name}: {error.detail}") from error
        except BaseException:
            os.close(descriptor)
            raise
        return bacpac

    def close(self) -> None:
        """Gives the file back; harmless a second time."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def entry(self, name: str) -> PackageEntry:
        """The entry of that name. Raises BadBacpac where there is none."""
        found = self._by_name.get(name)
        if found is None:
            raise BadBacpac(f"{self.path.name} has no {name}")
        return found

    def open_entry(self, name: str) -> BinaryIO:
        """The inflated bytes as a stream. CRC and size are checked on reaching the end: BadBacpac, naming the entry."""
        return cast(BinaryIO, io.BufferedReader(EntryStream(self.read_at, self.entry(name)), _PIECE))

    def pieces(self, name: str) -> Iterator[bytes]:
        """The inflated bytes in pieces; checked as by `open_entry`."""
        stream = EntryStream(self.read_at, self.entry(name))
        return iter(lambda: stream.read(_PIECE), b"")

    def read_at(self, offset: int, length: int) -> bytes:
        """Bytes of the file itself, as they lie there; fewer at its end."""
        return _read_whole(self._descriptor, offset, length)

    def model(self) -> DatabaseModel:
        """The database's model; read once."""
        return self._model

    def origin(self) -> Origin:
        """Who exported what and when; read once."""
        return self._origin

    def tables(self) -> list[TableData]:
        """Every table of the model, in its order, and then data that no table of the model claims."""
        folders: dict[str, list[tuple[int, int, str]]] = {}
        for entry in self.entries:
            part = _PART.fullmatch(entry.name)
            if part:
                folders.setdefault(unquote(part[1]), []).append((int(part[2]), int(part[3]), entry.name))
        found: list[TableData] = []
        for table in self.model().tables.values():
            names = tuple(name for *_, name in sorted(folders.pop(f"{table.schema}.{table.name}", ())))
            found.append(TableData(table.schema, table.name, names, self._bytes(names), table.columns, table.reason))
        for folder, parts in folders.items():
            schema, _, name = folder.partition(".")
            names = tuple(part for *_, part in sorted(parts))
            reason = "the model has no table of that name, or two tables share the folder"
            found.append(TableData(schema, name, names, self._bytes(names), None, reason))
        return found

    def _bytes(self, names: tuple[str, ...]) -> int:
        return sum(self._by_name[name].bytes for name in names)

    @cached_property
    def _model(self) -> DatabaseModel:
        return read_model(self.pieces(MODEL))

    @cached_property
    def _origin(self) -> Origin:
        return read_origin(self.pieces(ORIGIN))

    def _check(self) -> None:
        for name in (MODEL, ORIGIN, CONTENT_TYPES):
            if name not in self._by_name:
                raise BadBacpac(f"it has no {name}, so it is a ZIP but no BACPAC")
        if not self._origin.contains_data:
            raise BadBacpac("it is a dacpac: a schema without data; export the database as a BACPAC")
        declared = self._origin.model_sha256
        if declared is None:
            raise BadBacpac("Origin.xml has no checksum of model.xml")
        digest = hashlib.sha256()
        for piece in self.pieces(MODEL):
            digest.update(piece)
        if digest.hexdigest() != declared:
            raise BadBacpac("model.xml is not the one that Origin.xml has the checksum of: it was changed or damaged")


def _read_whole(descriptor: int, offset: int, length: int) -> bytes:
    """pread may give less than asked for without being at the end."""
    pieces: list[bytes] = []
    while length > 0:
        piece = os.pread(descriptor, length, offset)
        if not piece:
            break
        pieces.append(piece)
        offset += len(piece)
        length -= len(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)
