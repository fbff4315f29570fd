"""Folders of exports become chains: by their names, oldest first, with what is wrong named and the rest taken in."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from holdfast.cli.import_plan import exported_at

from .conftest import Run

PATTERN = "{server}/{database}-{date:%Y-%m-%d}.bacpac"
Take = Callable[..., Any]


@pytest.fixture
def exports(tmp_path: Path, bacpacs: dict[str, Path]) -> Path:
    """Two databases' exports by date, and a page that is none."""
    folder = tmp_path / "exports"
    for database, day, sample in (("hr", 1, "hr-0"), ("hr", 2, "hr-1"), ("old", 1, "legacy")):
        file = folder / "sql-a" / f"{database}-2026-01-0{day}.bacpac"
        file.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(bacpacs[sample], file)
    (folder / "readme.txt").write_text("these are the exports")
    return folder


@pytest.fixture
def take(run: Run, repository: str, password_file: Path) -> Take:
    """Runs `point import` and gives the result."""

    def call(*arguments: str | Path) -> Any:
        at = ("--repository", repository, "--password-file", password_file)
        return run("point", "import", *arguments, *at, "-o", "json")

    return call


def _rows(report: dict[str, Any], *names: str) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in names) for row in report["files"]]


def test_a_folder_becomes_chains(take: Take, exports: Path, run: Run, repository: str, password_file: Path) -> None:
    ran = take(exports, "--pattern", PATTERN)
    assert ran.code == 0, ran.err
    assert _rows(ran.json, "source", "created_at", "state", "kind", "time_from") == [
        ("sql-a/hr", "2026-01-01T00:00:00Z", "stored", "full", "name"),
        ("sql-a/hr", "2026-01-02T00:00:00Z", "stored", "increment", "name"),
        ("sql-a/old", "2026-01-01T00:00:00Z", "stored", "full", "name"),
    ]
    assert ran.json["others"] == 1
    assert "[3/3] sql-a/old" in ran.err
    sizes = [file.stat().st_size for file in exports.rglob("*.bacpac")]
    assert ran.json["file_bytes"] == sum(sizes)
    assert ran.json["stored_bytes"] == sum(row["stored_bytes"] for row in ran.json["files"])
    assert ran.json["ratio"] == round(ran.json["file_bytes"] / ran.json["stored_bytes"], 2)
    listed = run("point", "list", "--repository", repository, "--password-file", password_file, "-o", "json").json
    assert {point["id"] for point in listed} == {row["point"] for row in ran.json["files"]}
    assert {point["consistency"] for point in listed} == {"live"}


def test_a_dry_run_says_what_a_run_does_and_stores_nothing(
    take: Take, exports: Path, run: Run, repository: str, password_file: Path
) -> None:
    planned = take(exports, "--pattern", PATTERN, "--dry-run")
    assert planned.code == 0, planned.err
    assert planned.json["dry_run"] is True
    assert {row["state"] for row in planned.json["files"]} == {"new"}
    at = ("--repository", repository, "--password-file", password_file, "-o", "json")
    assert run("point", "list", *at).json == []
    told = ("file", "source", "chain", "created_at", "point", "file_bytes", "inflated_bytes")
    assert _rows(take(exports, "--pattern", PATTERN).json, *told) == _rows(planned.json, *told)


def test_a_second_run_passes_over_what_is_there_and_takes_what_is_new(
    take: Take, exports: Path, bacpacs: dict[str, Path]
) -> None:
    aside = exports / "sql-a" / "hr-2026-01-02.bacpac"
    kept = aside.read_bytes()
    aside.unlink()
    first = take(exports, "--pattern", PATTERN).json
    aside.write_bytes(kept)
    ran = take(exports, "--pattern", PATTERN)
    assert [row["state"] for row in ran.json["files"]] == ["there", "stored", "there"]
    assert {row["point"] for row in first["files"]} < {row["point"] for row in ran.json["files"]}
    assert {row["state"] for row in take(exports, "--pattern", PATTERN).json["files"]} == {"there"}


