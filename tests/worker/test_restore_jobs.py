"""The jobs of a restore on a worker: the package, one import an empty database, the comparison; a real repository, a
SqlPackage that does as told, and a probe that answers as told."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from holdfast.bacpac.objects import object_counts
from holdfast.bacpac.package import Bacpac
from holdfast.bacpac.writer import write_package
from holdfast.model.job import Job, RepositoryRef
from holdfast.model.point import point_id
from local.samples.databases import write_sample

if TYPE_CHECKING:
    from tests.worker.conftest import Office, StandIn

CHAIN = "0123456789abcdef0123"
CREATED = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
POINT = point_id(CREATED, CHAIN, "s1")
CONNECTION = {"host": "s.database.windows.net", "database": "sales-restore-1", "kind": "restored"}
REMOVED = {
    "rule": "P01",
    "object": "View [dbo].[v]",
    "did": "dropped",
    "definition": "CREATE VIEW [dbo].[v] AS SELECT 1",
}


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with tables, users and constraints."""
    file = tmp_path_factory.mktemp("sample") / "people.bacpac"
    write_sample(file, "hr", day=0, scale=0.1)
    return file


@pytest.fixture
def backup(office: Office, sample: Path) -> RepositoryRef:
    """A repository with one point of the sample."""
    repository = office.repository("default")
    office.folder("w0").mkdir(parents=True)
    (office.folder("w0") / "database.bacpac").write_bytes(sample.read_bytes())
    spec = {
        "repository": repository.model_dump(mode="json"),
        "chain": CHAIN,
        "source": "server/db",
        "resource_id": "/subscriptions/x",
        "point": POINT,
        "session": "s1",
        "created_at": CREATED,
        "consistency": "transactional",
        "workspace": "w0",
        "transformations": [REMOVED],
    }
    assert office.run(office.job("store", spec)).error is None
    return repository


def fetch(office: Office, repository: RepositoryRef, **changes: Any) -> Job:
    spec = {"repository": repository.model_dump(mode="json"), "chain": CHAIN, "point": POINT, "workspace": "w1"}
    return office.job("fetch", {**spec, **changes})


def fill(office: Office, attempt: str = "a1") -> Job:
    return office.job("import", {"connection": CONNECTION, "workspace": "w1", "attempt": attempt})


def verify(office: Office, **changes: Any) -> Job:
    return office.job("verify", {"connection": CONNECTION, "workspace": "w1", **changes})


@pytest.fixture
def answers(office: Office, sample: Path, tmp_path: Path) -> Callable[..., None]:
    """Makes the probe: what a database filled with the sample answers, with changes."""

    def make(**changes: Any) -> None:
        with Bacpac.open(sample) as bacpac:
            model = bacpac.model()
            rows: dict[str, Any] = {
                "V02": [{"k": kind, "n": count} for kind, count in object_counts(model).items()],
                "P22": list(model.answers["P22"]),
            }
        point = json.loads((office.folder() / "point.json").read_text())
        rows["V01"] = [{"s": t["schema"], "t": t["name"], "n": t["rows"]} for t in point["tables"]]
        for query, change in changes.items():
            rows[query] = change(rows.get(query))
            if rows[query] is None:
                del rows[query]
        file = tmp_path / "probe.py"
        file.write_text(
            "import json, sys; asked = json.load(sys.stdin); assert asked['of_restored'] and not asked['repairs'];"
            f"print({json.dumps(rows)!r})"
        )
        office.use(sql_probe=f"{sys.executable} {file}")
        office.stop()

    return make


def test_a_point_is_fetched_whole_with_what_no_package_brings(
    office: Office, backup: RepositoryRef, sample: Path
) -> None:
    result = office.run(fetch(office, backup))
    assert result.error is None
    with Bacpac.open(office.folder() / "database.bacpac") as fetched, Bacpac.open(sample) as original:
        assert {e.name: b"".join(fetched.pieces(e.name)) for e in fetched.entries} == {
            e.name: b"".join(original.pieces(e.name)) for e in original.entries
        }
        assert all(entry.method == 0 for entry in fetched.entries), "stored: nobody deflates what is inflated at once"
    assert result.output["collation"] == "SQL_Latin1_General_CP1_CI_AS"
    found = {(one["kind"], one["name"]): one["script"] for one in result.output["aftercare"]}
    assert found["removed object", "View [dbo].[v]"] == REMOVED["definition"]
    assert any(kind == "user" for kind, _ in found)


def test_a_package_that_is_there_is_not_fetched_again(office: Office, backup: RepositoryRef) -> None:
    office.run(fetch(office, backup))
    file = office.folder() / "database.bacpac"
    before = file.stat().st_mtime_ns
    assert office.run(fetch(office, backup)).error is None
    assert file.stat().st_mtime_ns == before
    (office.folder() / "point.json").unlink()  # as a worker leaves it that died while it wrote the package
    assert office.run(fetch(office, backup)).error is None
    assert file.stat().st_mtime_ns != before


