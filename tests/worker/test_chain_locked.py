"""A chain that another writer holds: the worker waits, instead of throwing an export away."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from holdfast.model.errors import StepTooLong
from holdfast.model.job import Heartbeat, Job, JobResult, RepositoryRef
from holdfast.model.point import point_id
from holdfast.worker import patience
from holdfast.worker.assignment import Assignment

if TYPE_CHECKING:
    from tests.worker.conftest import Office

_CHAIN = "0123456789abcdef0123"
_CREATED = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
_NO_SIGN = Heartbeat(worker="", at=_CREATED)


def _store_job(office: Office, package: Path, repository: RepositoryRef, session: str = "s1") -> Job:
    workspace = f"of-{session}"
    office.folder(workspace).mkdir(parents=True)
    shutil.copyfile(package, office.folder(workspace) / "database.bacpac")
    spec = {"repository": repository.model_dump(mode="json"), "chain": _CHAIN, "source": "server/db"}
    spec |= {"resource_id": "/subscriptions/x", "point": point_id(_CREATED, _CHAIN, session), "session": session}
    spec |= {"created_at": _CREATED, "consistency": "transactional", "workspace": workspace}
    return office.job("store", spec, session=session)


@pytest.fixture(autouse=True)
def brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "PAUSE_SECONDS", 0.05)


@contextmanager
def _held(office: Office, repository: RepositoryRef) -> Iterator[None]:
    """A job of another session holds the chain."""
    other = Assignment(office.job("store", {}, session="s0"), office.equipment, office.mailbox)
    with office.equipment.repositories.open(repository)._chain(_CHAIN).locked(other.owner):
        yield


def _phase(office: Office, job: Job) -> str:
    return office.mailbox.heartbeats.get(job.id, [_NO_SIGN])[-1].progress.phase


def test_a_store_waits_until_the_chain_is_free_and_says_for_whom(office: Office, package: Path) -> None:
    repository = office.repository("default")
    job = _store_job(office, package, repository)
    with _held(office, repository):
        office.mailbox.submit(job)
        office.start()
        office.wait_for(lambda: "is held by session s0 (worker hf-1)" in _phase(office, job))
        assert job.id not in office.mailbox.results
    assert office.result_of(job).state == "succeeded"


def test_two_sessions_at_one_database_both_have_their_point(office: Office, package: Path) -> None:
    """The second stores what it exported before the first had ended."""
    repository = office.repository("default")
    first, second = _store_job(office, package, repository), _store_job(office, package, repository, session="s2")
    with _held(office, repository):
        for job in (first, second):
            office.mailbox.submit(job)
        office.use(parallel=2)
        office.start()
        office.wait_for(lambda: all("waiting" in _phase(office, job) for job in (first, second)))
    assert [office.result_of(job).state for job in (first, second)] == ["succeeded"] * 2
    assert len(office.equipment.repositories.open(repository).points()) == 2


def test_a_store_waits_no_longer_than_the_app_lets_it(office: Office, package: Path) -> None:
    """The app writes the result at the step's deadline; the worker then lets go of the file."""
    repository = office.repository("default")
    job = _store_job(office, package, repository)
    with _held(office, repository):
        office.mailbox.submit(job)
        office.start()
        office.wait_for(lambda: "waiting" in _phase(office, job))
        late = StepTooLong("store had not ended").info()
        office.mailbox.publish("s1", JobResult(job=job.id, kind="store", state="lost", ended_at=_CREATED, error=late))
        assert office.result_of(job).error == late
    office.wait_for(lambda: not office.folder("of-s1").exists())


def test_a_store_that_waits_can_be_cancelled(office: Office, package: Path) -> None:
    repository = office.repository("default")
    job = _store_job(office, package, repository)
    with _held(office, repository):
        office.mailbox.submit(job)
        office.start()
        office.wait_for(lambda: len(office.mailbox.heartbeats.get(job.id, [])) > 1)
        office.mailbox.cancelled.add(job.id)
        assert office.result_of(job).state == "cancelled"
