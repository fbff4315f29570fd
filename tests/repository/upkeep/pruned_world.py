"""Three points of one chain, and what must hold of them whatever is pruned."""

from __future__ import annotations

import random
from datetime import timedelta
from pathlib import Path
from typing import Any

from holdfast.repository import PruneRules, Repository

AT_ONCE = PruneRules(grace=timedelta(0))


def whole(repository: Repository, files: dict[str, Path], tmp_path: Path) -> None:
    """Exactly these points are listed, each gives its very file back, and the check finds nothing."""
    assert [point.id for point in repository.points()] == list(files)
    for point, file in files.items():
        repository.write_bacpac(point, tmp_path / "read", identical=True)
        assert (tmp_path / "read").read_bytes() == file.read_bytes()
    report = repository.check(read_data=True)
    assert report.problems == []


def noise(tools: Any, count: int, seed: int) -> bytes:
    """Rows of which nothing repeats, in no other seed either: what one point has of it no other can lean on."""
    words = random.Random(seed)
    return b"".join(tools.row(words.getrandbits(31), f"{words.getrandbits(400):x}") for _ in range(count))
