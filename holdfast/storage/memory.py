"""Objects in memory: the quickest store, for tests and trials. Emulates tiers with pending rehydration.

`FaultyStore` stands before any store and makes chosen operations fail, before or after they had their effect.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal, TypeVar

from holdfast.model.clock import Clock, SystemClock
from holdfast.model.errors import Rehydrating, Unavailable
from holdfast.storage.errors import AlreadyExists, LeaseHeld, LeaseLost, NoImmutability, ObjectMissing
from holdfast.storage.interface import (
    Data,
    KeptVersion,
    Lease,
    LockMode,
    ObjectInfo,
    ObjectStore,
    Priority,
    Tier,
    check_name,
    parts_of,
)
from holdfast.storage.write_once import WriteOnceState, refusal

PIECE = 4 << 20
Result = TypeVar("Result")


@dataclass
class _Object:
    data: bytes
    tier: Tier = Tier.HOT
    rehydrating: bool = False
    state: WriteOnceState = field(default_factory=WriteOnceState)


@dataclass
class _Lock:
    fence: int
    lease: Lease | None
    duration: timedelta


@dataclass
class MemoryStore:
    """Keeps objects in a dict. `finish_rehydration` ends what takes hours in Azure."""

    url: str = "memory:"
    clock: Clock = field(default_factory=SystemClock)
    tiers: bool = True
    immutability: bool = True

    def __post_init__(self) -> None:
        self.objects: dict[str, _Object] = {}
        self._locks: dict[str, _Lock] = {}
        self._mutex = threading.RLock()

    def put(self, name: str, data: Data, *, tier: Tier = Tier.HOT) -> None:
        """See ObjectStore."""
        whole = b"".join(parts_of(data))
        with self._mutex:
            if check_name(name) in self.objects:
                raise AlreadyExists(name)
            self.objects[name] = _Object(whole, tier)

    def get(self, name: str) -> bytes:
        """See ObjectStore."""
        with self._mutex:
            return self._readable(name).data

    def get_range(self, name: str, offset: int, length: int) -> bytes:
        """See ObjectStore."""
        return self.get(name)[offset : offset + length]

    def stream(self, name: str) -> Iterator[bytes]:
        """See ObjectStore."""
        data = self.get(name)
        for at in range(0, len(data), PIECE):
            yield data[at : at + PIECE]

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """See ObjectStore."""
        with self._mutex:
            names = sorted((name for name in self.objects if name.startswith(prefix)), key=str.encode)
            found = [self.stat(name) for name in names]
        yield from found

    def stat(self, name: str) -> ObjectInfo:
        """See ObjectStore."""
        with self._mutex:
            found = self._object(name)
            return found.state.on(ObjectInfo(name, len(found.data), found.tier, found.rehydrating))

    def delete(self, name: str) -> None:
        """See ObjectStore."""
        with self._mutex:
            if check_name(name) in self.objects and self.stat(name).write_once(self.clock.now()):
                raise refusal(self.stat(name))
            self.objects.pop(name, None)

    def lock(self, name: str, until: datetime, mode: LockMode = LockMode.LOCKED) -> ObjectInfo:
        """See ObjectStore."""
        with self._mutex:
            found = self._lockable(name)
            found.state = found.state.locked(until, mode, self.clock.now())
            return self.stat(name)

    def hold(self, name: str, on: bool) -> ObjectInfo:
        """See ObjectStore."""
        with self._mutex:
            found = self._lockable(name)
            found.state = replace(found.state, held=on)
            return self.stat(name)

    def kept_versions(self, prefix: str = "") -> Iterator[KeptVersion]:  # noqa: ARG002
        """See ObjectStore. Nothing is kept: what is deleted is gone."""
        yield from ()

    def bring_back(self, kept: KeptVersion) -> None:
        """See ObjectStore."""
        raise ObjectMissing(f"{kept.info.name}: this store keeps no versions")

    def acquire(self, name: str, owner: str, duration: timedelta) -> Lease:
        """See ObjectStore."""
        with self._mutex:
            now = self.clock.now()
            lock = self._locks.get(check_name(name))
            if lock and lock.lease and lock.lease.expires_at > now:
                raise LeaseHeld(f"{name} is held by {lock.lease.owner}")
            fence = lock.fence + 1 if lock else 1
            lease = Lease(name, owner, fence, secrets.token_hex(16), now + duration)
            self._locks[name] = _Lock(fence, lease, duration)
            self.objects[name] = _Object(b"lock")
            return lease

    def renew(self, lease: Lease) -> Lease:
        """See ObjectStore."""
        with self._mutex:
            lock = self._locks.get(lease.name)
            if lock is None or lock.lease is None or lock.lease.token != lease.token:
                raise LeaseLost(lease.name)
            lock.lease = replace(lock.lease, expires_at=self.clock.now() + lock.duration)
            return lock.lease

    def release(self, lease: Lease) -> None:
        """See ObjectStore."""
        with self._mutex:
            lock = self._locks.get(lease.name)
            if lock and lock.lease and lock.lease.token == lease.token:
                lock.lease = None

    def set_tier(self, name: str, tier: Tier) -> None:
        """See ObjectStore."""
        with self._mutex:
            found = self._object(name)
            if found.tier is Tier.ARCHIVE and tier is not Tier.ARCHIVE:
                raise Rehydrating(name)
            found.tier = tier

    def rehydrate(self, name: str, priority: Priority = "Standard") -> ObjectInfo:  # noqa: ARG002
        """See ObjectStore."""
        with self._mutex:
            found = self._object(name)
            found.rehydrating = found.tier is Tier.ARCHIVE
            return self.stat(name)

    def finish_rehydration(self) -> None:
        """Every object on its way out of the archive tier arrives."""
        with self._mutex:
            for found in self.objects.values():
                if found.rehydrating:
                    found.tier, found.rehydrating = Tier.HOT, False

    def close(self) -> None:
        """See ObjectStore. There is nothing to end."""

    def _object(self, name: str) -> _Object:
        try:
            return self.objects[check_name(name)]
        except KeyError:
            raise ObjectMissing(name) from None

    def _lockable(self, name: str) -> _Object:
        if not self.immutability:
            raise NoImmutability(self.url)
        return self._object(name)

    def _readable(self, name: str) -> _Object:
        found = self._object(name)
        if found.tier is Tier.ARCHIVE:
            raise Rehydrating(name)
        return found


Fault = Literal["before", "after"] | None


class FaultyStore:
    """Passes everything on to `inner`, but raises `Unavailable` where `plan(operation, name)` says so.

    `before`: the operation has no effect. `after`: it has its effect and the answer is lost. Operations are named as the
    methods are. A plan may raise an error of its own, as a killed process would.
    """

    def __init__(self, inner: ObjectStore, plan: Callable[[str, str], Fault]) -> None:
        self.inner, self.plan = inner, plan
        self.url, self.tiers = inner.url, inner.tiers

    def put(self, name: str, data: Data, *, tier: Tier = Tier.HOT) -> None:
        """See ObjectStore."""
        self._run("put", name, lambda: self.inner.put(name, data, tier=tier))

    def get(self, name: str) -> bytes:
        """See ObjectStore."""
        return self._run("get", name, lambda: self.inner.get(name))

    def get_range(self, name: str, offset: int, length: int) -> bytes:
        """See ObjectStore."""
        return self._run("get_range", name, lambda: self.inner.get_range(name, offset, length))

    def stream(self, name: str) -> Iterator[bytes]:
        """See ObjectStore."""
        return self._run("stream", name, lambda: self.inner.stream(name))

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """See ObjectStore."""
        return self._run("list", prefix, lambda: self.inner.list(prefix))

    def stat(self, name: str) -> ObjectInfo:
        """See ObjectStore."""
        return self._run("stat", name, lambda: self.inner.stat(name))

    def delete(self, name: str) -> None:
        """See ObjectStore."""
        self._run("delete", name, lambda: self.inner.delete(name))

    @property
    def immutability(self) -> bool:
        """See ObjectStore."""
        return self.inner.immutability

    def lock(self, name: str, until: datetime, mode: LockMode = LockMode.LOCKED) -> ObjectInfo:
        """See ObjectStore."""
        return self._run("lock", name, lambda: self.inner.lock(name, until, mode))

    def hold(self, name: str, on: bool) -> ObjectInfo:
        """See ObjectStore."""
        return self._run("hold", name, lambda: self.inner.hold(name, on))

    def kept_versions(self, prefix: str = "") -> Iterator[KeptVersion]:
        """See ObjectStore."""
        return self._run("kept_versions", prefix, lambda: self.inner.kept_versions(prefix))

    def bring_back(self, kept: KeptVersion) -> None:
        """See ObjectStore."""
        self._run("bring_back", kept.info.name, lambda: self.inner.bring_back(kept))

    def acquire(self, name: str, owner: str, duration: timedelta) -> Lease:
        """See ObjectStore."""
        return self._run("acquire", name, lambda: self.inner.acquire(name, owner, duration))

    def renew(self, lease: Lease) -> Lease:
        """See ObjectStore."""
        return self._run("renew", lease.name, lambda: self.inner.renew(lease))

    def release(self, lease: Lease) -> None:
        """See ObjectStore."""
        self._run("release", lease.name, lambda: self.inner.release(lease))

    def set_tier(self, name: str, tier: Tier) -> None:
        """See ObjectStore."""
        self._run("set_tier", name, lambda: self.inner.set_tier(name, tier))

    def rehydrate(self, name: str, priority: Priority = "Standard") -> ObjectInfo:
        """See ObjectStore."""
        return self._run("rehydrate", name, lambda: self.inner.rehydrate(name, priority))

    def close(self) -> None:
        """See ObjectStore."""
        self.inner.close()

    def _run(self, operation: str, name: str, action: Callable[[], Result]) -> Result:
        fault = self.plan(operation, name)
        if fault == "before":
            raise Unavailable(f"{operation} {name}: refused by plan")
        result = action()
        if fault == "after":
            raise Unavailable(f"{operation} {name}: answer lost by plan")
        return result
