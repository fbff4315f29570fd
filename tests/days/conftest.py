"""Makes worlds."""

from __future__ import annotations

import importlib
import pkgutil
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

import holdfast.repository
from tests.days.world import World

_START = datetime(2026, 1, 1, 3, tzinfo=UTC)


@pytest.fixture
def make_world(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., World]]:
    """Makes worlds at a moment of theirs; the activities find the latest as their installation."""
    made: list[World] = []
    for module in pkgutil.walk_packages(holdfast.repository.__path__, "holdfast.repository."):
        found = importlib.import_module(module.name)
        if hasattr(found, "READERS"):  # starting threads would take most of the time
            monkeypatch.setattr(found, "READERS", 1)

    def make(start: datetime = _START) -> World:
        world = World(Path(tempfile.mkdtemp(prefix="hf-days-")), start)
        made.append(world)
        monkeypatch.setattr("activities.answering.services", lambda: world.services)
        monkeypatch.setattr("holdfast.worker.survey._put", world.exports.put)
        monkeypatch.setattr("activities.lease_worker.custom_data", lambda *_, **__: "#cloud-config")
        return world

    yield make
    for world in made:
        world.close()
