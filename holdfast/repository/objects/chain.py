"""One chain: its lock, its manifests, its index objects."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from holdfast.model.errors import Damaged, HoldfastError, RepositoryLocked, Unavailable
from holdfast.repository.errors import NewerFormat
from holdfast.repository.format import MANIFEST_DIGITS, Kind, folder, lock_name, manifest_name, object_name
from holdfast.repository.objects.index import ChunkIndex
from holdfast.repository.objects.manifests import Previous, ReadManifest
from holdfast.repository.objects.packs import PackTable, decode_index, read_table
from holdfast.repository.objects.records import ReadRecord, RemovalRecord
from holdfast.repository.objects.seal import Sealer, open_document
from holdfast.repository.objects.sequence import Sequence, open_numbered, read_sequence
from holdfast.repository.parallel import in_order
from holdfast.storage import Lease, LeaseHeld, LeaseLost, ObjectInfo, ObjectMissing, ObjectStore

LEASE = timedelta(seconds=60)
RENEW_SECONDS = 15
#: Requests for small objects beside each other.
READERS = 8


@dataclass(frozen=True)
class Problem:
    """Something that is wrong: with which object, and what."""

    object: str
    what: str

    def __str__(self) -> str:
        return f"{self.object}: {self.what}"


@dataclass(frozen=True)
class Head:
    """Where a chain stands: what the next object names as the one before it, the newest point, the newest record."""

    previous: Previous | None = None
    point: ReadManifest | None = None
    record: RemovalRecord | None = None


class ChainLock:
    """A chain's lock while it is held. A thread renews it."""

    def __init__(self, store: ObjectStore, lease: Lease) -> None:
        self._store, self._lease = store, lease
        self._lost = threading.Event()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._renew_for_ever, name=f"renew {lease.name}", daemon=True)
        self._thread.start()

    @property
    def fence(self) -> int:
        """The number of this acquisition."""
        return self._lease.fence

    def ensure(self, *, ask: bool = False) -> None:
        """Raises RepositoryLocked where the lock is lost. `ask`: ask the storage now."""
        if ask and not self._lost.is_set():
            self._renew()
        if self._lost.is_set():
            raise RepositoryLocked(f"{self._lease.name}: this writer lost its hold to another one")

    def end(self) -> None:
        """Stops renewing and gives the lock back. Does not raise: the lock ends by itself."""
        self._ended.set()
        self._thread.join()
        try:
            self._store.release(self._lease)
        except HoldfastError:
            return

    def _renew_for_ever(self) -> None:
        while not self._ended.wait(RENEW_SECONDS) and not self._lost.is_set():
            try:
                self._renew()
            except HoldfastError:  # not answered: the next renewal may be; the manifest's number decides in any case
                continue

    def _renew(self) -> None:
        try:
            self._lease = self._store.renew(self._lease)
        except LeaseLost:
            self._lost.set()


