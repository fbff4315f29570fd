"""The repository keeps its promises on every kind of storage: a point, an increment, a copy in the archive tier."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path
from typing import Any

import pytest

from holdfast.model.errors import Rehydrating, RepositoryLocked
from holdfast.repository import PasswordCost, PointHeader, Repository
from holdfast.storage import ObjectStore
from holdfast.storage.memory import MemoryStore

XMLNS = "http://schemas.microsoft.com/sqlserver/dac/Serialization/2012/02"
CHEAP = PasswordCost(iterations=1, lanes=1, memory_kib=64)


def _bacpac(path: Path, data: bytes) -> Path:
    model = f'<DataSchemaModel DspName="x.SqlAzureV12DatabaseSchemaProvider" xmlns="{XMLNS}"><Model/></DataSchemaModel>'
    digest = hashlib.sha256(model.encode()).hexdigest()
    origin = (
        f'<DacOrigin xmlns="{XMLNS}"><PackageProperties><ContainsExportedData>true</ContainsExportedData>'
        f'</PackageProperties><Checksums><Checksum Uri="/model.xml">{digest}</Checksum></Checksums></DacOrigin>'
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as file:
        file.writestr("model.xml", model)
        file.writestr("Origin.xml", origin)
        file.writestr("[Content_Types].xml", "<Types/>")
        file.writestr("Data/dbo.T/TableData-000-00000.BCP", data)
    return path


def test_a_repository_lives_on_this_store(under_test: Any, hand_clock: Any, tmp_path: Path) -> None:
    store: ObjectStore = under_test.store
    # Data that does not compress, so that the pack goes up in blocks.
    data = b"".join(hashlib.sha256(number.to_bytes(4, "big")).digest() for number in range(640_000))
    first = _bacpac(tmp_path / "1.bacpac", data)
    second = _bacpac(tmp_path / "2.bacpac", data[:9_000_000] + b"inserted" + data[9_000_000:])
    repository = Repository.init(store, "password", clock=hand_clock, cost=CHEAP)

    def header(number: int) -> PointHeader:
        return PointHeader(id=f"p{number}", source="s/d", chain="c", created_at=hand_clock.now(), session=f"s{number}")

    repository.store_point(first, header(1), owner="w")
    point = Repository.open(under_test.reopen(), "password", clock=hand_clock).store_point(second, header(2), owner="w")
    assert point.stored_bytes < 1_000_000 < point.inflated_bytes
    repository.write_bacpac("p2", tmp_path / "out", identical=True)
    assert (tmp_path / "out").read_bytes() == second.read_bytes()
    assert repository.check(read_data=True).problems == []
    target = Repository.init(MemoryStore(tiers=True), "other", clock=hand_clock, archive=True, cost=CHEAP)
    copy = repository.copy_point("p2", target, flags=["yearly"], session="s", owner="w")
    with pytest.raises(Rehydrating):
        target.verify_point(copy.id)
    lease = store.acquire("locks/c", "another worker", under_test.lease)
    with pytest.raises(RepositoryLocked):
        repository.store_point(first, header(3), owner="w")
    store.release(lease)


def test_an_archive_repository_lives_on_this_store(under_test: Any, hand_clock: Any, tmp_path: Path) -> None:
    file = _bacpac(tmp_path / "1.bacpac", b"some rows" * 100)
    origin = Repository.init(MemoryStore(), "password", clock=hand_clock, cost=CHEAP)
    header = PointHeader(id="p1", source="s/d", chain="c", created_at=hand_clock.now(), session="s1")
    origin.store_point(file, header, owner="w")
    archive = Repository.init(under_test.store, "other", clock=hand_clock, archive=True, cost=CHEAP)
    copy = origin.copy_point("p1", archive, flags=["yearly"], session="s", owner="w")
    opened = Repository.open(under_test.reopen(), "other", clock=hand_clock)
    assert opened.points() == [copy]
    assert opened.check().ok
    if under_test.store.tiers:
        with pytest.raises(Rehydrating):
            opened.write_bacpac(copy.id, tmp_path / "out")
    started = opened.rehydrate(copy.id, "High")
    if not started.ready:
        assert started.pending == 1
        under_test.store.finish_rehydration()
    opened.write_bacpac(copy.id, tmp_path / "out", identical=True)
    assert (tmp_path / "out").read_bytes() == file.read_bytes()
