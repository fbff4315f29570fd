"""Jobs in hand."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest
from azure.storage.blob import ContainerClient

from holdfast.catalog import Catalog
from holdfast.model.errors import Conflict, NotFound
from holdfast.model.job import Job


def job(number: int = 0, session: str = "s1", **spec: object) -> Job:
    """A job."""
    return Job(
        id=f"k{number}-export-1",
        kind="export",
        session=session,
        step="export",
        instance_id="i",
        worker="w",
        submitted_at=datetime(2026, 3, 1, tzinfo=UTC),
        spec=spec,
    )


def test_an_open_job_is_found_by_the_watch_until_it_is_closed(catalog: Catalog) -> None:
    """A closed one only by its id."""
    assert catalog.jobs.add(job(1))
    catalog.jobs.add(job(2))
    assert catalog.jobs.open_jobs() == [job(1), job(2)]
    assert catalog.jobs.close(job(1).id)
    assert catalog.jobs.open_jobs() == [job(2)]
    assert catalog.jobs.get(job(1).id) == job(1)
    assert (catalog.jobs.is_open(job(1).id), catalog.jobs.is_open(job(2).id)) == (False, True)


def test_adding_and_closing_again_change_nothing(catalog: Catalog) -> None:
    """A late repetition of the submission does not open a job that has ended."""
    assert catalog.jobs.add(job())
    assert catalog.jobs.add(job())
    assert catalog.jobs.close(job().id)
    assert not catalog.jobs.close(job().id)
    assert not catalog.jobs.add(job())
    assert catalog.jobs.open_jobs() == []
    assert not catalog.jobs.close("none")


def test_one_id_belongs_to_one_session(catalog: Catalog) -> None:
    """A clash of ids must not end another session's wait."""
    catalog.jobs.add(job())
    with pytest.raises(Conflict):
        catalog.jobs.add(job(session="s2"))
    with pytest.raises(NotFound):
        catalog.jobs.get("none")


def test_one_of_many_closes_it(catalog: Catalog) -> None:
    """The worker's event, the watch and a cancellation come together."""
    catalog.jobs.add(job())
    done: list[bool] = []
    threads = [threading.Thread(target=lambda: done.append(catalog.jobs.close(job().id))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == [False] * 5 + [True]


def test_a_long_job_keeps_its_document_when_it_is_closed(catalog: Catalog, container: ContainerClient) -> None:
    """The closed row goes on naming the text of the open one."""
    long = job(warnings=["w" * 100_000])
    catalog.jobs.add(long)
    catalog.jobs.close(long.id)
    assert catalog.jobs.get(long.id) == long
    catalog.jobs.forget(long.id)
    assert list(container.list_blobs()) == []
