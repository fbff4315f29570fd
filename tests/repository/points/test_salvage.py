"""What can still be read of a damaged point is given back, and what is lost is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from holdfast.model.errors import Damaged, InvalidInput
from holdfast.repository import Repository, Salvage
from holdfast.repository.points import frame_writing
from holdfast.storage.memory import MemoryStore


@pytest.fixture
def file(bacpac: Any, tools: Any) -> Path:
    return bacpac({"A": [tools.rows(9000), tools.rows(5000, 4)], "B": [tools.rows(2500, 2)], "C": []})


@pytest.fixture
def point(repository: Repository, file: Path, tools: Any) -> str:
    return repository.store_point(file, tools.header_of(1), owner="w").id


def _pack(memory: MemoryStore) -> str:
    return max((n for n in memory.objects if "/data/" in n), key=lambda name: len(memory.objects[name].data))


def _check_against(found: Salvage, folder: Path, entries: dict[str, bytes]) -> None:
    """Whole entries are what they were, partial ones a beginning of that, and nothing else lies in the folder."""
    assert sorted(entry.name for entry in found.entries) == sorted(entries)
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} - {"salvage.json"}
    assert files == {entry.file for entry in found.entries if entry.file}
    for entry in found.entries:
        data = (folder / entry.file).read_bytes() if entry.file else b""
        assert len(data) == entry.bytes_read
        assert entry.bytes == len(entries[entry.name])
        if entry.state == "whole":
            assert data == entries[entry.name]
        else:
            assert entries[entry.name].startswith(data)
            assert len(data) < entry.bytes
            assert entry.what
    assert json.loads((folder / "salvage.json").read_text()) == found.as_json()


def test_a_whole_point_comes_back_whole(
    repository: Repository, point: str, file: Path, tools: Any, tmp_path: Path
) -> None:
    found = repository.salvage_point(point, tmp_path / "out")
    assert found.complete
    _check_against(found, tmp_path / "out", dict(tools.entries_of(file)))
    assert {table.state for table in found.tables} == {"whole"}
    assert sum(table.rows_read or 0 for table in found.tables) == 16_500


@pytest.mark.parametrize("share", [0.02, 0.3, 0.5, 0.7, 0.9, 0.97])
def test_what_stands_before_the_damage_is_given_back(
    repository: Repository, memory: MemoryStore, point: str, file: Path, tools: Any, tmp_path: Path, share: float
) -> None:
    name = _pack(memory)
    tools.flip(memory, name, int(len(memory.objects[name].data) * share))
    found = repository.salvage_point(point, tmp_path / "out")
    assert not found.complete
    _check_against(found, tmp_path / "out", dict(tools.entries_of(file)))
    hit = [entry for entry in found.entries if entry.state != "whole"]
    assert all(name in str(entry.what) for entry in hit)
    assert [entry for entry in found.entries if entry.state == "whole"], "not everything lies in one frame"
    reported = {problem.tables[0] for problem in repository.check(read_data=True).problems if problem.tables}
    assert reported <= {f"{table.schema}.{table.name}" for table in found.tables if table.state != "whole"}


def test_a_partial_table_ends_with_a_whole_row(
    repository: Repository,
    memory: MemoryStore,
    tools: Any,
    bacpac: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(frame_writing, "FRAME_BYTES", 256 << 10)
    rows = [tools.row(number, f"row {number} " + "x" * (number % 50)) for number in range(40_000)]
    point = repository.store_point(bacpac({"T": [b"".join(rows)]}), tools.header_of(1), owner="w").id
    name = _pack(memory)
    tools.flip(memory, name, int(len(memory.objects[name].data) * 0.5))
    found = repository.salvage_point(point, tmp_path / "out")
    (table,) = found.tables
    assert table.state == "partial"
    assert table.rows == 40_000
    assert 1000 < (table.rows_read or 0) < 40_000
    (entry,) = [entry for entry in found.entries if entry.state == "partial"]
    assert entry.file == "Data/dbo.T/TableData-000-00000.BCP.partial"
    assert (tmp_path / "out" / entry.file).read_bytes() == b"".join(rows[: table.rows_read])


def test_a_missing_pack_loses_entries_and_names_them(
    repository: Repository, memory: MemoryStore, point: str, file: Path, tools: Any, tmp_path: Path
) -> None:
    del memory.objects[_pack(memory)]
    found = repository.salvage_point(point, tmp_path / "out")
    _check_against(found, tmp_path / "out", dict(tools.entries_of(file)))
    assert {entry.state for entry in found.entries if entry.bytes} == {"lost"}


def test_a_folder_with_something_in_it_is_refused(repository: Repository, point: str, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("x")
    with pytest.raises(InvalidInput, match="empty"):
        repository.salvage_point(point, tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine"]


def test_without_a_recipe_nothing_can_be_told(
    repository: Repository, memory: MemoryStore, tools: Any, bacpac: Any, tmp_path: Path
) -> None:
    many = {f"Table{n}": [tools.row(n, "x")] for n in range(200)}
    point = repository.store_point(bacpac(many), tools.header_of(1), owner="w").id
    name = next(name for name in memory.objects if "/recipes/" in name)
    del memory.objects[name]
    with pytest.raises(Damaged, match=name):
        repository.salvage_point(point, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("Data/dbo.A/TableData-000-00000.BCP", ["Data", "dbo.A", "TableData-000-00000.BCP"]),
        ("[Content_Types].xml", ["[Content_Types].xml"]),
        ("../../etc/passwd", ["_", "_", "etc", "passwd"]),
        ("/abs\x00olute", ["_", "absolute"]),
        ("c:\\evil", ["cevil"]),
    ],
)
def test_no_name_leads_out_of_the_folder(name: str, safe: list[str]) -> None:
    from holdfast.repository.points.salvage import _safe

    assert _safe(name) == safe
