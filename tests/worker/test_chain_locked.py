"""A chain whose last writer died is locked for a while: the worker waits, instead of throwing an export away."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from holdfast.model.errors import RepositoryLocked
from holdfast.model.job import Heartbeat, Job, RepositoryRef
from holdfast.model.point import point_id
from holdfast.worker import patience

if TYPE_CHECKING:
    from tests.worker.conftest import Office

_CHAIN = "0123456789abcdef0123"
_CREATED = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
_NO_SIGN = Heartbeat(worker="", at=_CREATED)


def _store_job(office: Office, package: Path, repository: RepositoryRef) -> Job:
    office.folder().mkdir(parents=True)
    shutil.copyfile(package, office.folder() / "database.bacpac")
    spec = {"repository": repository.model_dump(mode="json"), "chain": _CHAIN, "source": "server/db"}
    spec |= {"resource_id": "/subscriptions/x", "point": point_id(_CREATED, _CHAIN, "s1"), "session": "s1"}
    return office.job("store", {**spec, "created_at": _CREATED, "consistency": "transactional", "workspace": "w1"})


@pytest.fixture(autouse=True)
def brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "PAUSE_SECONDS", 0.05)


@contextmanager
def _held(office: Office, repository: RepositoryRef) -> Iterator[None]:
    """Another writer holds the chain."""
    with office.equipment.repositories.open(repository)._chain(_CHAIN).locked("another worker"):
        yield


def test_a_store_waits_until_the_chain_is_free(office: Office, package: Path) -> None:
    repository = office.repository("default")
    job = _store_job(office, package, repository)
    with _held(office, repository):
        office.mailbox.submit(job)
        office.start()
        office.wait_for(
            lambda: "another writer" in office.mailbox.heartbeats.get(job.id, [_NO_SIGN])[-1].progress.phase
        )
        assert job.id not in office.mailbox.results
    assert office.result_of(job).state == "succeeded"


def test_a_store_does_not_wait_for_ever(office: Office, package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "LONGEST_SECONDS", 0.3)
    repository = office.repository("default")
    job = _store_job(office, package, repository)
    with _held(office, repository):
        result = office.run(job)
    assert result.state == "failed"
    assert result.error is not None
    assert result.error.code == RepositoryLocked.code


def test_a_store_that_waits_can_be_cancelled(office: Office, package: Path) -> None:
    repository = office.repository("default")
    job = _store_job(office, package, repository)
    with _held(office, repository):
        office.mailbox.submit(job)
        office.start()
        office.wait_for(lambda: len(office.mailbox.heartbeats.get(job.id, [])) > 1)
        office.mailbox.cancelled.add(job.id)
        assert office.result_of(job).state == "cancelled"
