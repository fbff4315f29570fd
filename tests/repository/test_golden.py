"""A repository of every version of the format is kept for ever, and read by every later program.

Nothing in these folders may ever be written again. A new version of the format gets a folder of its own, and so does what
a version learns: `v1-increments` has programs, literals, typed frames and chunks named by BLAKE3.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from holdfast.repository import Repository
from holdfast.storage import ObjectStore, open_store

GOLDEN = Path(__file__).parent / "golden"
PASSWORDS = {"v1": "golden password of version 1", "v1-increments": "golden password of increments"}


@pytest.fixture(params=sorted(PASSWORDS))
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def golden_store(version: str, tmp_path: Path) -> ObjectStore:
    """A copy, so that no test can write to the original."""
    shutil.copytree(GOLDEN / version / "repository", tmp_path / "repository")
    return open_store((tmp_path / "repository").as_uri())


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def test_every_point_of_a_golden_repository_is_read(
    golden_store: ObjectStore, version: str, clock: Any, tmp_path: Path
) -> None:
    repository = Repository.open(golden_store, PASSWORDS[version], clock=clock, name="golden")
    expected = json.loads((GOLDEN / version / "expected.json").read_text())
    points = {point.id: point for point in repository.points()}
    assert len(points) == len(expected)
    for known in expected:
        point = points[known["point"]["id"]]
        told = point.model_dump(mode="json", by_alias=True)
        assert _digest(told.pop("entries")) == known["entries_sha256"]
        assert _digest(told.pop("tables")) == known["tables_sha256"]
        assert {name: told[name] for name in known["point"]} == known["point"]  # later versions say more
        repository.write_bacpac(point.id, tmp_path / "out", identical=True)
        assert hashlib.sha256((tmp_path / "out").read_bytes()).hexdigest() == known["file_sha256"]
    report = repository.check(read_data=True)
    assert (report.problems, report.notes, report.points) == ([], [], len(expected))


def test_a_golden_repository_goes_on(
    golden_store: ObjectStore, version: str, clock: Any, bacpac: Any, tools: Any, tmp_path: Path
) -> None:
    """Today's program writes the next point of an old chain, and it leans on the old ones."""
    clock.move(days=30)
    repository = Repository.open(golden_store, PASSWORDS[version], clock=clock, name="golden")
    old = repository.points("chain-a")[-1]
    repository.write_bacpac(old.id, tmp_path / "old.bacpac")
    new = repository.store_point(tmp_path / "old.bacpac", tools.header_of(100), owner="w")
    assert (new.sequence, new.kind) == (old.sequence + 1, "increment")
    assert new.stored_bytes < 10_000
    assert repository.check(read_data=True).problems == []
