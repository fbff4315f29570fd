"""The archive repository: self-contained copies in the archive tier, readable metadata, rehydration."""

from __future__ import annotations

import random
import zipfile
from pathlib import Path
from typing import Any

import pytest

from holdfast.model.errors import Damaged, Rehydrating
from holdfast.repository import Repository
from holdfast.storage.interface import Tier
from holdfast.storage.memory import MemoryStore


def _memory(repository: Repository) -> MemoryStore:
    assert isinstance(repository.store, MemoryStore)
    return repository.store


def test_a_copy_is_readable_with_the_backup_repository_gone(
    repository: Repository, archive: Repository, bacpac: Any, tools: Any, tmp_path: Path, clock: Any
) -> None:
    """Made of an increment, so that its data came from several points; restored by nothing but archive and password."""
    repository.store_point(bacpac({"A": [tools.rows(3000)], "B": [tools.rows(10)]}), tools.header_of(1), owner="w")
    file = bacpac({"A": [tools.rows(3000)], "B": [tools.rows(3000, 2)]}, exported=2)
    point = repository.store_point(file, tools.header_of(2, warnings=["w"]), owner="w")
    copy = repository.copy_point(point.id, archive, flags=["monthly", "yearly"], session="arch-1", owner="w")
    _memory(repository).objects.clear()
    alone = Repository.open(archive.store, "archive " + tools.password, clock=clock, name="archive")
    assert alone.points() == [copy]
    assert (copy.tier, copy.repository, copy.kind, copy.flags) == ("archive", "archive", "full", ["monthly", "yearly"])
    assert (copy.source, copy.chain, copy.created_at) == (point.source, point.chain, point.created_at)
    assert (copy.entries, copy.tables, copy.warnings) == (point.entries, point.tables, point.warnings)
    assert copy.id != point.id
    assert alone.check().ok, "the structure can be checked without rehydrating"
    with pytest.raises(Rehydrating, match="1 packs"):
        alone.write_bacpac(copy.id, tmp_path / "out")
    first = alone.rehydrate(copy.id, "High")
    assert (first.ready, first.pending) == (False, 1)
    assert alone.rehydrate(copy.id).pending == 1, "asking again changes nothing"
    _memory(alone).finish_rehydration()
    assert alone.rehydrate(copy.id).ready
    alone.write_bacpac(copy.id, tmp_path / "out", identical=True)
    assert (tmp_path / "out").read_bytes() == file.read_bytes()


def test_only_data_lies_in_the_archive_tier(
    repository: Repository, archive: Repository, bacpac: Any, tools: Any
) -> None:
    point = repository.store_point(
        bacpac({f"T{n}": [tools.rows(50)] for n in range(80)}), tools.header_of(1), owner="w"
    )
    repository.copy_point(point.id, archive, flags=[], session="s", owner="w")
    archived = {info.name.split("/")[2] for info in archive.store.list("chains/") if info.tier is Tier.ARCHIVE}
    readable = {info.name.split("/")[2] for info in archive.store.list("chains/") if info.readable}
    assert (archived, readable) == ({"data"}, {"recipes", "index", "manifests"})


def test_packs_are_large_and_only_a_points_own_are_rehydrated(archive: Repository, tools: Any, tmp_path: Path) -> None:
    """Full packs hold 48 to 64 MiB; what is left over goes into one more. Reading a point asks for its own, all and only."""
    points = [
        archive.store_point(
            _incompressible(tmp_path / f"{number}.bacpac", 150 << 20 if number == 1 else 1 << 20, tools),
            tools.header_of(number),
            owner="w",
            identical=False,
        )
        for number in (1, 2)
    ]
    data = {info.name: info for info in archive.store.list("chains/chain-a/data/")}
    assert {info.tier for info in data.values()} == {Tier.ARCHIVE}
    first, second = (read.manifest for read in archive.manifests("chain-a")[0])
    own = sorted(data[name].bytes for name in data if name.rpartition("/")[2] in first.packs)
    assert len(own) == 3
    for size in own[1:]:
        assert 48 << 20 <= size < 64 << 20
    found = [archive.rehydrate(point.id) for point in points]
    assert found[0].pending == len(own)
    assert found[1].pending == sum(name.rpartition("/")[2] in second.packs for name in data) == 1
    assert archive.point(points[0].id) == points[0], "what a point is made of is readable at any time"


