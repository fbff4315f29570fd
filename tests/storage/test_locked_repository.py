"""A locked repository in Azure against somebody who has every right on the container but none against time."""

from __future__ import annotations

import contextlib
import hashlib
import zipfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import ContainerClient

from holdfast.repository import PasswordCost, PointHeader, Repository
from holdfast.repository.upkeep.hidden import bring_back_hidden
from holdfast.storage import LockMode, ObjectStore, WriteOnce

CHEAP = PasswordCost(iterations=1, lanes=1, memory_kib=64)
SPACE = "http://schemas.microsoft.com/sqlserver/dac/Serialization/2012/02"


def _bacpac(path: Path, data: bytes) -> Path:
    model = f'<DataSchemaModel DspName="x.SqlAzureV12DatabaseSchemaProvider" xmlns="{SPACE}"><Model/></DataSchemaModel>'
    digest = hashlib.sha256(model.encode()).hexdigest()
    origin = (
        f'<DacOrigin xmlns="{SPACE}"><PackageProperties><ContainsExportedData>true</ContainsExportedData>'
        f'</PackageProperties><Checksums><Checksum Uri="/model.xml">{digest}</Checksum></Checksums></DacOrigin>'
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as file:
        file.writestr("model.xml", model)
        file.writestr("Origin.xml", origin)
        file.writestr("[Content_Types].xml", "<Types/>")
        file.writestr("Data/dbo.T/TableData-000-00000.BCP", data)
    return path


class Attacked:
    """A repository of two points, the second of which shares data with the first, and the attacker's own client."""

    def __init__(self, world: Any, folder: Path) -> None:
        name = world.container()
        owner = world.identity(("Storage Blob Data Owner", name))
        self.clock = world.clock
        self.store: ObjectStore = world.open(name, owner)
        self.repository = Repository.init(self.store, "password", clock=self.clock, cost=CHEAP)
        data = b"".join(hashlib.sha256(number.to_bytes(4, "big")).digest() for number in range(20_000))
        for number, rows in (("1", data), ("2", data + b"more")):
            at = self.clock.now()
            header = PointHeader(id=f"p{number}", source="s/d", chain="c", created_at=at, session=number)
            self.repository.store_point(_bacpac(folder / number, rows), header, owner="w")
        self.attacker = ContainerClient(
            f"https://127.0.0.1:{world.ports.blob}/{world.account}",
            name,
            credential=owner,
            connection_verify=str(world.folder.ca),
            retry_total=0,
        )

    def lock(self, days: float = 20) -> datetime:
        end: datetime = self.clock.now() + timedelta(days=days)
        report = self.repository.locks.lock({"p1": end, "p2": end}, LockMode.LOCKED)
        assert report.problems == []
        return end

    def destroy(self, prefix: str = "", *, overwrite: bool = False) -> None:
        """Deletes what can be deleted, and writes over and deletes the rest; or only writes over."""
        for info in list(self.store.list(prefix)):
            blob = self.attacker.get_blob_client(info.name)
            if not overwrite:
                with contextlib.suppress(HttpResponseError):
                    blob.delete_blob()
                    continue
            blob.upload_blob(b"ransom", overwrite=True)
            if not overwrite:
                blob.delete_blob()
        for version in self.attacker.list_blobs(include=["versions"]):
            with contextlib.suppress(HttpResponseError):
                old = self.attacker.get_blob_client(version.name, version_id=version.version_id)
                old.delete_immutability_policy()
                old.delete_blob()

    def opened(self) -> Repository:
        return Repository.open(self.store, "password", clock=self.clock)


@pytest.fixture
def attacked(front_world: Any, tmp_path: Path) -> Iterator[Attacked]:
    found = Attacked(front_world, tmp_path)
    with contextlib.closing(found.attacker):
        yield found
    found.store.close()


def test_everything_that_was_destroyed_is_brought_back(attacked: Attacked) -> None:
    attacked.lock()
    attacked.destroy()
    assert list(attacked.store.list()) == []
    bring_back_hidden(attacked.store, attacked.clock.now())
    assert bring_back_hidden(attacked.store, attacked.clock.now()) == []
    opened = attacked.opened()
    assert [point.id for point in opened.points()] == ["p1", "p2"]
    assert opened.check(read_data=True).problems == []
    for point in ("p1", "p2"):
        opened.verify_point(point)
    # What came back has no lock yet; the next run gives it one.
    assert all(state.locked_until is None for state in opened.locks.states())
    attacked.lock()
    assert all(state.weak == [] for state in opened.locks.states())


def test_a_listed_point_is_read_though_all_but_its_manifest_is_hidden(attacked: Attacked) -> None:
    """No step is needed in between: reads answer from the protected versions, and check says what happened."""
    attacked.lock()
    for kind in ("data", "recipes", "index"):
        attacked.destroy(f"chains/c/{kind}/")
    opened = attacked.opened()
    assert [point.id for point in opened.points()] == ["p1", "p2"]
    opened.verify_point("p1")
    report = opened.check()
    hidden = [problem.object for problem in report.problems if "undelete" in problem.what]
    assert hidden
    assert all(name.startswith("chains/c/") for name in hidden)


def test_replaced_objects_are_named_by_check_and_brought_back(attacked: Attacked) -> None:
    attacked.lock()
    attacked.destroy("chains/c/", overwrite=True)
    attacked.destroy("keys/", overwrite=True)
    brought = bring_back_hidden(attacked.store, attacked.clock.now())
    assert {kept.replaced for kept in brought} == {True}
    opened = attacked.opened()
    assert opened.check(read_data=True).problems == []
    attacked.destroy("chains/c/data/", overwrite=True)
    assert {problem.object for problem in opened.check().problems if "replaced" in problem.what} == {
        info.name for info in attacked.store.list("chains/c/data/")
    }


def test_without_locks_everything_is_lost(attacked: Attacked) -> None:
    """What the locks are worth."""
    attacked.destroy()
    attacked.destroy()
    assert bring_back_hidden(attacked.store, attacked.clock.now()) == []
    assert list(attacked.attacker.list_blobs(include=["versions"])) == []


def test_trial_locks_do_not_hold_against_whoever_may_set_them(attacked: Attacked) -> None:
    end = attacked.clock.now() + timedelta(days=5)
    attacked.repository.locks.lock({"p1": end, "p2": end}, LockMode.UNLOCKED)
    attacked.destroy()
    assert list(attacked.attacker.list_blobs(include=["versions"])) == []


def test_when_the_lock_has_ended_all_can_be_deleted_and_nothing_stays(attacked: Attacked) -> None:
    end = attacked.lock()
    pack = next(attacked.store.list("chains/c/data/")).name
    with pytest.raises(WriteOnce):
        attacked.store.delete(pack)
    attacked.clock.advance(end - attacked.clock.now() + timedelta(days=10, seconds=2))
    for info in list(attacked.store.list("chains/")):
        attacked.store.delete(info.name)
    assert list(attacked.attacker.list_blobs("chains/", include=["versions"])) == []
