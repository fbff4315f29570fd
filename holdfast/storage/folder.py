"""A folder as object storage: `file:///folder`.

An object is a file. It is written under a name that `list` never shows, made durable (fsync of file and folder) and then
linked to its own name: link(2) fails where the name is taken, so it is create-only and atomic even among processes.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from holdfast.model.clock import Clock, SystemClock, iso, parse_iso
from holdfast.model.errors import DiskFull, Forbidden, Unavailable
from holdfast.storage.errors import AlreadyExists, LeaseHeld, LeaseLost, ObjectMissing
from holdfast.storage.folder_leases import read_lease
from holdfast.storage.folder_locks import FolderLocks, encode
from holdfast.storage.interface import (
    Data,
    KeptVersion,
    Lease,
    LockMode,
    ObjectInfo,
    Priority,
    Tier,
    check_name,
    parts_of,
)
from holdfast.storage.write_once import WriteOnceState, refusal

#: Folder inside the store for files that are not objects yet; begins with a dot, so no object's name can lead there.
UNFINISHED = ".unfinished"
#: What has lain there this long is of a writer that died: no object takes a day to write.
_FORSAKEN_SECONDS = 24 * 3600
PIECE = 4 << 20


class FolderStore:
    """Keeps objects as files below one folder. Has no tiers: everything stays readable.

    Locks and holds bind Holdfast itself; a folder cannot enforce them against its owner.
    """

    tiers = False
    immutability = True

    def __init__(self, root: Path, clock: Clock | None = None) -> None:
        """`clock` tells when leases end; every process that uses the folder must have the same."""
        self.root = root.absolute()
        self.url = self.root.as_uri()
        self.clock = clock or SystemClock()
        self._guard = threading.Lock()
        self._locks = FolderLocks(self.root)

    def put(self, name: str, data: Data, *, tier: Tier = Tier.HOT) -> None:  # noqa: ARG002
        """See ObjectStore. `tier` is taken and means nothing."""
        path = self._path(name)
        with _translated(name):
            unfinished = self._write_unfinished(data)
            try:
                self._make_folder(path.parent)
                os.link(unfinished, path)
            except FileExistsError:
                raise AlreadyExists(name) from None
            finally:
                unfinished.unlink(missing_ok=True)
            _sync_folder(path.parent)

    def get(self, name: str) -> bytes:
        """See ObjectStore."""
        with _translated(name):
            return self._path(name).read_bytes()

    def get_range(self, name: str, offset: int, length: int) -> bytes:
        """See ObjectStore."""
        with _translated(name), self._path(name).open("rb") as file:
            file.seek(offset)
            return file.read(length)

    def stream(self, name: str) -> Iterator[bytes]:
        """See ObjectStore."""
        with _translated(name), self._path(name).open("rb") as file:
            while piece := file.read(PIECE):
                yield piece

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """See ObjectStore. Walks only the folders that the prefix leads to."""
        folder = prefix.rpartition("/")[0]
        with _translated(prefix):
            yield from self._walk(self.root / folder if folder else self.root, folder, prefix)

    def stat(self, name: str) -> ObjectInfo:
        """See ObjectStore."""
        with _translated(name):
            return self._locks.info(name, self._path(name).stat().st_size)

    def delete(self, name: str) -> None:
        """See ObjectStore."""
        with suppress(ObjectMissing), self._write_once(name) as info:
            if info.write_once(self.clock.now()):
                raise refusal(info)
            self._path(name).unlink(missing_ok=True)
            self._locks.path(name).unlink(missing_ok=True)

    def lock(self, name: str, until: datetime, mode: LockMode = LockMode.LOCKED) -> ObjectInfo:
        """See ObjectStore."""
        return self._change(name, lambda state: state.locked(until, mode, self.clock.now()))

    def hold(self, name: str, on: bool) -> ObjectInfo:
        """See ObjectStore."""
        return self._change(name, lambda state: replace(state, held=on))

    def kept_versions(self, prefix: str = "") -> Iterator[KeptVersion]:  # noqa: ARG002
        """See ObjectStore. A folder keeps no versions."""
        yield from ()

    def bring_back(self, kept: KeptVersion) -> None:
        """See ObjectStore."""
        raise ObjectMissing(f"{kept.info.name}: a folder keeps no versions")

    def acquire(self, name: str, owner: str, duration: timedelta) -> Lease:
        """See ObjectStore. The lock file tells holder, fence and end; a flock beside it makes read and write one step."""
        with self._lock_file(name) as path:
            self._sweep()
            held = read_lease(path)
            now = self.clock.now()
            if held is not None and held["token"] and parse_iso(held["expires_at"]) > now:
                raise LeaseHeld(f"{name} is held by {held['owner']} until {held['expires_at']}")
            # A new lock begins at the time in seconds, so that the fence does not fall where a lock file was deleted.
            fence = max((held["fence"] if held else 0) + 1, int(now.timestamp()))
            lease = Lease(name, owner, fence, secrets.token_hex(16), now + duration)
            self._write_lock(path, lease, duration)
            return lease

    def renew(self, lease: Lease) -> Lease:
        """See ObjectStore."""
        with self._lock_file(lease.name) as path:
            held = read_lease(path)
            if held is None or held["token"] != lease.token:
                raise LeaseLost(lease.name)
            duration = timedelta(seconds=held["seconds"])
            renewed = Lease(lease.name, lease.owner, lease.fence, lease.token, self.clock.now() + duration)
            self._write_lock(path, renewed, duration)
            return renewed

    def release(self, lease: Lease) -> None:
        """See ObjectStore. The lock file stays, since it holds the fence."""
        with self._lock_file(lease.name) as path:
            held = read_lease(path)
            if held is not None and held["token"] == lease.token:
                self._write_lock(path, Lease(lease.name, "", lease.fence, "", self.clock.now()), timedelta(0))

    def set_tier(self, name: str, tier: Tier) -> None:  # noqa: ARG002
        """See ObjectStore. Means nothing here."""
        self.stat(name)

    def rehydrate(self, name: str, priority: Priority = "Standard") -> ObjectInfo:  # noqa: ARG002
        """See ObjectStore. Everything is readable already."""
        return self.stat(name)

    def close(self) -> None:
        """See ObjectStore. There is nothing to end."""

    def _path(self, name: str) -> Path:
        return self.root / check_name(name)

    def _change(self, name: str, change: Callable[[WriteOnceState], WriteOnceState]) -> ObjectInfo:
        with self._write_once(name) as info:
            before = WriteOnceState.of(info)
            after = change(before)
            if after != before:
                told = self._locks.path(name)
                self._make_folder(told.parent)
                self._write_unfinished(encode(after)).replace(told)
                _sync_folder(told.parent)
            return after.on(info)

    def _walk(self, folder: Path, name: str, prefix: str) -> Iterator[ObjectInfo]:
        try:
            found = list(os.scandir(folder))
        except (FileNotFoundError, NotADirectoryError):
            return
        # `a/b` sorts before `a0`, so a folder is compared with its slash, as names of objects are.
        keyed = sorted((f"{item.name}/" if item.is_dir() else item.name, item) for item in found if item.name[0] != ".")
        for key, item in keyed:
            full = f"{name}/{key}" if name else key
            if key.endswith("/"):
                if full.startswith(prefix) or prefix.startswith(full):
                    yield from self._walk(Path(item.path), full[:-1], prefix)
            elif full.startswith(prefix):
                with suppress(FileNotFoundError):
                    yield self._locks.info(full, item.stat().st_size)

    def _write_unfinished(self, data: Data) -> Path:
        folder = self.root / UNFINISHED
        self._make_folder(folder)
        path = folder / secrets.token_hex(16)
        try:
            with path.open("xb", buffering=0) as file:
                for part in parts_of(data):
                    view = memoryview(part)
                    while view:
                        view = view[file.write(view) :]
                os.fsync(file.fileno())
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return path

    def _sweep(self) -> None:
        """Removes what writers that died have left unfinished. A file's age is by the machine's clock, not the store's."""
        with suppress(OSError):
            for item in os.scandir(self.root / UNFINISHED):
                guard = item.name.endswith(".guard")
                if not guard and time.time() - item.stat().st_mtime > _FORSAKEN_SECONDS:
                    Path(item.path).unlink(missing_ok=True)

    def _make_folder(self, folder: Path) -> None:
        if folder.is_dir():
            return
        missing = [folder, *folder.parents]
        folder.mkdir(parents=True, exist_ok=True)
        for parent in missing[1:]:
            if parent == self.root.parent:
                # Where the root itself is new; its own parent may be one that we must not even open.
                with suppress(OSError):
                    _sync_folder(parent)
                break
            _sync_folder(parent)

    @contextmanager
    def _lock_file(self, name: str) -> Iterator[Path]:
        path = self._path(name)
        with _translated(name), self._guarded(name.replace("/", "+")):
            self._make_folder(path.parent)
            yield path

    @contextmanager
    def _write_once(self, name: str) -> Iterator[ObjectInfo]:
        """The object as it stands, while nobody else deletes, locks or holds anything."""
        self.stat(name)
        with _translated(name), self._guarded("write+once"):
            yield self.stat(name)

    @contextmanager
    def _guarded(self, what: str) -> Iterator[None]:
        guard = self.root / UNFINISHED / f"{what}.guard"
        # flock is per open file, so threads exclude each other as well as processes do; the mutex only saves waiting.
        with self._guard:
            self._make_folder(guard.parent)
            with guard.open("ab") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                yield

    def _write_lock(self, path: Path, lease: Lease, duration: timedelta) -> None:
        content = {
            "owner": lease.owner,
            "fence": lease.fence,
            "token": lease.token,
            "expires_at": iso(lease.expires_at),
            "seconds": duration.total_seconds(),
        }
        unfinished = self._write_unfinished(json.dumps(content).encode())
        unfinished.replace(path)
        _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _translated(name: str) -> Iterator[None]:
    try:
        yield
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        raise ObjectMissing(name) from None
    except PermissionError as error:
        raise Forbidden(f"{name}: {error.strerror}") from None
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull(f"{name}: {error.strerror}") from None
        raise Unavailable(f"{name}: {error.strerror}") from error
