"""Delete, prune, repair and salvage on a repository's address."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from holdfast.cli.removing import duration
from holdfast.model.errors import InvalidInput

from .conftest import Run


@pytest.fixture
def points(run: Run, repository: str, password_file: Path, bacpacs: dict[str, Path]) -> list[str]:
    ran = run(
        *("point", "import", bacpacs["hr-0"], bacpacs["hr-1"], "--source", "srv/hr", "--repository", repository),
        *("--password-file", password_file, "-o", "json"),
    )
    return [point["id"] for point in ran.json]


@pytest.fixture
def at(repository: str, password_file: Path) -> tuple[str | Path, ...]:
    return ("--repository", repository, "--password-file", password_file)


def _bytes(repository: str) -> int:
    folder = Path(repository.removeprefix("file://"))
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def test_a_point_is_deleted_and_its_space_comes_back(
    run: Run, repository: str, at: tuple[str | Path, ...], points: list[str], bacpacs: dict[str, Path]
) -> None:
    first, second = points
    # Of another database altogether, so that nothing of it is in the others.
    dated = ("--source", "srv/hr", "--created-at", "2020-01-01T00:00:00Z")
    run("point", "import", bacpacs["legacy"], *dated, *at)
    other = run("point", "list", *at, "-o", "json").json[0]
    deleted = run("point", "delete", first, other["id"], *at, "-o", "json")
    assert deleted.code == 0
    assert {(one["id"], one["state"]) for one in deleted.json} == {(first, "deleted"), (other["id"], "deleted")}
    assert "prune" in deleted.err
    again = run("point", "delete", first, *at, "-o", "json")
    assert (again.code, again.json[0]["state"]) == (0, "gone")
    assert [point["id"] for point in run("point", "list", *at, "-o", "json").json] == [second]
    before = _bytes(repository)
    told = run("repository", "prune", *at, "--dry-run", "--grace", "0", "--dead", "10", "-o", "json")
    assert (told.code, told.json["dry_run"], _bytes(repository)) == (0, True, before)
    shown = run("repository", "prune", *at, "--dry-run", "--dead", "10")
    assert "would be freed" in shown.out
    assert "until" in shown.out
    done = run("repository", "prune", *at, "--grace", "0", "--dead", "10", "-o", "json")
    assert done.code == 0
    assert done.json["freed_bytes"] == told.json["freed_bytes"] > 0
    assert before - _bytes(repository) == pytest.approx(done.json["freed_bytes"] - done.json["written_bytes"], abs=2000)
    assert run("point", "verify", second, *at).code == 0
    assert run("repository", "check", *at, "--read-data").code == 0
    assert "freed" in run("repository", "prune", *at).out


def test_the_last_point_needs_a_word_more(run: Run, at: tuple[str | Path, ...], points: list[str]) -> None:
    ran = run("point", "delete", *points, *at)
    assert ran.code == 18
    assert "--last-too" in ran.err
    assert run("point", "delete", *points, "--last-too", *at).code == 0
    assert run("point", "list", *at, "-o", "json").json == []


def test_a_point_that_is_none_ends_with_4(run: Run, at: tuple[str | Path, ...], points: list[str]) -> None:
    assert run("point", "delete", "20200229T020000Z-00000000", *at).code == 4
    assert len(run("point", "list", *at, "-o", "json").json) == 2


def test_damage_is_salvaged_and_set_aside(
    run: Run, repository: str, at: tuple[str | Path, ...], points: list[str], tmp_path: Path
) -> None:
    folder = Path(repository.removeprefix("file://"))
    pack = max((file for file in folder.rglob("data/*") if file.is_file()), key=lambda file: file.stat().st_size)
    data = bytearray(pack.read_bytes())
    data[len(data) // 2] ^= 1
    pack.chmod(0o600)
    pack.write_bytes(data)
    found = run("repository", "check", *at, "--read-data", "--repair", "-o", "json")
    assert found.code == 13
    assert found.json["problems"][0]["tables"]
    assert any(pack.name in done for done in found.json["repaired"])
    assert pack.exists()
    ran = run("point", "salvage", points[0], "--to", tmp_path / "saved", *at, "-o", "json")
    assert ran.code == 3
    assert ran.json["complete"] is False
    assert ran.json == json.loads((tmp_path / "saved" / "salvage.json").read_text())
    assert ran.json["lost_bytes"] > 0
    shown = run("point", "salvage", points[0], "--to", tmp_path / "again", *at)
    assert pack.name in shown.out
    assert run("point", "salvage", points[0], "--to", tmp_path / "again", *at).code == 2


def test_a_whole_point_is_salvaged_with_0(
    run: Run, at: tuple[str | Path, ...], points: list[str], tmp_path: Path
) -> None:
    assert run("point", "salvage", points[1], "--to", tmp_path / "saved", *at).code == 0


@pytest.mark.parametrize("text", ["", "1", "-1h", "1w", "h", "99999999999d"])
def test_a_grace_that_is_none_is_a_usage_error(run: Run, at: tuple[str | Path, ...], text: str) -> None:
    with pytest.raises(InvalidInput):
        duration(text)
    assert run("repository", "prune", *at, "--grace", text).code == 2


def test_graces() -> None:
    assert [duration(text).total_seconds() for text in ("0", "90m", "24h", "2d", "5s")] == [0, 5400, 86400, 172800, 5]


@pytest.mark.parametrize(
    "verb", [["point", "delete", "p1"], ["repository", "prune"], ["point", "salvage", "p1", "--to", "x"]]
)
def test_what_works_on_a_url_only_says_so(run: Run, verb: list[str]) -> None:
    ran = run(*verb, "--repository", "default")
    assert ran.code == 2
    assert "URL" in ran.err
