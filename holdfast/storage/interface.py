"""Object storage as the repository needs it, with the failure contract that every store keeps.

One suite, `tests/storage/test_store_contract.py`, holds every store to the words below.

Rules for all methods:

- `Unavailable`: the service did not answer or asked us to wait, after the store's own retries. Transient: the caller may
  call again. Whether the call had its effect is unknown unless the method says otherwise.
- `Forbidden`: the identity lacks the right. Permanent. `WriteOnce`, a kind of it: the object is locked or held.
- Names are slash-separated paths of `A-Z a-z 0-9 . _ -`, relative, no part empty or beginning with a dot; anything else is
  `InvalidInput`. Names are compared exactly.
- No error and no log line holds a credential.
- A store may be used from many threads at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal, Protocol

from holdfast.model.errors import InvalidInput

#: What `put` takes: bytes, or parts that are written one after the other (so that a large pack is not copied together).
Data = bytes | bytearray | memoryview | Sequence[bytes]
Priority = Literal["Standard", "High"]


class Tier(StrEnum):
    """Where an object lies. An object in the archive tier is listed and described but cannot be read."""

    HOT = "hot"
    COOL = "cool"
    COLD = "cold"
    ARCHIVE = "archive"


class LockMode(StrEnum):
    """Who may take a lock back. Holdfast itself never does, in either mode."""

    LOCKED = "locked"  # nobody, whatever rights they have, until it has ended
    UNLOCKED = "unlocked"  # whoever may set locks may shorten or remove it: for trials


@dataclass(frozen=True)
class ObjectInfo:
    """What storage says of one object. `list` and `stat` say the same."""

    name: str
    bytes: int
    tier: Tier = Tier.HOT
    rehydrating: bool = False  # on its way out of the archive tier; still unreadable
    locked_until: datetime | None = None  # write-once until then; may lie in the past: then it protects no more
    lock_mode: LockMode | None = None
    held: bool = False  # write-once until released

    @property
    def readable(self) -> bool:
        """Whether `get` and `get_range` would answer."""
        return self.tier is not Tier.ARCHIVE

    def write_once(self, now: datetime) -> bool:
        """Whether a lock or a hold keeps it: `delete` would be refused."""
        return self.held or (self.locked_until is not None and self.locked_until > now)


@dataclass(frozen=True)
class KeptVersion:
    """An earlier content of a name, kept by the storage beneath what `get` gives, or where nothing is listed any more.

    Objects are written once, so the first content of a name is the true one.
    """

    info: ObjectInfo  # of the kept content, with its own lock and hold
    version: str
    replaced: bool  # something else lies there now; else the name is gone from the list


@dataclass(frozen=True)
class Lease:
    """A lease that was taken. `fence` is larger than that of every lease on the same name before it."""

    name: str
    owner: str
    fence: int
    token: str
    expires_at: datetime  # on the store's clock; a hint, only `renew` knows


class ObjectStore(Protocol):
    """A container of objects."""

    #: The address that the store was opened with; no secret in it.
    url: str
    #: Whether tiers mean anything here. Where not, `put` and `set_tier` take any tier, and every object stays hot.
    tiers: bool

    @property
    def immutability(self) -> bool:
        """Whether `lock` and `hold` mean anything here. The first question may go to the storage: its errors."""
        ...

    def put(self, name: str, data: Data, *, tier: Tier = Tier.HOT) -> None:
        """Creates the object, whole or not at all, and durably: once it returns, a crash does not lose it.

        Never overwrites: raises `AlreadyExists` where the name is taken, and the object there stays as it was. The
        store's own retries cannot turn their own success into `AlreadyExists`. After `Unavailable` the object may exist:
        the caller that calls again sees `AlreadyExists` then, and the content is what it sent. Of several that put the
        same name at once exactly one succeeds. Nobody sees half an object, under no name that `list` shows.
        """
        ...

    def get(self, name: str) -> bytes:
        """The whole object. Raises `ObjectMissing`; `Rehydrating` in the archive tier. Idempotent."""
        ...

    def get_range(self, name: str, offset: int, length: int) -> bytes:
        """`length` bytes from `offset`, fewer only where the object ends before; none at or after its end.

        Raises `ObjectMissing`; `Rehydrating` in the archive tier. Idempotent. Memory: `length` and a small constant.
        """
        ...

    def stream(self, name: str) -> Iterator[bytes]:
        """The whole object in pieces of at most 4 MiB. The errors of `get`, some only while iterating. Idempotent."""
        ...

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """All objects whose names begin with `prefix`, sorted by name as bytes, fetched page by page.

        An object whose `put` returned before the call is listed; one put or deleted meanwhile may be or not. Idempotent.
        """
        ...

    def stat(self, name: str) -> ObjectInfo:
        """Size, tier and whether it is being rehydrated. Raises `ObjectMissing`. Idempotent."""
        ...

    def delete(self, name: str) -> None:
        """Removes the object; does nothing where there is none, so a retry is safe.

        Raises `WriteOnce` where a lock or a hold keeps it, by the storage's own clock; then it is as readable as before.
        Raises `Forbidden` for want of the right. Where the storage keeps versions, no version is left behind.
        """
        ...

    def lock(self, name: str, until: datetime, mode: LockMode = LockMode.LOCKED) -> ObjectInfo:
        """Makes the object write-once until then (rounded up to whole seconds), and says how it stands. Idempotent.

        Never shortens a lock and never weakens its mode: asked for less than there is, it does nothing. Raises
        `ObjectMissing`, `NoImmutability`; `InvalidInput` for a time that has passed.
        """
        ...

    def hold(self, name: str, on: bool) -> ObjectInfo:
        """Makes the object write-once until released, or releases it; a lock stays. Idempotent.

        Raises `ObjectMissing`, `NoImmutability`.
        """
        ...

    def kept_versions(self, prefix: str = "") -> Iterator[KeptVersion]:
        """First contents of names that are gone from the list or were replaced, sorted by name; none where the storage
        keeps no versions. Lock objects, which are rewritten by design, are the caller's to pass over.

        `get`, `get_range`, `stream` and `stat` answer from a kept version by themselves where the name is gone and the
        version is write-once: a deletion that came round a lock hides an object from `list` and from nothing else.
        """
        ...

    def bring_back(self, kept: KeptVersion) -> None:
        """Makes that content the current one again, under the same name. Idempotent.

        Raises `AlreadyExists` where the name was written meanwhile, `Rehydrating` in the archive tier. The new copy has
        no lock of its own.
        """
        ...

    def acquire(self, name: str, owner: str, duration: timedelta) -> Lease:
        """Takes the lease on `name` for `duration` (15 to 60 seconds), making the lock object where there is none.

        Raises `LeaseHeld` while somebody's lease runs, the caller's own included; its detail names the holder where that is
        known. The fence grows with every acquisition, for ever. The lock object is the only object that is ever rewritten.
        After `Unavailable` a lease that nobody knows of may run; it ends by itself.
        """
        ...

    def renew(self, lease: Lease) -> Lease:
        """Starts the duration anew. Raises `LeaseLost` where it ended and somebody took it; may succeed where nobody did."""
        ...

    def release(self, lease: Lease) -> None:
        """Ends the lease. Does nothing where it has ended or been lost, so a retry is safe."""
        ...

    def set_tier(self, name: str, tier: Tier) -> None:
        """Moves the object between readable tiers, or into the archive tier. Raises `ObjectMissing`. Idempotent.

        Out of the archive tier only `rehydrate` leads; asked for that, this raises `Rehydrating`.
        """
        ...

    def rehydrate(self, name: str, priority: Priority = "Standard") -> ObjectInfo:
        """Starts to bring the object out of the archive tier, and says how it stands. Takes hours in Azure.

        Does nothing to an object that is readable or on its way. Raises `ObjectMissing`. Idempotent.
        """
        ...

    def close(self) -> None:
        """Ends connections. The store must not be used afterwards."""
        ...


_NAME = re.compile(r"(?:[A-Za-z0-9_-][A-Za-z0-9._-]*/)*[A-Za-z0-9_-][A-Za-z0-9._-]*")


def check_name(name: str) -> str:
    """The name itself. Raises InvalidInput for one that is no object name, so that no name leads out of a store."""
    if len(name) > 512 or not _NAME.fullmatch(name):
        raise InvalidInput(f"{name!r} cannot be an object's name")
    return name


def parts_of(data: Data) -> list[bytes | bytearray | memoryview]:
    """What is to be put, as parts."""
    return [data] if isinstance(data, (bytes, bytearray, memoryview)) else list(data)