@dataclass(frozen=True)
class Chain:
    """Reads one chain's objects."""

    store: ObjectStore
    sealer: Sealer
    id: str

    @contextmanager
    def locked(self, owner: str) -> Iterator[ChainLock]:
        """Holds the chain's lock. Raises RepositoryLocked where somebody else does."""
        try:
            lease = self.store.acquire(lock_name(self.id), owner, LEASE)
        except LeaseHeld as error:
            raise RepositoryLocked(error.detail) from None
        lock = ChainLock(self.store, lease)
        try:
            yield lock
        finally:
            lock.end()

    def sequences(self) -> list[int]:
        """Numbers of all manifests that are listed, ascending. Names that are none are passed over."""
        prefix = folder(self.id, Kind.MANIFEST)
        tails = (info.name.removeprefix(prefix) for info in self.store.list(prefix))
        return [int(tail) for tail in tails if len(tail) == MANIFEST_DIGITS and tail.isascii() and tail.isdigit()]

    def manifest(self, sequence: int) -> ReadManifest | None:
        """The manifest of that number, removed or not; None where it is a removal record. Raises Damaged, ObjectMissing."""
        read = self._numbered(sequence)
        return read if isinstance(read, ReadManifest) else None

    def removed(self, sequence: int) -> bool:
        """Whether a record says that what has this number is no point any more."""
        record = self.state()
        return record is not None and any(sequence in gap for gap in record.gaps)

    def head(self) -> Head:
        """What the next point is written after. Raises Damaged where it cannot be read: nothing may be written then."""
        numbers = self.sequences()
        if not numbers:
            return Head()
        newest = self._numbered(numbers[-1])
        if isinstance(newest, ReadRecord):
            record: RemovalRecord | None = newest.record
        else:
            told = newest.manifest.record
            before = self._numbered(told) if told is not None else None
            record = before.record if isinstance(before, ReadRecord) else None
        return Head(newest.previous, next(self._points(numbers, record), None), record)

    def points_before(self, head: Head) -> Iterator[ReadManifest]:
        """The points before the head's, newest first, read as they are asked for; what cannot be read is passed over."""
        if head.point is not None:
            last = head.point.manifest.sequence
            yield from self._points([number for number in self.sequences() if number < last], head.record)

    def _points(self, numbers: list[int], record: RemovalRecord | None) -> Iterator[ReadManifest]:
        gaps = record.gaps if record else []
        for number in reversed(numbers):
            if any(number in gap for gap in gaps):
                continue
            try:
                read = self._numbered(number)
            except Damaged:  # told by every check; what was written after it does not hang on it
                continue
            if isinstance(read, ReadManifest):
                yield read

    def state(self) -> RemovalRecord | None:
        """The newest removal record: what is condemned and quarantined. For readers: damage does not stop them."""
        try:
            return self.head().record
        except (Damaged, NewerFormat, ObjectMissing):  # missing: removed since it was listed
            return self.read_sequence().record

    def read_sequence(self) -> Sequence:
        """Every manifest and removal record, with what contradicts. Raises Unavailable."""
        return read_sequence(self.id, self.sealer, self.sequences, self.store.get)

    def manifests(self) -> tuple[list[ReadManifest], list[Problem]]:
        """Manifests of all points that can be read, oldest first, and everything that is wrong with the sequence."""
        found = self.read_sequence()
        return found.points, [Problem(*pair) for pair in found.problems()]

    def packs(self) -> dict[str, int]:
        """Ids of all packs that are listed, with their bytes."""
        kinds = (Kind.DATA_PACK, Kind.RECIPE_PACK)
        return {
            info.name.rpartition("/")[2]: info.bytes
            for kind in kinds
            for info in self.store.list(folder(self.id, kind))
        }

    def add_indexed(
        self, index: ChunkIndex, only: list[str] | None = None, *, absent: bool = True, head: Head | None = None
    ) -> list[Problem]:
        """Adds what all index objects say, or those named; returns what could not be read.

        Packs that the storage does not have in their full length, that are condemned or quarantined, are marked;
        `absent` False leaves them out, so that nothing new leans on them. A writer gives the `head` that it writes after:
        a record that comes later takes its number.
        """
        avoided = shunned(head.record if head else self.state())
        existing = {pack: size for pack, size in self.packs().items() if pack not in avoided}
        prefix = folder(self.id, Kind.INDEX)
        listed = [info.name.removeprefix(prefix) for info in self.store.list(prefix)] if only is None else only
        ids = [index_id for index_id in listed if index_id not in avoided]
        problems: list[Problem] = []
        with ThreadPoolExecutor(READERS) as pool:
            for tables in in_order(pool, self._index_object, ids, READERS):
                if isinstance(tables, Problem):
                    problems.append(tables)
                    continue
                for table in tables:
                    present = existing.get(table.pack) == table.pack_bytes
                    if present or absent:
                        index.add(table, present=present)
        return problems

    def add_unindexed(self, index: ChunkIndex) -> list[Problem]:
        """Adds the packs that no index object names, from their own trailers; returns what could not be read.

        Packs in the archive tier are passed over: their index objects are the only way to them until they are rehydrated.
        """
        avoided = shunned(self.state())

        def read(found: tuple[Kind, ObjectInfo]) -> PackTable | Problem:
            kind, info = found
            try:
                return read_table(self.store, self.sealer, self.id, kind, info)
            except Damaged as error:
                return problem_of(error, info.name)

        missing = (
            (kind, info)
            for kind in (Kind.RECIPE_PACK, Kind.DATA_PACK)
            for info in self.store.list(folder(self.id, kind))
            if info.readable and not index.has_pack(info.name.rpartition("/")[2])
        )
        problems: list[Problem] = []
        with ThreadPoolExecutor(READERS) as pool:
            for table in in_order(pool, read, missing, READERS):
                if isinstance(table, Problem):
                    problems.append(table)
                else:
                    index.add(table, present=table.pack not in avoided)
        return problems

    def _numbered(self, sequence: int) -> ReadManifest | ReadRecord:
        return open_numbered(self.sealer, self.id, sequence, self.store.get(manifest_name(self.id, sequence)))

    def _index_object(self, index_id: str) -> list[PackTable] | Problem:
        name = object_name(self.id, Kind.INDEX, index_id)
        try:
            data = self.store.get(name)
            return decode_index(open_document(self.sealer, Kind.INDEX, self.id, name, data), name)
        except Damaged as error:
            return problem_of(error, name)
        except Unavailable:
            raise
        except HoldfastError as error:
            return Problem(name, error.detail or error.title)


def shunned(record: RemovalRecord | None) -> set[str]:
    """Ids of what is condemned or quarantined: packs are read only where nothing else has the chunk, indexes not at all."""
    if record is None:
        return set()
    named = [one.object for one in record.condemned] + [one.object for one in record.quarantined]
    return {name.rpartition("/")[2] for name in named}


def problem_of(error: Damaged, name: str) -> Problem:
    """The error as a finding about the object."""
    return Problem(name, error.detail.removeprefix(f"{name}: "))
