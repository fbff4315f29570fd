"""A point as a BACPAC file again: the very same file, or a quickly deflated one whose every entry is byte-identical."""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO, TypeVar, cast

from holdfast.bacpac.skeleton import Skeleton
from holdfast.bacpac.writer import Level, write_package
from holdfast.model.errors import Cancelled, DiskFull
from holdfast.model.job import Progress
from holdfast.repository.errors import NotIdentical
from holdfast.repository.points.point_reading import PointReader

ProgressFn = Callable[[Progress], None]
CancelledFn = Callable[[], bool]
_REPORT = 8 << 20
_PIECE = 1 << 20
Piece = TypeVar("Piece", bytes, memoryview)


@dataclass(frozen=True)
class WrittenBacpac:
    """The file that was written. `identical`: it is the very file that was backed up. Where nobody asked for
    its hash there is none, and nobody knows."""

    bytes: int
    sha256: str
    identical: bool


def write_bacpac(
    point: PointReader,
    to: Path,
    *,
    identical: bool,
    level: Level,
    hashed: bool,
    progress: ProgressFn,
    cancelled: CancelledFn,
) -> WrittenBacpac:
    """Writes the point to `to`: whole and verified, or not at all. A file that is there is replaced at the end.

    Raises NotIdentical, Damaged, Rehydrating, Cancelled, DiskFull.
    """
    watch = _Watch(point, progress, cancelled)
    if identical:
        skeleton = _skeleton(point)
        with _whole_file(to) as out:
            skeleton.rebuild(lambda name: watch.count(point.entry(name)), out)
    else:
        with _whole_file(to) as out:
            write_package(out, ((entry.name, watch.count(pieces)) for entry, pieces in point.entries()), level)
    if not (hashed or identical):
        return WrittenBacpac(to.stat().st_size, "", identical=False)
    size, sha256 = _facts(to)
    file = point.read.manifest.file
    return WrittenBacpac(size, sha256, identical=file is not None and file.sha256 == sha256)


def verify(point: PointReader, *, progress: ProgressFn, cancelled: CancelledFn) -> int:
    """Reads every entry and compares its SHA-256; returns the bytes read. Raises Damaged naming what is."""
    watch = _Watch(point, progress, cancelled, phase="verify")
    for _, pieces in point.entries():
        for _ in watch.count(pieces):
            pass
    return watch.done.bytes


def _skeleton(point: PointReader) -> Skeleton:
    manifest = point.read.manifest
    if not point.layout.skeleton:
        raise NotIdentical(f"point {manifest.point.id} was stored without what the ZIP around the entries was made of")
    skeleton = Skeleton.from_bytes(point.layout.skeleton)
    if not skeleton.identical_possible:
        names = [entry.name for entry in skeleton.entries if entry.step == "none"]
        raise NotIdentical(
            f"point {manifest.point.id}: its writer deflated {', '.join(names[:3])}"
            f"{f' and {len(names) - 3} more' if len(names) > 3 else ''} in a way that cannot be re-created"
        )
    return skeleton


@dataclass
class _Watch:
    """Counts what goes by, reports it, and stops it when it is cancelled."""

    point: PointReader
    progress: ProgressFn
    cancelled: CancelledFn
    phase: str = "download"

    def __post_init__(self) -> None:
        self.done = Progress(phase=self.phase, bytes_total=self.point.read.manifest.inflated_bytes)
        self._reported = 0

    def count(self, pieces: Iterator[Piece]) -> Iterator[Piece]:
        for piece in pieces:
            self.done.bytes += len(piece)
            if self.done.bytes - self._reported >= _REPORT or self._reported == 0:
                self._reported = self.done.bytes
                if self.cancelled():
                    raise Cancelled(self.point.read.manifest.point.id)
                self.progress(self.done.model_copy())
            yield piece


@contextmanager
def _whole_file(to: Path) -> Iterator[BinaryIO]:
    """A file beside `to` that becomes `to` when all went well, and is removed when not."""
    unfinished = to.with_name(f".{to.name}.{secrets.token_hex(4)}.part")
    try:
        with unfinished.open("xb") as file:
            yield cast(BinaryIO, file)
            _make_durable(file)
        unfinished.replace(to)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull(str(to)) from None
        raise
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


def _make_durable(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())


def _facts(path: Path) -> tuple[int, str]:
    digest = hashlib.sha256()
    size = 0
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
            size += len(piece)
    return size, digest.hexdigest()
