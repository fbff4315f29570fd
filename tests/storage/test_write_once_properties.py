"""Whatever order locks, holds, waiting and deletions come in: two stores agree with a model of a few lines."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.model.errors import InvalidInput
from holdfast.storage import LockMode, ObjectMissing, ObjectStore, WriteOnce
from holdfast.storage.folder import FolderStore
from holdfast.storage.memory import MemoryStore

START = datetime(2026, 1, 1, tzinfo=UTC)
HOURS = st.integers(-40, 400)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("lock"), HOURS, st.sampled_from(list(LockMode))),
        st.tuples(st.just("hold"), st.booleans()),
        st.tuples(st.just("wait"), st.integers(0, 200)),
        st.tuples(st.just("delete")),
    ),
    max_size=25,
)


@dataclass
class Clock:
    time: datetime = START

    def now(self) -> datetime:
        return self.time


@dataclass
class Model:
    """What the object should say of itself."""

    until: datetime | None = None
    mode: LockMode | None = None
    held: bool = False
    there: bool = True

    def lock(self, until: datetime, mode: LockMode, now: datetime) -> bool:
        """Whether it is taken."""
        longer = self.until is None or until > self.until
        stronger = mode is LockMode.LOCKED and self.mode is LockMode.UNLOCKED and self.until is not None
        alive = self.until is not None and self.until > now
        if not longer and not (stronger and alive):
            return True
        if until <= now:
            return False
        self.until = max(until, self.until or until)
        self.mode = LockMode.LOCKED if LockMode.LOCKED in (mode, self.mode) else mode
        return True


@pytest.mark.parametrize("kind", ["memory", "folder"])
@settings(max_examples=60, deadline=None)
@given(steps=STEPS)
def test_stores_agree_with_the_model(kind: str, steps: list[tuple[Any, ...]]) -> None:
    clock, model = Clock(), Model()
    with tempfile.TemporaryDirectory() as folder:
        store: ObjectStore = MemoryStore(clock=clock) if kind == "memory" else FolderStore(Path(folder), clock)
        store.put("a/b", b"x")
        store.put("a/c", b"y")
        for step in steps:
            before = model.until
            _take(store, model, clock, step)
            if not model.there:
                with pytest.raises(ObjectMissing):
                    store.stat("a/b")
                break
            info = store.stat("a/b")
            assert (info.locked_until, info.lock_mode, info.held) == (model.until, model.mode, model.held)
            assert before is None or (info.locked_until is not None and info.locked_until >= before)
            assert next(store.list()) == info
        assert store.stat("a/c").locked_until is None


def _take(store: ObjectStore, model: Model, clock: Clock, step: tuple[Any, ...]) -> None:
    now = clock.now()
    if step[0] == "wait":
        clock.time += timedelta(hours=step[1])
    elif step[0] == "hold":
        model.held = step[1]
        assert store.hold("a/b", step[1]).held is step[1]
    elif step[0] == "lock":
        until = now + timedelta(hours=step[1])
        if model.lock(until, step[2], now):
            store.lock("a/b", until, step[2])
        else:
            with pytest.raises(InvalidInput):
                store.lock("a/b", until, step[2])
    elif model.held or (model.until is not None and model.until > now):
        with pytest.raises(WriteOnce):
            store.delete("a/b")
    else:
        store.delete("a/b")
        model.there = False
