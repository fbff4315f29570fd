"""Chains go to another repository as they are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from holdfast.cli import repository_copy
from holdfast.model.clock import SystemClock
from holdfast.repository import PasswordCost, Repository
from holdfast.storage import open_store
from holdfast.storage.memory import MemoryStore

from .conftest import PASSWORD, Run

Copy = Callable[..., Any]


@pytest.fixture
def filled(run: Run, repository: str, password_file: Path, bacpacs: dict[str, Path]) -> str:
    """A repository with two chains."""
    at = ("--repository", repository, "--password-file", password_file)
    assert run("point", "import", bacpacs["hr-0"], bacpacs["hr-1"], "--source", "srv/hr", *at).code == 0
    assert run("point", "import", bacpacs["legacy"], "--source", "srv/old", *at).code == 0
    return repository


def _made(tmp_path: Path, name: str, *, archive: bool = False) -> str:
    url = (tmp_path / name).as_uri()
    cost = PasswordCost(memory_kib=64, iterations=1, lanes=1)
    Repository.init(open_store(url), PASSWORD, clock=SystemClock(), archive=archive, cost=cost)
    return url


@pytest.fixture
def copy(run: Run, password_file: Path) -> Copy:
    def call(origin: str, target: str, *arguments: str) -> Any:
        return run(
            "repository", "copy", origin, "--to", target, "--password-file", password_file, *arguments, "-o", "json"
        )

    return call


def test_the_very_same_file_comes_out_of_the_copy(
    copy: Copy, filled: str, tmp_path: Path, run: Run, password_file: Path, bacpacs: dict[str, Path]
) -> None:
    target = _made(tmp_path, "target")
    ran = copy(filled, target)
    assert ran.code == 0, ran.err
    assert ran.json["states"] == {"copied": 3}
    assert {row["verified"] for row in ran.json["points"]} == {"while copied"}
    assert [row["point"] for row in ran.json["points"]] == [row["of"] for row in ran.json["points"]]
    out = tmp_path / "out.bacpac"
    at = ("--repository", target, "--password-file", password_file, "--identical")
    assert run("point", "download", ran.json["points"][1]["point"], "--to", out, *at).code == 0
    assert out.read_bytes() == bacpacs["hr-1"].read_bytes()


def test_a_dry_run_says_what_would_be_copied(copy: Copy, filled: str, tmp_path: Path) -> None:
    target = _made(tmp_path, "target")
    ran = copy(filled, target, "--dry-run")
    assert (ran.code, ran.json["states"], ran.json["dry_run"]) == (0, {"new": 3}, True)
    assert copy(filled, target, "--dry-run").json["states"] == {"new": 3}


def test_only_the_chains_that_are_wanted_go(copy: Copy, filled: str, tmp_path: Path) -> None:
    target = _made(tmp_path, "target")
    assert copy(filled, target, "--database", "h*").json["states"] == {"copied": 2}
    assert copy(filled, target, "--database", "h", "--database", "nothing/*").code == 4
    again = copy(filled, target)
    assert again.json["states"] == {"there": 2, "copied": 1}
    assert [row["verified"] for row in again.json["points"]] == ["digests compared"] * 2 + ["while copied"]


def test_to_and_from_an_archive_repository(copy: Copy, filled: str, tmp_path: Path) -> None:
    """A folder has no tiers, so all of it can be read: into the archive with ids of its own, out of it with those."""
    archive, back = _made(tmp_path, "archive", archive=True), _made(tmp_path, "back")
    out = copy(filled, archive, "--verify").json
    assert out["states"] == {"copied": 3}
    assert not {row["point"] for row in out["points"]} & {row["of"] for row in out["points"]}
    assert copy(filled, archive).json["states"] == {"there": 3}
    home = copy(archive, back, "--verify").json
    assert home["read_back_points"] == 3
    assert [row["point"] for row in home["points"]] == [row["point"] for row in out["points"]]


def test_what_lies_in_the_archive_tier_waits_until_it_is_rehydrated(
    copy: Copy, filled: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cost = PasswordCost(memory_kib=64, iterations=1, lanes=1)
    tiered = MemoryStore(url="memory:archive")
    archive = Repository.init(tiered, PASSWORD, clock=SystemClock(), name="tiered", archive=True, cost=cost)
    opened = {"https://tiered/archive": archive}
    really = repository_copy.open_repository
    monkeypatch.setattr(repository_copy, "open_repository", lambda url, *more: opened.get(url) or really(url, *more))
    assert copy(filled, "https://tiered/archive", "--verify").code == 2, "it could not be read back"
    assert copy(filled, "https://tiered/archive").json["states"] == {"copied": 3}
    target = _made(tmp_path, "target")
    ran = copy("https://tiered/archive", target, "--dry-run")
    assert (ran.code, ran.json["states"]) == (32, {"waits": 3})
    packs = [info for info in tiered.list("chains/") if "/data/" in info.name]
    assert sum(row["rehydrate"]["packs"] for row in ran.json["points"]) == len(packs)
    assert not any(info.rehydrating for info in packs), "a dry run starts nothing"
    assert copy("https://tiered/archive", target, "--database", "old", "--rehydrate", "high").json["states"] == {
        "waits": 1
    }
    tiered.finish_rehydration()
    ran = copy("https://tiered/archive", target, "--rehydrate", "standard")
    assert (ran.code, ran.json["states"]) == (3, {"waits": 2, "copied": 1})
    tiered.finish_rehydration()
    assert copy("https://tiered/archive", target, "--verify").json["read_back_points"] == 3


def test_a_point_that_differs_is_named_and_not_replaced(
    copy: Copy, filled: str, tmp_path: Path, bacpacs: dict[str, Path]
) -> None:
    target = _made(tmp_path, "target")
    origin, other = (
        Repository.open(open_store(url), PASSWORD, clock=SystemClock(), name=url) for url in (filled, target)
    )
    first = origin.points()[0]
    read = next(read for read in origin.manifests(first.chain)[0] if read.manifest.point.id == first.id)
    other.store_point(bacpacs["legacy"], read.manifest.point, owner="test")
    ran = copy(filled, target)
    assert ran.code == 3
    (row,) = [row for row in ran.json["points"] if row["error"]]
    assert (row["point"], row["error"]["code"]) == (first.id, "point-exists")
    assert first.id in row["error"]["detail"]
    assert ran.json["states"] == {"problem": 1, "copied": 2}
    assert other.point(first.id).entries != first.entries


def test_damage_is_never_copied(copy: Copy, filled: str, tmp_path: Path, run: Run, password_file: Path) -> None:
    packs = Path(filled.removeprefix("file://")).glob("chains/*/data/*")
    pack = max(packs, key=lambda file: file.stat().st_size)
    data = bytearray(pack.read_bytes())
    data[len(data) // 2] ^= 1
    pack.chmod(0o600)
    pack.write_bytes(data)
    target = _made(tmp_path, "target")
    ran = copy(filled, target)
    assert ran.code == 3
    hurt = [row for row in ran.json["points"] if row["error"]]
    assert {row["error"]["code"] for row in hurt} == {"damaged"}
    assert pack.name in hurt[0]["error"]["detail"]
    at = ("--repository", target, "--password-file", password_file, "-o", "json")
    whole = {row["point"] for row in ran.json["points"]} - {row["point"] for row in hurt}
    assert {point["id"] for point in run("point", "list", *at).json} == whole
    assert run("repository", "check", *at, "--read-data").json["ok"] is True


def test_places_that_cannot_be_meant_are_refused(copy: Copy, filled: str, tmp_path: Path) -> None:
    assert copy(filled, filled).code == 2
    assert copy(filled, "default").code == 2
    assert copy("default", filled).code == 2
    assert copy(filled, (tmp_path / "none").as_uri()).code == 10
    assert copy(filled, filled, "--to-password-file", "/nowhere").code == 2
