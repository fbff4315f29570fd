"""Jobs that read and write repositories, on real ones in folders."""

from __future__ import annotations

import hashlib
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from holdfast.bacpac.package import Bacpac
from holdfast.model.errors import Unavailable
from holdfast.model.job import Job, RepositoryRef
from holdfast.model.point import RestorePoint, point_id
from holdfast.worker import download

if TYPE_CHECKING:
    from tests.worker.conftest import Office

CHAIN = "0123456789abcdef0123"
CREATED = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
POINT = point_id(CREATED, CHAIN, "s1")


@pytest.fixture
def backup(office: Office) -> RepositoryRef:
    return office.repository("default")


@pytest.fixture
def archive(office: Office) -> RepositoryRef:
    return office.repository("archive", archive=True)


def store_job(office: Office, repository: RepositoryRef, **changes: Any) -> Job:
    spec = {
        "repository": repository.model_dump(mode="json"),
        "chain": CHAIN,
        "source": "server/db",
        "resource_id": "/subscriptions/x",
        "point": POINT,
        "session": "s1",
        "created_at": CREATED,
        "consistency": "transactional",
        "flags": ["daily"],
        "warnings": ["User [anna]: is an Entra user"],
        "workspace": "w1",
        **changes,
    }
    return office.job("store", spec)


def exported(office: Office, package: Path) -> Path:
    """As the export job leaves it."""
    office.folder().mkdir(parents=True)
    shutil.copyfile(package, office.folder() / "database.bacpac")
    return office.folder() / "database.bacpac"


def stored(office: Office, repository: RepositoryRef, package: Path) -> RestorePoint:
    exported(office, package)
    result = office.run(store_job(office, repository))
    assert result.error is None, result.error
    return RestorePoint.model_validate(result.output["point"])


def test_storing_makes_a_point_and_removes_the_workspace(office: Office, backup: RepositoryRef, package: Path) -> None:
    point = stored(office, backup, package)
    assert (point.id, point.chain, point.kind, point.repository) == (POINT, CHAIN, "full", "default")
    assert (point.flags, point.warnings) == (["daily"], ["User [anna]: is an Entra user"])
    assert point.session == "s1"
    with Bacpac.open(package) as bacpac:
        assert {entry.name for entry in point.entries} == {entry.name for entry in bacpac.entries}
    assert not office.folder().exists()


def test_storing_again_after_the_workspace_is_gone_finds_the_point(
    office: Office, backup: RepositoryRef, package: Path
) -> None:
    """The worker died after the point was written and before it could say so."""
    point = stored(office, backup, package)
    again = office.run(store_job(office, backup))
    assert (again.state, RestorePoint.model_validate(again.output["point"])) == ("succeeded", point)


def test_a_lost_export_is_told_and_may_be_tried_again(office: Office, backup: RepositoryRef) -> None:
    result = office.run(store_job(office, backup))
    assert result.error is not None
    assert (result.error.code, result.error.permanent) == ("export-gone", False)


def test_a_broken_package_is_never_stored(office: Office, backup: RepositoryRef, package: Path) -> None:
    file = exported(office, package)
    file.write_bytes(file.read_bytes()[:-30])
    result = office.run(store_job(office, backup))
    assert result.error is not None
    assert result.error.code == "bad-bacpac"
    synchronised = office.run(synchronise_job(office, backup))
    assert synchronised.output["points"] == []
    assert not office.folder().exists(), "the next attempt exports anew"


def test_a_wrong_password_is_told_without_the_password(office: Office, backup: RepositoryRef, package: Path) -> None:
    exported(office, package)
    office.passwords[backup.password_secret] = "wrong-horse"
    result = office.run(store_job(office, backup))
    assert result.error is not None
    assert result.error.code == "wrong-key"
    assert "wrong-horse" not in result.model_dump_json()


