"""Where BACPACs that exist lie: on this machine, or in a container, from which one at a time is fetched."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import unquote, urlsplit

from holdfast.cli.direct import open_container
from holdfast.model.errors import DiskFull, InvalidInput

if TYPE_CHECKING:
    from holdfast.storage.foreign_blobs import ForeignBlob, ForeignBlobs

SUFFIX = ".bacpac"
FetchedFn = Callable[[int], None]


class FileToTake(Protocol):
    """A file that may become a point."""

    @property
    def name(self) -> str:
        """As people know it."""
        ...

    @property
    def size(self) -> int:
        """Its bytes."""
        ...

    def modified(self) -> datetime:
        """When the place says that it was last written."""
        ...

    def read_at(self, offset: int, length: int) -> bytes:
        """Some of its bytes, without fetching it."""
        ...

    def here(self, fetched: FetchedFn) -> AbstractContextManager[Path]:
        """The whole file on this machine, for as long as it lasts; `fetched` is told the bytes."""
        ...


@dataclass
class Found:
    """What was found: BACPACs by their names, and how many other files were passed over."""

    files: list[FileToTake]
    others: int = 0


@dataclass(frozen=True)
class LocalFile:
    """A file on this machine, read where it lies."""

    path: Path
    size: int

    @property
    def name(self) -> str:
        """As it was given, or found."""
        return self.path.as_posix()

    def modified(self) -> datetime:
        """See FileToTake."""
        return datetime.fromtimestamp(int(self.path.stat().st_mtime), UTC)

    def read_at(self, offset: int, length: int) -> bytes:
        """See FileToTake."""
        with self.path.open("rb") as file:
            file.seek(offset)
            return file.read(length)

    @contextmanager
    def here(self, fetched: FetchedFn) -> Iterator[Path]:  # noqa: ARG002
        """See FileToTake."""
        yield self.path


@dataclass(frozen=True)
class FarFile:
    """A blob. It is fetched into a folder of its own that goes with it, so that one at a time takes space."""

    place: ForeignBlobs
    blob: ForeignBlob
    folder: Path | None

    @property
    def name(self) -> str:
        """The blob's name."""
        return self.blob.name

    @property
    def size(self) -> int:
        """As the container lists it."""
        return self.blob.bytes

    def modified(self) -> datetime:
        """See FileToTake."""
        return self.blob.modified.replace(microsecond=0)

    def read_at(self, offset: int, length: int) -> bytes:
        """See FileToTake."""
        return self.place.read_at(self.blob.name, offset, length)

    @contextmanager
    def here(self, fetched: FetchedFn) -> Iterator[Path]:
        """See FileToTake. Raises DiskFull before it begins where the file cannot fit."""
        folder = self.folder or Path(tempfile.gettempdir())
        advice = "Free some space, or name a folder on another disk with --work-folder."
        if shutil.disk_usage(folder).free < self.size:
            raise DiskFull(f"{folder} has less space than {self.name} takes", help=advice)
        with tempfile.TemporaryDirectory(prefix="holdfast-import-", dir=folder) as own:
            path = Path(own) / "fetched.bacpac"
            try:
                with path.open("xb") as out:
                    for piece in self.place.stream(self.blob.name):
                        out.write(piece)
                        fetched(out.tell())
            except OSError as error:
                if error.errno in (errno.ENOSPC, errno.EDQUOT):
                    raise DiskFull(f"{folder}, fetching {self.name}", help=advice) from None
                raise
            yield path


def find_local(paths: list[Path]) -> Found:
    """The files named, whatever they are called, and the *.bacpac of the folders named and of those in them.

    Raises InvalidInput for what is not there.
    """
    found = Found([])
    seen: set[Path] = set()
    for path in paths:
        if not path.is_dir() and not path.is_file():
            raise InvalidInput(f"{path} is no file and no folder")
        for file in _below(path, found) if path.is_dir() else [path]:
            if file.resolve() not in seen:
                seen.add(file.resolve())
                found.files.append(LocalFile(file, file.stat().st_size))
    return found


def find_in(url: str, folder: Path | None) -> Found:
    """The *.bacpac of a container, of a folder in it, or of a folder of this machine. `folder`: where to fetch them to.

    Raises InvalidInput, Forbidden, Unavailable, ObjectMissing.
    """
    parts = urlsplit(url)
    if parts.scheme == "file":
        return find_local([Path(unquote(parts.path))])
    if parts.scheme not in ("http", "https"):
        raise InvalidInput(f"--from {url!r} is no address: https://ACCOUNT.blob…/CONTAINER[/FOLDER] or file:///folder")
    if folder is not None and not folder.is_dir():
        raise InvalidInput(f"--work-folder {folder} is no folder")
    place = open_container(url)
    found = Found([])
    for blob in place.list():
        if _is_bacpac(blob.name):
            found.files.append(FarFile(place, blob, folder))
        else:
            found.others += 1
    return found


def _below(folder: Path, found: Found) -> Iterator[Path]:
    def refuse(error: OSError) -> None:
        raise InvalidInput(f"{error.filename} cannot be read: {error.strerror}")

    for where, folders, names in os.walk(folder, onerror=refuse):
        folders.sort()
        for name in sorted(names):
            path = Path(where, name)
            if _is_bacpac(name) and path.is_file():
                yield path
            else:
                found.others += 1


def _is_bacpac(name: str) -> bool:
    return name.lower().endswith(SUFFIX) and not name.rpartition("/")[2].startswith(".")
