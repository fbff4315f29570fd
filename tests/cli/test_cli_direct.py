"""Commands on a repository's own address: no app is running anywhere."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import pytest
from azure.core.credentials import AzureNamedKeyCredential

from holdfast.bacpac.package import Bacpac
from holdfast.cli import direct
from holdfast.cli.import_plan import exported_at
from holdfast.model.clock import iso

from .conftest import Run


def _imported(run: Run, repository: str, password_file: Path, *files: Path) -> list[dict[str, object]]:
    ran = run(
        *("point", "import", *files, "--source", "srv/hr", "--repository", repository),
        *("--password-file", password_file, "-o", "json"),
    )
    assert ran.code == 0, ran.err
    return ran.json if isinstance(ran.json, list) else [ran.json]


def test_a_repository_is_made_once(run: Run, tmp_path: Path, password_file: Path) -> None:
    url = (tmp_path / "new").as_uri()
    made = run("repository", "init", "--repository", url, "--password-file", password_file, "-o", "json")
    assert made.code == 0, made.err
    assert (made.json["repository"], made.json["archive"]) == (url, False)
    assert "keep the password" in made.err
    again = run("repository", "init", url, "--password-file", password_file)
    assert again.code == 10
    assert run("repository", "check", url, "--password-file", password_file, "-o", "json").json["ok"] is True


def test_the_way_of_a_point_in_and_out(
    run: Run, repository: str, password_file: Path, bacpacs: dict[str, Path], tmp_path: Path
) -> None:
    """Import, list, show, verify, download, the very same file, measure and check."""
    at = ("--repository", repository, "--password-file", password_file)
    first, second = _imported(run, repository, password_file, bacpacs["hr-1"], bacpacs["hr-0"])
    assert (first["kind"], second["kind"]) == ("full", "increment")
    listed = run("point", "list", *at, "-o", "json").json
    assert [point["id"] for point in listed] == [first["id"], second["id"]]
    with Bacpac.open(bacpacs["hr-0"]) as package:
        exported = exported_at(package.origin().started)
    assert exported is not None
    assert listed[0]["created_at"] == iso(exported)
    assert run("point", "list", *at, "--database", "h*", "-o", "json").json == listed
    assert run("point", "list", *at, "--database", "h", "-o", "json").json == []
    shown = run("point", "show", second["id"], *at, "-o", "json").json
    assert {"schema": "hr", "name": "Employee"}.items() <= shown["tables"][0].items() or len(shown["tables"]) > 1
    assert "hr.Employee" in run("point", "show", second["id"], *at).out
    assert run("point", "verify", second["id"], *at, "-o", "json").json["ok"] is True

    same = tmp_path / "same.bacpac"
    ran = run("point", "download", second["id"], "--to", same, "--identical", *at, "-o", "json").json
    assert same.read_bytes() == bacpacs["hr-1"].read_bytes()
    assert ran["sha256"] == hashlib.sha256(same.read_bytes()).hexdigest()
    assert ran["identical"] is True

    equal = tmp_path / "equal.bacpac"
    assert run("point", "download", first["id"], "--to", equal, *at).code == 0
    with zipfile.ZipFile(equal) as one, zipfile.ZipFile(bacpacs["hr-0"]) as other:
        assert {n: one.read(n) for n in one.namelist()} == {n: other.read(n) for n in other.namelist()}

    stats = run("repository", "stats", *at, "-o", "json").json
    assert [point["id"] for point in stats["chains"][0]["points"]] == [first["id"], second["id"]]
    assert stats["chains"][0]["source"] == "srv/hr"
    assert "srv/hr" in run("repository", "stats", *at).out
    assert run("repository", "check", *at, "--read-data-subset", "1/1", "-o", "json").json["packs_read"] > 0


def test_the_same_file_again_is_the_same_point(
    run: Run, repository: str, password_file: Path, bacpacs: dict[str, Path]
) -> None:
    one = _imported(run, repository, password_file, bacpacs["hr-0"])
    assert _imported(run, repository, password_file, bacpacs["hr-0"]) == one


def test_a_given_time_is_the_points_time(
    run: Run, repository: str, password_file: Path, bacpacs: dict[str, Path]
) -> None:
    at = ("--repository", repository, "--password-file", password_file, "--source", "srv/hr", "-o", "json")
    ran = run("point", "import", bacpacs["hr-0"], *at, "--created-at", "2020-02-29T03:00:00+01:00")
    assert ran.json["created_at"] == "2020-02-29T02:00:00Z"
    assert ran.json["id"].startswith("20200229T020000Z-")
    assert run("point", "import", bacpacs["hr-0"], *at, "--created-at", "yesterday").code == 2
    assert (
        run("point", "import", bacpacs["hr-0"], bacpacs["hr-1"], *at, "--created-at", "2020-02-29T03:00:00Z").code == 2
    )


@pytest.mark.parametrize("name", ["hr", "/hr", "srv/", "a/b/c"])
def test_a_source_has_a_server_and_a_database(
    run: Run, repository: str, password_file: Path, bacpacs: dict[str, Path], name: str
) -> None:
    at = ("--repository", repository, "--password-file", password_file)
    assert run("point", "import", bacpacs["hr-0"], "--source", name, *at).code == 2


def test_damage_ends_a_check_with_13_and_names_object_and_points(
    run: Run, repository: str, password_file: Path, bacpacs: dict[str, Path]
) -> None:
    at = ("--repository", repository, "--password-file", password_file)
    (point,) = _imported(run, repository, password_file, bacpacs["hr-0"])
    folder = Path(repository.removeprefix("file://"))
    pack = max((file for file in folder.rglob("*") if file.is_file()), key=lambda file: file.stat().st_size)
    data = bytearray(pack.read_bytes())
    data[len(data) // 2] ^= 1
    pack.chmod(0o600)
    pack.write_bytes(data)
    ran = run("repository", "check", *at, "--read-data", "-o", "json")
    assert ran.code == 13
    assert ran.json["ok"] is False
    assert ran.json["damaged_points"] == [point["id"]]
    assert pack.name in ran.json["problems"][0]["object"]
    assert pack.name in run("repository", "check", *at, "--read-data").out


def test_the_wrong_password_ends_with_12(run: Run, repository: str, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("not this one")
    ran = run("point", "list", "--repository", repository, "--password-file", wrong)
    assert ran.code == 12
    assert "not this one" not in ran.err


def test_the_password_file_may_stand_in_the_environment(
    run: Run, repository: str, password_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOLDFAST_PASSWORD_FILE", str(password_file))
    assert run("point", "list", "--repository", repository, "-o", "json").json == []


@pytest.mark.parametrize("content", [None, b"", b"\n", b"\xff\xfe"])
def test_a_password_that_cannot_be_read_is_a_usage_error(
    run: Run, repository: str, tmp_path: Path, content: bytes | None
) -> None:
    file = tmp_path / "odd"
    if content is not None:
        file.write_bytes(content)
    assert run("repository", "stats", "--repository", repository, "--password-file", file).code == 2
    assert run("repository", "stats", "--repository", repository).code == 2


def test_no_repository_ends_with_10_and_no_point_with_4(
    run: Run, repository: str, password_file: Path, tmp_path: Path
) -> None:
    assert (
        run("point", "list", "--repository", (tmp_path / "none").as_uri(), "--password-file", password_file).code == 10
    )
    at = ("--repository", repository, "--password-file", password_file)
    assert run("point", "show", "20200229T020000Z-00000000", *at).code == 4


@pytest.mark.parametrize("verb", [["repository", "stats"], ["repository", "check"], ["point", "verify", "p1"]])
def test_what_works_on_a_url_only_says_so(run: Run, verb: list[str]) -> None:
    ran = run(*verb, "--repository", "default")
    assert ran.code == 2
    assert "URL" in ran.err


def test_two_different_places_are_refused(run: Run, repository: str, password_file: Path) -> None:
    ran = run("repository", "stats", repository, "--repository", "file:///other", "--password-file", password_file)
    assert ran.code == 2


@pytest.mark.parametrize("subset", ["1", "a/b", "2/1", "0/3"])
def test_a_subset_that_is_none_is_a_usage_error(run: Run, repository: str, password_file: Path, subset: str) -> None:
    at = ("--repository", repository, "--password-file", password_file)
    assert run("repository", "check", *at, "--read-data-subset", subset).code == 2


def test_a_storage_key_of_the_environment_is_used_for_blob_storage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_STORAGE_KEY", "a2V5")
    found = direct._credential("https://myaccount.blob.core.windows.net/backups")
    assert isinstance(found, AzureNamedKeyCredential)
    assert found.named_key.name == "myaccount"


def test_preflight_of_a_file_names_blockers_and_ends_with_22(run: Run, bacpacs: dict[str, Path]) -> None:
    ran = run("preflight", bacpacs["legacy"], "-o", "json")
    assert ran.code == 22
    assert {"P01", "P04", "P06"} <= {finding["id"] for finding in ran.json}
    healthy = run("preflight", bacpacs["hr-0"], "-o", "json")
    assert (healthy.code, healthy.json) == (0, [])


def test_preflight_of_what_is_no_bacpac_ends_with_23(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "x.bacpac"
    file.write_bytes(b"not a zip")
    assert run("preflight", file).code == 23
    assert run("preflight", tmp_path / "missing.bacpac").code == 2
    assert run("preflight", "shop").code == 2


def test_a_folder_is_named_by_its_path_too(run: Run, tmp_path: Path, password_file: Path) -> None:
    folder = tmp_path / "by path"
    made = run("repository", "init", folder, "--password-file", password_file, "-o", "json")
    assert made.json["repository"] == folder.as_uri()
    assert run("point", "list", "-r", folder, "--password-file", password_file, "-o", "json").json == []
    assert run("repository", "stats", "-r", folder, "--password-file", password_file, "-o", "json").json["chains"] == []
    none = run("point", "list", "-r", tmp_path / "none", "--password-file", password_file)
    assert "none" in none.err
    assert none.code == 4 or "repository" in none.err


def test_a_download_replaces_no_file_that_it_was_not_told_to(
    run: Run, repository: str, password_file: Path, bacpacs: dict[str, Path], tmp_path: Path
) -> None:
    at = ("--repository", repository, "--password-file", password_file)
    (point,) = _imported(run, repository, password_file, bacpacs["hr-0"])
    to = tmp_path / "mine.bacpac"
    to.write_bytes(b"mine")
    refused = run("point", "download", point["id"], "--to", to, *at)
    assert (refused.code, to.read_bytes()) == (2, b"mine")
    assert "--overwrite" in refused.err
    ran = run("point", "download", point["id"], "--to", to, "--overwrite", *at)
    assert ran.code == 0
    assert "--identical" in ran.err, "it says why the file's hash is another"
    assert zipfile.is_zipfile(to)
    same = run("point", "download", point["id"], "--to", to, "--overwrite", "--identical", *at)
    assert to.read_bytes() == bacpacs["hr-0"].read_bytes()
    assert "packed anew" not in same.err


def test_the_rows_of_stats_add_up_after_a_deletion(
    run: Run, repository: str, password_file: Path, bacpacs: dict[str, Path]
) -> None:
    at = ("--repository", repository, "--password-file", password_file)
    first, _ = _imported(run, repository, password_file, bacpacs["hr-1"], bacpacs["hr-0"])
    run("point", "delete", first["id"], *at)
    stats = run("repository", "stats", *at, "-o", "json").json
    (chain,) = stats["chains"]
    brought = sum(point["stored_bytes"] for point in chain["points"])
    assert chain["total_bytes"] == brought + chain["other_bytes"]
    assert chain["other_bytes"] >= first["stored_bytes"] - 4_000, "all but its manifest is there until a prune"
    assert 0 < stats["total_bytes"] - chain["total_bytes"] < 5_000, "description, keys, locks"
    assert "prune" in run("repository", "stats", *at).err