def test_a_cancelled_store_leaves_no_point(
    office: Office, backup: RepositoryRef, package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exported(office, package)
    office.start()
    job = store_job(office, backup)
    opened = office.loops[0][0].equipment.repositories.open

    def open_slowly(ref: RepositoryRef) -> Any:
        office.mailbox.cancelled.add(job.id)
        seen = len(office.mailbox.heartbeats[job.id])
        office.wait_for(lambda: len(office.mailbox.heartbeats[job.id]) > seen + 2)
        return opened(ref)

    monkeypatch.setattr(office.loops[0][0].equipment.repositories, "open", open_slowly)
    office.mailbox.submit(job)
    assert office.result_of(job).state == "cancelled"
    monkeypatch.undo()
    assert office.run(synchronise_job(office, backup)).output["points"] == []


def synchronise_job(office: Office, repository: RepositoryRef) -> Job:
    return office.job("synchronise", {"repository": repository.model_dump(mode="json"), "chain": CHAIN})


def test_synchronising_tells_every_point_in_full(office: Office, backup: RepositoryRef, package: Path) -> None:
    nothing = {"points": [], "problems": [], "removed": [], "claims": [], "owner": None}
    assert office.run(synchronise_job(office, backup)).output == nothing
    point = stored(office, backup, package)
    result = office.run(synchronise_job(office, backup))
    assert [RestorePoint.model_validate(found) for found in result.output["points"]] == [point]


def test_damage_in_a_chain_is_a_problem_and_not_silence(office: Office, backup: RepositoryRef, package: Path) -> None:
    stored(office, backup, package)
    folder = Path(backup.url.removeprefix("file://")) / "chains" / CHAIN / "manifests"
    manifest = next(path for path in folder.iterdir() if path.is_file())
    manifest.chmod(0o644)
    content = bytearray(manifest.read_bytes())
    content[len(content) // 2] ^= 1
    manifest.write_bytes(content)
    result = office.run(synchronise_job(office, backup))
    assert result.state == "succeeded"
    assert result.output["points"] == []
    assert len(result.output["problems"]) == 1


def test_a_missing_repository_is_told(office: Office) -> None:
    ref = RepositoryRef(
        name="none", url=(office.root / "nothing").as_uri(), region="r", password_secret="https://vault/secrets/none"
    )
    office.passwords[ref.password_secret] = "x"
    error = office.run(synchronise_job(office, ref)).error
    assert error is not None
    assert error.code == "no-repository"


def test_archiving_copies_the_point(
    office: Office, backup: RepositoryRef, archive: RepositoryRef, package: Path
) -> None:
    point = stored(office, backup, package)
    spec = {
        "origin": backup.model_dump(mode="json"),
        "target": archive.model_dump(mode="json"),
        "chain": CHAIN,
        "point": point.id,
        "session": "s1",
        "flags": ["yearly"],
    }
    first, second = office.run(office.job("archive", spec)), office.run(office.job("archive", spec))
    assert first.error is None, first.error
    copy = RestorePoint.model_validate(first.output["point"])
    assert (copy.tier, copy.flags, copy.repository, copy.entries) == ("archive", ["yearly"], "archive", point.entries)
    assert second.output == first.output, "an archive job done twice makes one copy"
    assert first.output["points"] == [first.output["point"]], "the chain, for a catalog that lost it"
    assert first.output["problems"] == []
    rehydrated = office.run(
        office.job("rehydrate", {"repository": archive.model_dump(mode="json"), "chain": CHAIN, "point": copy.id})
    )
    assert rehydrated.output["ready"] is True
    assert rehydrated.output["pending"] == 0


def download_job(office: Office, repository: RepositoryRef, point: str = POINT, **changes: Any) -> Job:
    spec = {
        "repository": repository.model_dump(mode="json"),
        "chain": CHAIN,
        "point": point,
        "container_url": "https://state/exports",
        "blob": "s1/sales.bacpac",
        **changes,
    }
    return office.job("download", spec)


@pytest.mark.parametrize("identical", [True, False])
def test_a_download_is_the_package_again(
    office: Office,
    backup: RepositoryRef,
    package: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    identical: bool,
) -> None:
    stored(office, backup, package)
    sent: list[bytes] = []
    monkeypatch.setattr(download, "hand_out", lambda _assignment, _spec, file, _sha256: sent.append(file.read_bytes()))
    result = office.run(download_job(office, backup, identical=identical))
    assert result.error is None, result.error
    assert result.output["sha256"] == hashlib.sha256(sent[0]).hexdigest()
    assert result.output["bytes"] == len(sent[0])
    with Bacpac.open(package) as before:
        entries = {entry.name: b"".join(before.pieces(entry.name)) for entry in before.entries}
    (tmp_path / "again.bacpac").write_bytes(sent[0])
    with Bacpac.open(tmp_path / "again.bacpac") as after:
        assert {entry.name: b"".join(after.pieces(entry.name)) for entry in after.entries} == entries
    if identical:
        assert result.output["identical"] is True
        assert sent[0] == package.read_bytes()
    assert list((office.root / "exports").iterdir()) == [], "nothing stays on the worker's disk"


def test_a_download_that_fails_leaves_nothing_on_the_disk(
    office: Office, backup: RepositoryRef, package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored(office, backup, package)

    def away(*_: object) -> None:
        raise Unavailable("storage is away")

    monkeypatch.setattr(download, "hand_out", away)
    result = office.run(download_job(office, backup))
    assert result.error is not None
    assert result.error.code == "unavailable"
    assert list((office.root / "exports").iterdir()) == []


def test_a_point_that_is_not_there_is_told(office: Office, backup: RepositoryRef) -> None:
    error = office.run(download_job(office, backup, point=point_id(CREATED, CHAIN, "other"))).error
    assert error is not None
    assert (error.code, error.permanent) == ("not-found", True)
