"""Jobs that read tables: the answer, or the file, that a person fetches."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

from holdfast.model.job import Job, RepositoryRef
from holdfast.worker import table
from local.samples.databases import write_sample
from tests.worker.test_repository_jobs import CHAIN, POINT, archive, backup, stored

if TYPE_CHECKING:
    from tests.worker.conftest import Office

__all__ = ["archive", "backup"]


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sample with tables."""
    file = tmp_path_factory.mktemp("tables") / "hr.bacpac"
    write_sample(file, "hr", scale=0.1)
    return file


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What was handed out."""
    found: list[bytes] = []
    monkeypatch.setattr(table, "hand_out", lambda _assignment, _spec, file, _sha256: found.append(file.read_bytes()))
    return found


def table_job(office: Office, repository: RepositoryRef, point: str = POINT, **ask: Any) -> Job:
    spec = {
        "repository": repository.model_dump(mode="json"),
        "chain": CHAIN,
        "point": point,
        "container_url": "https://state/exports",
        "blob": "s1/answer.json",
        "ask": ask,
    }
    return office.job("table", spec)


def test_the_answers_are_those_that_people_get_directly(
    office: Office, backup: RepositoryRef, package: Path, sent: list[bytes]
) -> None:
    point = stored(office, backup, package)
    assert office.run(table_job(office, backup, act="list")).error is None
    listed = json.loads(sent[-1])
    assert [(one["schema"], one["name"], one["rows"], one["bytes"]) for one in listed] == [
        (one.schema_name, one.name, one.rows, one.bytes) for one in point.tables
    ]
    assert all(one["decodable"] for one in listed)
    largest = max(point.tables, key=lambda one: one.rows or 0)
    name = f"[{largest.schema_name}].[{largest.name}]"
    assert office.run(table_job(office, backup, act="show", table=name, rows=3)).error is None
    assert len(json.loads(sent[-1])) == 3
    assert office.run(table_job(office, backup, act="diff", table=name, other=POINT)).error is None
    same = json.loads(sent[-1])
    assert (same["added"], same["removed"], same["changed"], same["rows"]) == (0, 0, 0, [])


def test_an_exported_table_tells_its_rows_and_leaves_nothing_on_the_disk(
    office: Office, backup: RepositoryRef, package: Path, sent: list[bytes], tmp_path: Path
) -> None:
    point = stored(office, backup, package)
    largest = max(point.tables, key=lambda one: one.rows or 0)
    name = f"[{largest.schema_name}].[{largest.name}]"
    result = office.run(table_job(office, backup, act="export", table=name, format="parquet"))
    assert result.error is None, result.error
    assert (result.output["rows"], result.output["bytes"]) == (largest.rows, len(sent[0]))
    (tmp_path / "t.parquet").write_bytes(sent[0])
    assert pq.read_metadata(tmp_path / "t.parquet").num_rows == largest.rows
    assert list((office.root / "exports").iterdir()) == []


def test_a_table_that_is_not_there_is_told_with_those_that_are_like_it(
    office: Office, backup: RepositoryRef, package: Path, sent: list[bytes]
) -> None:
    stored(office, backup, package)
    result = office.run(table_job(office, backup, act="show", table="dbo.Nothing"))
    assert result.error is not None
    assert (result.error.code, sent) == ("not-found", [])


def test_both_points_of_a_comparison_are_brought_out_of_the_archive(
    office: Office, archive: RepositoryRef, package: Path
) -> None:
    stored(office, archive, package)
    ref = archive.model_dump(mode="json")
    job = office.job("rehydrate", {"repository": ref, "chain": CHAIN, "point": POINT, "also": ["20200101T000000Z-x"]})
    error = office.run(job).error
    assert error is not None
    assert error.code == "not-found", "the second point is looked for, too"
    assert office.run(office.job("rehydrate", {"repository": ref, "chain": CHAIN, "point": POINT})).output["ready"]
