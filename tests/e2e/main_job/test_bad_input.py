"""Bad input of every kind: an error that names the thing and the mend, for that thing alone, and nothing left behind."""

from __future__ import annotations

import shutil
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from holdfast.cli.main import main
from holdfast.model.errors import ReportedError
from holdfast.model.plan import copy_name
from holdfast.model.source import source_key
from local import plan
from local.profile import LocalProfile
from local.samples.databases import write_sample

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

_NOWHERE = plan.STAGING_SERVER_ID.replace("sql-staging", "sql-nowhere")
_CONNECT = "Holdfast.Local/sql/databases/connect"
_PART = "Data/hr.Employee/TableData-000-00000.BCP"


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small database."""
    file = tmp_path_factory.mktemp("samples") / "hr.bacpac"
    write_sample(file, "hr", scale=0.1)
    return file


@pytest.fixture
def nothing_left(runs: Any, world: LocalProfile) -> Iterator[None]:
    """Whatever went wrong: no copy, no running machine, and a repository that is whole."""
    yield
    assert runs.left() == []
    assert [r["name"] for r in world.resources() if "/databases" in r["type"]] == []
    assert world.repository("default").check(read_data=True).problems == []


@pytest.fixture
def withdrawn(world: LocalProfile) -> Iterator[Callable[[str, str], None]]:
    """Takes a right from everybody at a scope, until the end of the test."""
    ids: list[str] = []

    def withdraw(action: str, scope: str) -> None:
        body = {"principal_id": "*", "action": action, "scope": scope}
        ids.append(world.admin("POST", "withdrawals", body)["id"])

    yield withdraw
    for denial in ids:
        world.admin("DELETE", f"withdrawals/{denial}")


def _refused(world: LocalProfile, method: str, path: str, body: Any = None, **query: Any) -> tuple[int, str, str]:
    """Status, code, and all that a person reads of a refusal."""
    with pytest.raises(ReportedError) as caught:
        world.api(method, path, body, **query)
    info = caught.value.info()
    assert info.help, "every error says what to do"
    return info.http_status, info.code, f"{info.title}: {info.detail}. {info.help}"


# --- policies --------------------------------------------------------------------------------------------------------

_BAD_POLICIES: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown field": ({"retension": 3}, "retension"),
    "an unknown field inside": ({"schedules": {"daily": {"at": ["03:00"], "keep_day": 3}}}, "schedules.daily.keep_day"),
    "an unknown schedule": ({"schedules": {"hourly": {}}}, "schedules.hourly"),
    "no time of day": ({"schedules": {"daily": {"at": ["25:00"], "keep_days": 3}}}, "25:00"),
    "nothing kept": ({"schedules": {"daily": {"at": ["03:00"], "keep_days": 0}}}, "schedules.daily.keep_days"),
    "no such zone": ({"time_zone": "Europe/Atlantis"}, "Europe/Atlantis"),
    "a number of retries below zero": ({"retries": -1}, "retries"),
    "a list for a text": ({"repository": ["default"]}, "repository"),
    "globs that are no list": ({"select": {"databases": "*"}}, "select.databases"),
    "an instance for a server": ({"staging": {"sql_server": plan.STAGING_INSTANCE_ID}}, "staging.sql_server"),
    "a server for an instance": ({"staging": {"managed_instance": plan.STAGING_SERVER_ID}}, "staging.managed_instance"),
    "no resource id": ({"staging": {"sql_server": "sql-staging"}}, "staging.sql_server"),
    "an unknown repository": ({"repository": "elsewhere"}, "elsewhere"),
    "an archive repository for backups": ({"repository": "archive"}, "repository: 'archive' is an archive repository"),
    "an unknown archive": ({"archive": "glacier"}, "glacier"),
    "an ordinary repository as archive": ({"archive": "default"}, "archive: 'default' is not an archive repository"),
    "an unknown worker profile": ({"worker": "giant"}, "giant"),
    "another name than its address": ({"name": "other"}, "other"),
}


@pytest.mark.parametrize("what", _BAD_POLICIES)
def test_a_policy_is_refused_with_the_name_of_the_field(world: LocalProfile, what: str) -> None:
    """400, the field by its path, and no policy is kept."""
    fields, named = _BAD_POLICIES[what]
    status, _, said = _refused(world, "PUT", "policies/bad", {"name": "bad", "archive": "archive", **fields})
    assert status == 400, said
    assert named in said
    assert _refused(world, "GET", "policies/bad")[0] == 404


def test_a_policy_that_is_no_mapping_is_refused(world: LocalProfile) -> None:
    for body in ([1, 2], "text", 5):
        status, code, _ = _refused(world, "PUT", "policies/bad", body)
        assert (status, code) == (400, "invalid-policy")


def test_a_request_for_what_is_not_there_says_so(world: LocalProfile) -> None:
    """Before any session is made."""
    before = world.api("GET", "sessions", limit="500")["value"]
    assert _refused(world, "POST", "backups", {"policy": "absent"})[:2] == (404, "not-found")
    assert _refused(world, "POST", "policies/absent/run", {})[0] == 404
    assert _refused(world, "POST", "points/20260101T000000Z-00000000/download", {})[0] == 404
    status, _, said = _refused(world, "POST", "backups", {"policy": "default", "database": ["x"]})
    assert status == 400
    assert "database" in said
    assert world.api("GET", "sessions", limit="500")["value"] == before


# --- sources and staging ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "named"), [("sql-absent/shop", "sql-absent"), ("sql-bad/absent", "sql-bad/absent"), ("absent", "absent")]
)
def test_an_unknown_server_or_database_is_named(
    runs: Any, world: LocalProfile, sample: Path, nothing_left: None, asked: str, named: str
) -> None:
    world.load(sample, "sql-bad/good")
    runs.policy("bad-names", "sql-bad/*")
    session = runs.backup("bad-names", [asked])
    assert (session["state"], session["error"]["code"]) == ("failed", "no-such-source")
    assert f"'{named}'" in session["error"]["detail"]
    assert session["error"]["help"]
    assert session["sources"] == []


def test_staging_that_cannot_be_fails_that_database_alone(
    runs: Any, world: LocalProfile, sample: Path, nothing_left: None
) -> None:
    """No staging instance for an instance database; no staging at all, but asked for; a server that is not there."""
    good, managed = "sql-stage/good", "mi-stage/poor"
    world.load(sample, good)
    world.load(sample, managed, managed=True)
    runs.policy("no-instance", good, managed, staging={"sql_server": plan.STAGING_SERVER_ID})
    runs.policy("no-staging", good, staging=None)
    runs.policy(
        "no-server", good, managed, staging={"sql_server": _NOWHERE, "managed_instance": plan.STAGING_INSTANCE_ID}
    )

    first = runs.backup("no-instance")
    assert runs.states(first) == {good: "succeeded", managed: "staging-server-unusable"}
    error = runs.source(first, managed)["error"]
    assert managed in error["detail"]
    assert "staging.managed_instance" in error["help"]
    assert first["state"] == "partial"

    second = runs.backup("no-staging", staging=True)
    assert runs.states(second) == {good: "invalid-input"}
    error = runs.source(second, good)["error"]
    assert "no-staging" in error["detail"]
    assert "--direct" in error["help"]

    third = runs.backup("no-server")
    assert runs.states(third)[managed] == "succeeded"
    assert runs.states(third)[good] in ("staging-server-unusable", "not-found")
    error = runs.source(third, good)["error"]
    assert "sql-nowhere" in error["detail"]
    assert error["help"]


# --- rights, passwords, names ----------------------------------------------------------------------------------------


def test_a_worker_that_may_not_connect_fails_that_database_alone(
    runs: Any, world: LocalProfile, sample: Path, nothing_left: None, withdrawn: Callable[[str, str], None]
) -> None:
    """A permanent error: it is not tried again."""
    closed = world.load(sample, "sql-rights/closed")["id"]
    world.load(sample, "sql-rights/open")
    withdrawn(_CONNECT, closed)
    runs.policy("rights", "sql-rights/*", staging=None)
    session = runs.backup("rights")
    assert runs.states(session) == {"sql-rights/closed": "missing-rights", "sql-rights/open": "succeeded"}
    error = runs.source(session, "sql-rights/closed")["error"]
    assert "closed" in error["detail"]
    attempts = {line["message"].partition(":")[0] for line in runs.log(session["id"]) if "attempt" in line["message"]}
    assert attempts == {"preflight, attempt 1"}


def test_an_app_that_may_not_copy_names_the_action_and_the_scope(
    runs: Any, world: LocalProfile, sample: Path, nothing_left: None, withdrawn: Callable[[str, str], None]
) -> None:
    database, managed = "sql-copy/one", "mi-copy/two"
    world.load(sample, database)
    world.load(sample, managed, managed=True)
    withdrawn("Microsoft.Sql/servers/databases/write", plan.STAGING_SERVER_ID)
    runs.policy("copying", database, managed)
    session = runs.backup("copying")
    assert runs.states(session) == {database: "missing-rights", managed: "succeeded"}
    error = runs.source(session, database)["error"]
    assert "Microsoft.Sql/servers/databases/write" in error["detail"] + error["help"]
    assert "sql-staging" in error["detail"] + error["help"]


def test_a_copy_that_may_not_be_dropped_is_told_and_left_to_the_janitor(
    runs: Any, world: LocalProfile, sample: Path
) -> None:
    """The point is there, the session ends, and the source says what is wrong; with the right back, the copy goes."""
    source = "sql-drop/one"
    world.load(sample, source)
    runs.policy("dropping", source)
    right = "Microsoft.Sql/servers/databases/delete"
    body = {"principal_id": "*", "action": right, "scope": plan.STAGING_SERVER_ID}
    denial = world.admin("POST", "withdrawals", body)["id"]
    try:
        session = runs.backup("dropping")
        assert runs.states(session) == {source: "missing-rights"}
        error = runs.source(session, source)["error"]
        assert right in error["detail"] + error["help"]
        assert [line["message"] for line in runs.log(session["id"]) if "left to the janitor" in line["message"]]
        assert len(runs.points("default", source)) == 1
        assert [r["name"] for r in runs.left()] == [copy_name(source_key(source), session["id"])]
    finally:
        world.admin("DELETE", f"withdrawals/{denial}")
    until = time.monotonic() + 300
    while runs.left() and time.monotonic() < until:
        time.sleep(2)
    assert runs.left() == []


def test_a_wrong_password_stops_that_repository_alone(
    runs: Any, world: LocalProfile, sample: Path, nothing_left: None
) -> None:
    """Wrong for the archive: backups go on. Wrong for the backups: nothing is written. Right again: all is well."""
    source = "sql-password/one"
    world.load(sample, source)
    runs.policy("password", source, staging=None)
    right = {name: world.password(name) for name in ("default", "archive")}
    try:
        world.admin("PUT", "secrets/repository-archive", {"value": "not the password of the archive"})
        assert runs.states(runs.backup("password")) == {source: "succeeded"}
        assert runs.states(runs.archive("password")) == {source: "wrong-key"}
        world.admin("PUT", "secrets/repository-archive", {"value": right["archive"]})
        world.admin("PUT", "secrets/repository-default", {"value": "not the password of the backups"})
        failed = runs.backup("password")
        assert runs.states(failed) == {source: "wrong-key"}
        error = runs.source(failed, source)["error"]
        assert "repository default" in error["detail"]
        assert "secrets/repository-default" in error["help"]
        assert "not the password" not in str(runs.log(failed["id"]))
    finally:
        for name, value in right.items():
            world.admin("PUT", f"secrets/repository-{name}", {"value": value})
    assert [p["source"] for p in runs.points("archive", source)] == []
    assert len(runs.points("default", source)) == 1
    assert runs.states(runs.backup("password")) == {source: "succeeded"}
    assert runs.states(runs.archive("password")) == {source: "succeeded"}


def test_a_foreign_database_with_the_name_of_the_copy_is_left_alone(
    runs: Any, world: LocalProfile, sample: Path
) -> None:
    """The session of a slot has a name that can be foretold, and so has its copy."""
    taken, free = "sql-taken/one", "sql-taken/two"
    world.load(sample, taken)
    world.load(sample, free)
    name = runs.slot("taken", taken, free, retries=1)
    foreign = f"sql-staging/{copy_name(source_key(taken), name)}"
    theirs = world.load(sample, foreign)
    runs.started(name)
    session = runs.wait(name)
    assert runs.states(session) == {taken: "name-taken", free: "succeeded"}
    error = runs.source(session, taken)["error"]
    assert foreign.partition("/")[2] in error["detail"]
    assert "never overwrites" in error["help"]
    steps = {step["name"]: step["state"] for step in runs.source(session, taken)["steps"]}
    assert (steps["stage"], steps["export"], steps["cleanup"]) == ("failed", "skipped", "succeeded")
    assert runs.left() == []
    found = [r for r in world.requests() if r["path"].endswith(foreign.partition("/")[2])]
    assert [r["method"] for r in found if r["method"] != "GET"] == [], "nobody wrote to it or dropped it"
    assert world.load(sample, foreign)["id"] == theirs["id"]


# --- files -----------------------------------------------------------------------------------------------------------


def _rewritten(sample: Path, to: Path, change: Callable[[dict[str, bytes]], None]) -> None:
    with zipfile.ZipFile(sample) as package:
        entries = {name: package.read(name) for name in package.namelist()}
    change(entries)
    with zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in entries.items():
            package.writestr(name, content)


def _bad_file(what: str, sample: Path, to: Path) -> None:
    whole = sample.read_bytes()
    if what == "truncated":
        to.write_bytes(whole[: len(whole) // 2])
    elif what == "empty":
        to.touch()
    elif what == "not a ZIP":
        to.write_bytes(b"SELECT 1;\n" * 500)
    elif what == "no model.xml":
        _rewritten(sample, to, lambda entries: entries.pop("model.xml"))
    elif what == "a dacpac":
        _rewritten(sample, to, _without_data)
    elif what == "ZIP bomb":
        _rewritten(sample, to, lambda entries: entries.update({_PART: bytes(80 << 20)}))
    elif what == "`..`":
        _rewritten(sample, to, lambda entries: entries.update({"../../evil.xml": b"x"}))
    else:
        _rewritten(sample, to, lambda entries: entries.update({"model.xml": entries["model.xml"] + b"\n"}))


def _without_data(entries: dict[str, bytes]) -> None:
    for name in [name for name in entries if name.startswith("Data/")]:
        del entries[name]
    entries["Origin.xml"] = entries["Origin.xml"].replace(b"<ContainsExportedData>true", b"<ContainsExportedData>false")


#: What is wrong with a file, and the word of the error that says so.
_BAD_FILES = {
    "truncated": "truncated",
    "empty": "empty",
    "not a ZIP": "not a ZIP",
    "no model.xml": "no model.xml",
    "a dacpac": "dacpac",
    "ZIP bomb": "ZIP bomb",
    "`..`": "`..`",
    "another model than its checksum": "checksum",
}


def _files(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()}


@pytest.mark.parametrize("what", _BAD_FILES)
def test_a_file_that_is_no_bacpac_is_refused_by_load_and_by_import(
    world: LocalProfile, sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], what: str
) -> None:
    """By name, with what is wrong and what to do; the database and the repository stay as they were, to the byte."""
    bad = tmp_path / "bad.bacpac"
    _bad_file(what, sample, bad)
    kept = world.load(sample, "sql-files/kept")
    contents = world.state / "azure" / "databases"
    before = {file.name for file in contents.iterdir()}
    for database in ("sql-files/kept", "sql-files/new"):
        assert main(["local", "load", str(bad), "--database", database, "--state", str(world.state)]) == 23
        said = capsys.readouterr().err
        assert "bad.bacpac" in said
        assert _BAD_FILES[what] in said
        assert "Export the database again" in said
        assert "Traceback" not in said
    assert {file.name for file in contents.iterdir()} == before
    names = [s["source"] for s in world.api("POST", "policies/default/plan")["sources"]]
    assert "sql-files/kept" in names
    assert "sql-files/new" not in names
    assert kept["sha256"] + ".bacpac" in before

    password, place = tmp_path / "password", tmp_path / "repository"
    password.write_text("a password of the tests")
    url = place.as_uri()
    at = ["--repository", url, "--password-file", str(password)]
    assert main(["repository", "init", *at]) == 0
    assert main(["point", "import", str(sample), "--source", "srv/good", *at]) == 0
    stored = _files(place)
    capsys.readouterr()
    assert main(["point", "import", str(bad), "--source", "srv/bad", *at]) == 23
    said = capsys.readouterr().err
    assert "bad.bacpac" in said
    assert _BAD_FILES[what] in said
    assert _files(place) == stored
    # A good one beside it is taken in, and the end says that it was only a part.
    good = tmp_path / "good.bacpac"
    write_sample(good, "hr", day=1, scale=0.1)
    assert main(["point", "import", str(good), str(bad), "--source", "srv/other", *at]) == 3
    said = capsys.readouterr().err
    assert "bad.bacpac" in said
    assert _BAD_FILES[what] in said
    assert main(["repository", "check", "--read-data", *at]) == 0
    shutil.rmtree(place)


def test_rows_that_changed_on_the_way_are_refused_by_import_and_leave_no_point(
    sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A flipped bit in the middle of a table is seen only while it is read."""
    raw = bytearray(sample.read_bytes())
    with zipfile.ZipFile(sample) as package:
        largest = max(package.infolist(), key=lambda i: i.compress_size * i.filename.startswith("Data/"))
    raw[largest.header_offset + 30 + len(largest.filename) + largest.compress_size // 2] ^= 0x10
    bad, password, place = tmp_path / "flipped.bacpac", tmp_path / "password", tmp_path / "repository"
    bad.write_bytes(raw)
    password.write_text("a password of the tests")
    at = ["--repository", place.as_uri(), "--password-file", str(password)]
    assert main(["repository", "init", *at]) == 0
    capsys.readouterr()
    assert main(["point", "import", str(bad), "--source", "srv/flipped", *at]) == 23
    assert largest.filename in capsys.readouterr().err
    assert main(["point", "list", *at, "-o", "json"]) == 0
    assert capsys.readouterr().out.strip() == "[]"
    assert main(["repository", "check", "--read-data", *at]) == 0
