"""Makes worlds."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.days.world import World

_START = datetime(2026, 1, 1, 3, tzinfo=UTC)


@pytest.fixture
def make_world(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., World]]:
    """Makes worlds at a moment of theirs; the activities find the latest as their installation."""
    made: list[World] = []

    def make(start: datetime = _START) -> World:
        found = World(Path(tempfile.mkdtemp(prefix="hf-days-")), start)
        made.append(found)
        monkeypatch.setattr("activities.answering.services", lambda: found.services)
        monkeypatch.setattr("holdfast.worker.survey._put", found.exports.put)
        monkeypatch.setattr("activities.lease_worker.custom_data", lambda *_, **__: "#cloud-config")
        return found

    yield make
    for world in made:
        world.close()
