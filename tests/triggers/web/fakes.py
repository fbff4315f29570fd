"""The catalog of a made-up installation: plain lists that answer as the real one does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from holdfast.model.errors import Conflict, NotFound
from holdfast.model.point import RestorePoint
from holdfast.model.policy import Policy
from holdfast.model.protection import NewestPoint
from holdfast.model.session import Session, State

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


class Visits:
    """Visits of this test."""

    def __init__(self) -> None:
        self.open: set[str] = set()

    def begin(self) -> str:
        self.open.add(secret := f"secret-{len(self.open)}")
        return secret

    def is_open(self, secret: str) -> bool:
        return secret in self.open

    def end(self, secret: str) -> None:
        self.open.discard(secret)


class Policies:
    def __init__(self) -> None:
        self.known: dict[str, Policy] = {}

    def get(self, name: str) -> Any:
        if name not in self.known:
            raise NotFound(f"there is no policy {name!r}")
        return SimpleNamespace(policy=self.known[name], etag=f"etag-of-{name}", changed_at=NOW)

    def list(self) -> list[Any]:
        return [self.get(name) for name in sorted(self.known)]

    def put(self, policy: Policy, *, etag: str | None = None) -> Any:
        there = f"etag-of-{policy.name}" if policy.name in self.known else ""
        if etag is not None and etag != there:
            raise Conflict(f"policy {policy.name} was changed since it was read")
        self.known[policy.name] = policy
        return self.get(policy.name)

    def delete(self, name: str, *, etag: str | None = None) -> None:
        self.get(name)
        del self.known[name]


class Sessions:
    def __init__(self) -> None:
        self.known: dict[str, Session] = {}

    def get(self, name: str, *, sources: bool = True) -> Session:
        if name not in self.known:
            raise NotFound(f"there is no session {name}")
        return self.known[name]

    def list(self, *, after: str = "", policy: str | None = None, state: State | None = None, kind: str | None = None):
        return [
            one
            for name, one in sorted(self.known.items())
            if name > after and policy in (None, one.policy) and state in (None, one.state) and kind in (None, one.kind)
        ]

    def source(self, name: str, key: str) -> Any:
        raise NotFound(f"session {name} has no such source")

    def unended(self) -> Any:
        return [one for one in self.known.values() if one.state in (State.PENDING, State.RUNNING)]

    def counts(self, name: str) -> Counter[State]:
        return Counter(one.state for one in self.known[name].sources)

    def create(self, session: Session) -> Session:
        return self.known.setdefault(session.id, session)

    def once(self, occasion: str, name: str) -> str:
        return self.occasions.setdefault(occasion, name)

    occasions: dict[str, str]

    def request_cancel(self, name: str) -> bool:
        self.known[name] = self.get(name).model_copy(update={"cancel_requested": True})
        return True


class Points:
    def __init__(self) -> None:
        self.known: list[RestorePoint] = []

    def get(self, name: str, *, repository: str | None = None) -> RestorePoint:
        for one in self.known:
            if one.id == name and repository in (None, one.repository):
                return one
        raise NotFound(f"there is no point {name}")

    def list(self, *, chain: str, absent: bool = False, **_: Any) -> Any:
        return SimpleNamespace(points=[one for one in self.known if one.chain == chain])

    def since(self, chain: str, moment: datetime) -> Any:
        return [one for one in self.known if one.chain == chain and one.created_at >= moment]

    def everything(self) -> Iterable[RestorePoint]:
        return iter(self.known)

    def newest(self, *, leave_out: Any = ()) -> dict[str, NewestPoint]:
        return {
            one.chain: NewestPoint(id=one.id, chain=one.chain, source=one.source, created_at=one.created_at)
            for one in sorted(self.known, key=lambda one: one.created_at)
        }
