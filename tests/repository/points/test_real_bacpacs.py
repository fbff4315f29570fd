"""Real databases, exported by other people: every entry and, where it can be, every file comes back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from holdfast.bacpac.package import Bacpac
from holdfast.repository import NotIdentical, Repository
from holdfast.storage.memory import MemoryStore

pytestmark = pytest.mark.real


@pytest.mark.timeout(300)
def test_every_real_bacpac_comes_back_and_a_second_store_costs_little(
    repository: Repository, memory: MemoryStore, real_bacpacs: dict[str, Path], tools: Any, tmp_path: Path
) -> None:
    identical: dict[str, bool] = {}
    for number, file in enumerate(real_bacpacs.values()):
        chain = f"chain-{number}"
        repository.store_point(file, tools.header_of(2 * number, chain), owner="w")
        before = tools.total(memory)
        point = repository.store_point(file, tools.header_of(2 * number + 1, chain), owner="w")
        assert tools.total(memory) - before < 10_000, file.name
        with Bacpac.open(file) as opened:
            counted = opened.origin().rows
        if counted is not None:
            assert sum(table.rows or 0 for table in point.tables) == counted, file.name
        repository.write_bacpac(point.id, tmp_path / "fast")
        assert tools.entries_of(tmp_path / "fast") == tools.entries_of(file), file.name
        identical[file.stem] = point.identical_possible
        if point.identical_possible:
            written = repository.write_bacpac(point.id, tmp_path / "same", identical=True)
            assert (tmp_path / "same").read_bytes() == file.read_bytes(), file.name
            assert written.identical
        else:
            with pytest.raises(NotIdentical, match="deflated"):
                repository.write_bacpac(point.id, tmp_path / "same", identical=True)
    if "course-netcore" in identical:
        assert not identical.pop("course-netcore"), "its writer's deflate streams cannot be re-created"
    assert all(identical.values())
    assert repository.check(read_data=True).problems == []


def test_the_same_database_exported_by_another_person_is_an_increment(
    repository: Repository, memory: MemoryStore, real_bacpacs: dict[str, Path], tools: Any, tmp_path: Path
) -> None:
    """AdventureWorksLT of 2019 and 2022: all data parts are the same, most of the rest is not."""
    files = [file for file in real_bacpacs.values() if file.stem in ("AdventureWorksLT-tsql", "AdventureWorksLT-dp300")]
    if len(files) < 2:
        pytest.skip("needs both exports of AdventureWorksLT")
    repository.store_point(files[0], tools.header_of(1), owner="w")
    before = tools.total(memory)
    point = repository.store_point(files[1], tools.header_of(2), owner="w")
    assert tools.total(memory) - before < files[1].stat().st_size / 6
    repository.write_bacpac(point.id, tmp_path / "same", identical=True)
    assert (tmp_path / "same").read_bytes() == files[1].read_bytes()


@pytest.mark.dacfx
def test_microsofts_own_code_opens_what_was_written(
    repository: Repository, real_bacpacs: dict[str, Path], judge: Any, tools: Any, tmp_path: Path
) -> None:
    point = repository.store_point(real_bacpacs["Northwind-urbidata.bacpac"], tools.header_of(1), owner="w")
    repository.write_bacpac(point.id, tmp_path / "out.bacpac")
    assert judge.refusals("load", tmp_path / "out.bacpac") == []
    (tmp_path / "unpacked").mkdir()
    assert judge.unpack(tmp_path / "out.bacpac", tmp_path / "unpacked") == []
