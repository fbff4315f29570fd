"""Makes worlds."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.days.world import World


@pytest.fixture
def make_world(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], World]]:
    """Makes worlds; the activities find the latest as their installation."""
    made: list[World] = []

    def make() -> World:
        found = World(Path(tempfile.mkdtemp(prefix="hf-days-")))
        made.append(found)
        monkeypatch.setattr("activities.answering.services", lambda: found.services)
        monkeypatch.setattr("activities.lease_worker.custom_data", lambda *_, **__: "#cloud-config")
        return found

    yield make
    for world in made:
        world.close()