def test_what_is_wrong_is_named_and_the_rest_goes_on(take: Take, exports: Path) -> None:
    folder = exports / "sql-a"
    (folder / "hr-2026-01-03.bacpac").write_bytes(b"not a zip")
    (folder / "hr-yesterday.bacpac").write_bytes((folder / "hr-2026-01-01.bacpac").read_bytes())
    damaged = bytearray((folder / "hr-2026-01-02.bacpac").read_bytes())
    damaged[len(damaged) // 2] ^= 0xFF  # its end is whole: it shows only when its data are read
    (folder / "hr-2026-01-02.bacpac").write_bytes(damaged)
    ran = take(exports, "--pattern", PATTERN)
    assert ran.code == 3
    told = {Path(row["file"]).name: (row["state"], (row["error"] or {}).get("code")) for row in ran.json["files"]}
    assert told == {
        "hr-2026-01-01.bacpac": ("stored", None),
        "hr-2026-01-02.bacpac": ("problem", "bad-bacpac"),
        "hr-2026-01-03.bacpac": ("problem", "bad-bacpac"),
        "hr-yesterday.bacpac": ("problem", "invalid-input"),
        "old-2026-01-01.bacpac": ("stored", None),
    }
    assert "hr-2026-01-02.bacpac was not taken in" in ran.err


def test_nothing_but_problems_ends_with_their_code(take: Take, tmp_path: Path) -> None:
    folder = tmp_path / "broken"
    folder.mkdir()
    for name in ("a", "b"):
        (folder / f"{name}.bacpac").write_bytes(b"not a zip")
    assert take(folder, "--source", "srv/x").code == 23
    assert take(folder / "a.bacpac", "--source", "srv/x").code == 23


def test_two_exports_of_one_moment_are_both_left_out(take: Take, exports: Path, bacpacs: dict[str, Path]) -> None:
    other = exports / "copy" / "sql-a"
    other.mkdir(parents=True)
    shutil.copy(bacpacs["hr-1"], other / "hr-2026-01-01.bacpac")
    ran = take(exports, "--pattern", PATTERN)
    assert ran.code == 3
    states = [row for row in ran.json["files"] if row["created_at"] == "2026-01-01T00:00:00Z" and "hr" in row["file"]]
    assert [row["error"]["code"] for row in states] == ["same-moment", "same-moment"]
    assert "copy/sql-a/hr-2026-01-01" in states[1]["error"]["detail"]
    assert ran.json["states"] == {"problem": 2, "stored": 2}


def test_one_export_in_two_files_is_one_point(take: Take, exports: Path) -> None:
    (exports / "copy").mkdir()
    shutil.copytree(exports / "sql-a", exports / "copy" / "sql-a")
    ran = take(exports, "--pattern", PATTERN)
    assert ran.code == 0, ran.err
    assert ran.json["states"] == {"stored": 3, "twice": 3}


def test_a_whole_file_stands_in_for_a_damaged_one_of_the_same_export(take: Take, exports: Path) -> None:
    """The first of two files by name is damaged where only reading it all shows it."""
    shutil.copytree(exports / "sql-a", exports / "copy" / "sql-a")
    first = exports / "copy" / "sql-a" / "hr-2026-01-01.bacpac"
    damaged = bytearray(first.read_bytes())
    damaged[len(damaged) // 2] ^= 0xFF
    first.write_bytes(damaged)
    ran = take(exports, "--pattern", PATTERN)
    assert ran.code == 3
    told = {
        row["file"].removeprefix(f"{exports}/"): row["state"]
        for row in ran.json["files"]
        if "hr-2026-01-01" in row["file"]
    }
    assert told == {"copy/sql-a/hr-2026-01-01.bacpac": "problem", "sql-a/hr-2026-01-01.bacpac": "stored"}


def test_another_export_at_a_points_moment_is_a_problem(take: Take, exports: Path, bacpacs: dict[str, Path]) -> None:
    (first, *_) = take(exports, "--pattern", PATTERN).json["files"]
    shutil.copy(bacpacs["hr-1"], exports / "sql-a" / "hr-2026-01-01.bacpac")
    ran = take(exports, "--pattern", PATTERN)
    assert ran.code == 3
    assert ran.json["files"][0]["error"]["code"] == "same-moment"
    assert first["point"] in ran.json["files"][0]["error"]["detail"]


def test_times_come_from_the_export_and_from_the_file_only_when_told(take: Take, tmp_path: Path, make: Any) -> None:
    model = make.model(make.table(("dbo", "T"), [make.column(("dbo", "T"), "id", "[int]", nullable=False)]))
    entries = make.entries(model, {("dbo", "T"): [b"\1\0\0\0"]})
    said = make.write(entries, "said.bacpac")
    entries["Origin.xml"] = entries["Origin.xml"].replace(b"<Start>2021-09-16T10:50:13.9970400+01:00</Start>", b"")
    silent = make.write(entries, "silent.bacpac")
    os.utime(silent, (1_600_000_000, 1_600_000_000))
    ran = take(said, silent, "--source", "srv/x", "--dry-run")
    assert ran.code == 3
    assert _rows(ran.json, "created_at", "time_from") == [("2021-09-16T09:50:13Z", "export"), (None, None)]
    assert "--time-from-file" in ran.json["files"][1]["error"]["help"]
    ran = take(said, silent, "--source", "srv/x", "--time-from-file")
    told = iso_of(1_600_000_000)
    assert _rows(
        {"files": take(said, silent, "--source", "srv/x", "--time-from-file", "-n").json["files"]}, "created_at"
    ) == [
        (told,),
        ("2021-09-16T09:50:13Z",),
    ]
    assert [point["created_at"] for point in ran.json] == [told, "2021-09-16T09:50:13Z"]
    given = take(silent, "--source", "srv/y", "--created-at", "2022-01-01T00:00:00Z")
    assert given.json["created_at"] == "2022-01-01T00:00:00Z"


def iso_of(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"


def test_the_zone_of_the_names_can_be_told(take: Take, exports: Path) -> None:
    ran = take(exports, "--pattern", PATTERN, "--time-zone", "Europe/Berlin", "-n")
    assert ran.json["files"][0]["created_at"] == "2025-12-31T23:00:00Z"
    assert take(exports, "--pattern", PATTERN, "--time-zone", "Mars/Olympus", "-n").code == 2


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--pattern", "{database}.bacpac"],
        ["--source", "srv/x", "--pattern", PATTERN],
        ["--source", "srv/{nothing}", "--pattern", PATTERN],
        ["--source", "{database}", "--pattern", PATTERN],
        ["--source", "srv/{database}"],
        ["--source", "srv/x", "--created-at", "2026-01-01T00:00:00Z"],
        ["--pattern", PATTERN, "--created-at", "2026-01-01T00:00:00Z"],
        ["--pattern", PATTERN, "--from", "file:///tmp"],
        ["--pattern", "{d:%Q}"],
    ],
)
def test_words_that_could_mix_up_databases_or_times_are_refused(take: Take, exports: Path, words: list[str]) -> None:
    ran = take(exports, *words)
    assert ran.code == 2, ran.err


def test_nothing_to_take_in_is_an_error(take: Take, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert take(tmp_path / "empty", "--source", "srv/x").code == 4
    assert take(tmp_path / "gone", "--source", "srv/x").code == 2
    assert take("--source", "srv/x").code == 2
    assert take("--from", "ftp://somewhere", "--source", "srv/x").code == 2


def test_a_folder_may_be_named_by_its_address(take: Take, exports: Path) -> None:
    assert take("--from", exports.as_uri(), "--pattern", PATTERN).json["states"] == {"stored": 3}


def test_files_by_name_still_print_their_points(take: Take, bacpacs: dict[str, Path]) -> None:
    ran = take(bacpacs["hr-1"], bacpacs["hr-0"], bacpacs["hr-0"], "--source", "srv/hr")
    assert [point["kind"] for point in ran.json] == ["full", "increment"], "a file named twice is one file"


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2021-09-16T10:50:13.9970400+01:00", datetime(2021, 9, 16, 9, 50, 13, tzinfo=UTC)),
        ("2021-09-16T10:50:13Z", datetime(2021, 9, 16, 10, 50, 13, tzinfo=UTC)),
        ("2021-09-16T10:50:13.1", None),
        ("", None),
        ("soon", None),
        ("0001-01-01T00:00:00+14:00", None),
    ],
)
def test_an_exports_own_time_is_read(text: str, moment: datetime | None) -> None:
    assert exported_at(text) == moment
