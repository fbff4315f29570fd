"""The rules of locks and holds that every store keeps, whatever it keeps them in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from holdfast.model.clock import iso
from holdfast.model.errors import InvalidInput
from holdfast.storage.errors import WriteOnce
from holdfast.storage.interface import LockMode, ObjectInfo


@dataclass(frozen=True)
class WriteOnceState:
    """What keeps one object from being deleted."""

    until: datetime | None = None
    mode: LockMode | None = None
    held: bool = False

    @classmethod
    def of(cls, info: ObjectInfo) -> WriteOnceState:
        """The state that `stat` or `list` told."""
        return cls(info.locked_until, info.lock_mode, info.held)

    def locked(self, until: datetime, mode: LockMode, now: datetime) -> WriteOnceState:
        """The state with the lock that was asked for: never shorter, never weaker. Raises InvalidInput."""
        wanted = whole_second(until)
        stronger = LockMode.LOCKED if LockMode.LOCKED in (mode, self.mode) else mode
        if self.until is not None and self.until >= wanted and (self.mode is stronger or self.until <= now):
            return self
        if wanted <= now:
            raise InvalidInput(f"a lock until {iso(wanted)} would have ended already")
        return replace(self, until=max(wanted, self.until or wanted), mode=stronger)

    def on(self, info: ObjectInfo) -> ObjectInfo:
        """What `stat` says of an object with this state."""
        return replace(info, locked_until=self.until, lock_mode=self.mode, held=self.held)


def whole_second(moment: datetime) -> datetime:
    """The moment in UTC, rounded up: storage knows whole seconds, and a lock is never shorter than asked for."""
    moment = moment.astimezone(UTC)
    return moment if moment.microsecond == 0 else moment.replace(microsecond=0) + timedelta(seconds=1)


def refusal(info: ObjectInfo) -> WriteOnce:
    """Why the object cannot be deleted."""
    if info.held:
        return WriteOnce(f"{info.name}: it is held until somebody releases it")
    if info.locked_until is not None:
        return WriteOnce(f"{info.name}: it is locked until {iso(info.locked_until)}")
    return WriteOnce(f"{info.name}: the storage says that it is immutable")
