"""What makes the skeleton reads the file in a thread: it ends with the write, however that ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from holdfast.bacpac.package import Bacpac
from holdfast.bacpac.skeleton import Skeleton
from holdfast.model.errors import Cancelled
from holdfast.repository import Repository
from holdfast.repository.points import streams


class _Stop(Exception):
    pass


def test_a_write_that_fails_waits_for_its_skeleton_to_stop(
    repository: Repository, bacpac: Any, tools: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, ended = threading.Event(), threading.Event()

    def endless(_: Bacpac, *, threads: int, check: Callable[[], None]) -> Skeleton:
        began.set()
        try:
            while True:
                check()
                time.sleep(0.001)
        finally:
            ended.set()

    monkeypatch.setattr(streams.Skeleton, "of_open", endless)
    file = bacpac({"A": [tools.rows(3000)]})
    with pytest.raises(Cancelled):
        repository.store_point(file, tools.header_of(1), owner="w", cancelled=began.is_set)
    assert ended.is_set(), "nothing reads the file any more"
    assert not [one for one in threading.enumerate() if one.name.startswith("skeleton")]


def test_a_skeleton_is_stopped_in_the_midst_of_an_entry(bacpac: Any, tools: Any) -> None:
    file: Path = bacpac({"A": [tools.rows(30_000)]})
    asked = 0

    def check() -> None:
        nonlocal asked
        asked += 1
        if asked == 3:
            raise _Stop

    with Bacpac.open(file) as opened, pytest.raises(_Stop):
        Skeleton.of_open(opened, threads=1, check=check)
    with Bacpac.open(file) as opened:
        Skeleton.of_open(opened, threads=1, check=lambda: None)