def _incompressible(path: Path, size: int, tools: Any) -> Path:
    """A BACPAC with one table of chance; stored, since deflating it would take longer than all else."""
    tools.build_bacpac(path, {"A": [b""]})
    entries = dict(tools.entries_of(path)) | {"Data/dbo.A/TableData-000-00000.BCP": random.Random(size).randbytes(size)}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as file:
        for name, content in entries.items():
            file.writestr(name, content)
    return path


def test_every_copy_stands_alone(repository: Repository, archive: Repository, bacpac: Any, tools: Any) -> None:
    """Two copies of nearly the same data: deleting one, packs and all, leaves the other whole."""
    data = {"A": [tools.rows(2000)], "B": [tools.rows(30)]}
    copies = []
    for number in (1, 2):
        point = repository.store_point(bacpac(data, exported=number), tools.header_of(number), owner="w")
        copies.append(repository.copy_point(point.id, archive, flags=[], session=f"s{number}", owner="w"))
    memory = _memory(archive)
    chain = archive._chain("chain-a")
    first = chain.manifest(1).manifest
    for kind in ("data", "recipes"):
        for pack in first.packs:
            memory.objects.pop(f"chains/chain-a/{kind}/{pack}", None)
    memory.objects = {
        name: one for name, one in memory.objects.items() if not any(name.endswith(index) for index in first.indexes)
    }
    archive.rehydrate(copies[1].id)
    memory.finish_rehydration()
    assert archive.verify_point(copies[1].id) == copies[1].inflated_bytes


def test_one_archive_session_copies_a_point_once(
    repository: Repository, archive: Repository, bacpac: Any, tools: Any
) -> None:
    point = repository.store_point(bacpac({"A": [tools.rows(30)]}), tools.header_of(1), owner="w")
    copy = repository.copy_point(point.id, archive, flags=["yearly"], session="s", owner="w")
    before = set(_memory(archive).objects)
    assert repository.copy_point(point.id, archive, flags=["yearly"], session="s", owner="other") == copy
    assert set(_memory(archive).objects) == before
    later = repository.copy_point(point.id, archive, flags=["monthly"], session="t", owner="w")
    assert later.id != copy.id


def test_damaged_data_is_never_archived(repository: Repository, archive: Repository, bacpac: Any, tools: Any) -> None:
    point = repository.store_point(bacpac({"A": [tools.rows(3000)]}), tools.header_of(1), owner="w")
    name = next(name for name in _memory(repository).objects if "/data/" in name)
    tools.flip(_memory(repository), name, 5000)
    with pytest.raises(Damaged, match=name):
        repository.copy_point(point.id, archive, flags=[], session="s", owner="w")
    assert archive.points() == []


def test_a_backup_repository_rehydrates_what_somebody_archived(
    repository: Repository, bacpac: Any, tools: Any, tmp_path: Path
) -> None:
    """A lifecycle rule of the account moved a pack: reading says so, rehydrating helps."""
    point = repository.store_point(bacpac({"A": [tools.rows(3000)]}), tools.header_of(1), owner="w")
    name = next(name for name in _memory(repository).objects if "/data/" in name)
    repository.store.set_tier(name, Tier.ARCHIVE)
    with pytest.raises(Rehydrating):
        repository.write_bacpac(point.id, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert repository.rehydrate(point.id).pending == 1
    _memory(repository).finish_rehydration()
    assert repository.write_bacpac(point.id, tmp_path / "out").bytes > 0