def test_an_import_takes_the_package_by_managed_identity(
    office: Office, sqlpackage: StandIn, backup: RepositoryRef
) -> None:
    office.run(fetch(office, backup))
    sqlpackage.does({"say": "Importing data"}, {"say": "Successfully imported database."})
    result = office.run(fill(office))
    assert result.error is None
    assert result.output["rows"] > 0
    (run,) = sqlpackage.runs
    assert run["argv"][0] == "/Action:Import"
    assert any("Initial Catalog=sales-restore-1;Authentication=Active Directory Managed" in a for a in run["argv"])
    assert not any(word in " ".join(run["argv"]).lower() for word in ("accesstoken", "password", "pwd="))


def test_a_database_is_imported_into_once(office: Office, sqlpackage: StandIn, backup: RepositoryRef) -> None:
    """A job that comes again after its worker died must not begin anew: the database may be half full."""
    office.run(fetch(office, backup))
    sqlpackage.does({"kill": signal.SIGKILL})
    assert office.run(fill(office)).error.code == "import-failed"  # type: ignore[union-attr]
    sqlpackage.does({"say": "Successfully imported database."})
    again = office.run(fill(office))
    assert again.error is not None
    assert (again.error.code, again.error.permanent) == ("import-failed", False)
    assert len(sqlpackage.runs) == 1
    assert office.run(fill(office, "a2")).error is None, "a new empty database is another matter"
    assert office.run(fill(office, "a2")).error is None, "that it was done is remembered"
    assert len(sqlpackage.runs) == 2


def test_an_import_without_its_package_asks_for_another_attempt(office: Office, sqlpackage: StandIn) -> None:
    result = office.run(fill(office))
    assert result.error is not None
    assert (result.error.code, result.error.permanent) == ("nothing-fetched", False)
    assert sqlpackage.runs == []


def test_what_is_as_it_was_is_told_so(office: Office, backup: RepositoryRef, answers: Callable[..., None]) -> None:
    office.run(fetch(office, backup))
    answers()
    result = office.run(verify(office))
    assert result.error is None
    outcomes = {one["what"]: one["outcome"] for one in result.output["compared"]}
    assert outcomes == {"rows": "same", "objects": "same", "constraints": "same"}
    assert not office.folder().exists()


@pytest.mark.parametrize(
    ("query", "change", "what"),
    [
        ("V01", lambda rows: [{**row, "n": row["n"] - (number == 0)} for number, row in enumerate(rows)], "rows: "),
        ("V01", lambda rows: rows[1:], "is missing"),
        ("V02", lambda rows: [row for row in rows if row["k"] != "USER_TABLE"], "objects: "),
        ("P22", lambda rows: [{"s": "dbo", "name": "FK", "is_disabled": True}], "dbo.FK is disabled"),
        ("P22", lambda rows: [{"s": "dbo", "name": "FK", "is_not_trusted": 1}], "dbo.FK is not trusted"),
    ],
)
def test_every_difference_ends_the_restore(
    office: Office, backup: RepositoryRef, answers: Callable[..., None], query: str, change: Any, what: str
) -> None:
    office.run(fetch(office, backup))
    answers(**{query: change})
    result = office.run(verify(office))
    assert result.error is not None
    assert (result.error.code, result.error.permanent) == ("not-as-stored", True)
    assert what in result.error.detail


def test_what_could_not_be_asked_is_unknown_and_not_the_same(
    office: Office, backup: RepositoryRef, answers: Callable[..., None]
) -> None:
    office.run(fetch(office, backup))
    answers(V02=lambda _: None)
    result = office.run(verify(office))
    assert [o["outcome"] for o in result.output["compared"] if o["what"] == "objects"] == ["unknown"]


@pytest.mark.parametrize("damaged", [False, True])
def test_contents_are_exported_again_and_compared(
    office: Office,
    backup: RepositoryRef,
    sqlpackage: StandIn,
    answers: Callable[..., None],
    sample: Path,
    tmp_path: Path,
    damaged: bool,
) -> None:
    office.run(fetch(office, backup))
    exported = tmp_path / "exported.bacpac"
    with Bacpac.open(sample) as bacpac, exported.open("w+b") as out:
        largest = max(bacpac.entries, key=lambda entry: entry.bytes * entry.name.startswith("Data/")).name

        def read(name: str) -> bytes:
            data = b"".join(bacpac.pieces(name))
            return bytes([data[0] ^ 1]) + data[1:] if damaged and name == largest else data

        write_package(out, [(entry.name, [read(entry.name)]) for entry in bacpac.entries], "normal")
    sqlpackage.does({"copy": str(exported)}, action="Export")
    answers()
    result = office.run(verify(office, contents=True))
    (told,) = [one for one in result.output["compared"] if one["what"] == "contents"]
    if damaged:
        assert result.error is not None
        assert result.error.code == "not-as-stored"
        assert "has other rows" in told["detail"]
    else:
        assert (result.error, told["outcome"]) == (None, "same")
        assert "byte for byte" in told["detail"]
