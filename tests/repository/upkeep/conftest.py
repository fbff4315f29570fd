"""What tests of pruning begin with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from holdfast.repository import Repository
from holdfast.repository.points import frame_writing
from tests.repository.upkeep.pruned_world import noise


@pytest.fixture
def files(repository: Repository, bacpac: Any, tools: Any, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """Three points of one chain. A is in all; B changes from point to point; C is in the first alone.

    Frames are small against the tables, as they are in life.

    There are tables enough that recipe and layout are streams and lie in recipe packs.
    """
    monkeypatch.setattr(frame_writing, "FRAME_BYTES", 64 << 10)
    made: dict[str, Path] = {}
    many = {f"Table{number}": [tools.row(number, "x")] for number in range(150)}
    for number in (1, 2, 3):
        tables = {**many, "A": [tools.rows(3000)], "B": [noise(tools, 2500, number)]}
        tables |= {"C": [noise(tools, 4000, 77)]} if number == 1 else {}
        file = bacpac(tables, exported=number)
        made[repository.store_point(file, tools.header_of(number), owner="w").id] = file
    return made


@pytest.fixture
def two_points(repository: Repository, bacpac: Any, tools: Any) -> list[str]:
    """Point 1 has tables A and B; point 2 has B changed. Layouts are long enough to lie in recipe packs."""
    many = {f"Table{n}": [tools.row(n, "x")] for n in range(60)}
    old, new = tools.rows(2500, 1), tools.rows(2500, 2)
    first = repository.store_point(bacpac({**many, "A": [tools.rows(2500)], "B": [old]}), tools.header_of(1), owner="w")
    second = repository.store_point(
        bacpac({**many, "A": [tools.rows(2500)], "B": [new]}, exported=2), tools.header_of(2), owner="w"
    )
    assert repository.check(read_data=True).problems == []
    return [first.id, second.id]
