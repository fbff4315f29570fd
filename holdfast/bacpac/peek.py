"""Looks at a BACPAC through a few small reads: what kind of file it is and what it says of its export.

For files that lie far away: some kilobytes tell whether to fetch the gigabytes. It reads the ZIP's directory and Origin.xml
and nothing else, so what is wrong with the rest shows when the file is opened (`Bacpac.open`) and read.
"""

from __future__ import annotations

import errno
import hashlib
import io
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, cast

from holdfast.bacpac.origin import ENTRY, Origin, read_origin
from holdfast.model.errors import BadBacpac

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

ReadAt = Callable[[int, int], bytes]

#: DacFx writes a few kB; a file that claims more is not looked at.
_MOST = 16 << 20
_BUFFER = 64 << 10
_MODEL = "model.xml"


@dataclass(frozen=True)
class Peek:
    """What the file says of itself."""

    origin: Origin
    origin_sha256: str
    """Of the inflated Origin.xml, which holds the export's own id and times: the same in two files of one export only."""
    inflated_bytes: int


def peek(read_at: ReadAt, size: int) -> Peek:
    """Reads what stands at the file's end, and Origin.xml. Raises BadBacpac, and whatever `read_at` raises."""
    if size == 0:
        raise BadBacpac("the file is empty")
    far = _FarFile(read_at, size)
    try:
        with zipfile.ZipFile(cast(BinaryIO, io.BufferedReader(far, _BUFFER))) as package:
            entries = {info.filename: info for info in package.infolist()}
            for name in (ENTRY, _MODEL):
                if name not in entries:
                    raise BadBacpac(f"it has no {name}, so it is a ZIP but no BACPAC")
            with package.open(entries[ENTRY]) as opened:
                data = opened.read(_MOST + 1)
    except (zipfile.BadZipFile, zipfile.LargeZipFile, EOFError):
        if far.failure is not None:  # zipfile calls a file that cannot be read no ZIP
            raise far.failure from None
        raise BadBacpac("the file is truncated or damaged, or not a ZIP and so no BACPAC") from None
    except (NotImplementedError, RuntimeError, ValueError, zlib.error):
        raise BadBacpac(f"its {ENTRY} is packed or encrypted in a way that no BACPAC's is, or damaged") from None
    if len(data) > _MOST:
        raise BadBacpac(f"its {ENTRY} is too large to be one")
    origin = read_origin([data])
    if not origin.contains_data:
        raise BadBacpac("it is a dacpac: a schema without data; export the database as a BACPAC")
    inflated = sum(info.file_size for info in entries.values())
    return Peek(origin, hashlib.sha256(data).hexdigest(), inflated)


class _FarFile(io.RawIOBase):
    """A seekable file over `read_at`."""

    def __init__(self, read_at: ReadAt, size: int) -> None:
        super().__init__()
        self._read_at, self._size, self._at = read_at, size, 0
        self.failure: OSError | None = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise OSError(errno.EINVAL, "before the beginning")
        self._at = base + offset
        return self._at

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        length = min(len(view), self._size - self._at)
        if length <= 0:
            return 0
        try:
            found = self._read_at(self._at, length)
        except OSError as error:
            self.failure = error
            raise
        view[: len(found)] = found
        self._at += len(found)
        return len(found)
