"""`holdfast repository lock`, `hold`, `locks`, `undelete` on a repository's own address."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from holdfast.model.clock import parse_iso
from holdfast.storage import WriteOnce, open_store

from .conftest import Run

DAY = timedelta(days=1)


@pytest.fixture
def at(
    run: Run, repository: str, password_file: Path, bacpacs: dict[str, Path]
) -> tuple[str, str | Path, str, str | Path]:
    """The options that name a repository with two points of srv/hr and one of srv/shop."""
    options = ("--repository", repository, "--password-file", password_file)
    files = (bacpacs["hr-0"], bacpacs["hr-1"])
    assert run("point", "import", *files, "--source", "srv/hr", *options).code == 0
    assert run("point", "import", bacpacs["legacy"], "--source", "srv/shop", *options).code == 0
    return options


def _points(run: Run, at: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = run("repository", "locks", *at, "-o", "json").json["points"]
    return found


def test_a_lock_until_a_day_is_listed_and_refuses_deletion(run: Run, at: Any, repository: str) -> None:
    day = datetime.now(UTC).date() + 30 * DAY
    ran = run("repository", "lock", "--until", day.isoformat(), *at, "-o", "json")
    assert ran.code == 0, ran.err
    assert (ran.json["points"], ran.json["problems"]) == (3, [])
    assert ran.json["locked"] == ran.json["objects"] or ran.json["locked"] < ran.json["objects"]
    again = run("repository", "lock", "--until", day.isoformat(), *at, "-o", "json")
    assert again.json["locked"] == 0
    listed = run("repository", "locks", *at, "-o", "json").json
    end = datetime(day.year, day.month, day.day, tzinfo=UTC) + DAY
    assert listed["immutability"] is True
    for point in listed["points"]:
        assert end <= parse_iso(point["locked_until"]) <= end + 10 * DAY
        assert (point["mode"], point["held"], point["weak"]) == ("locked", False, [])
    packs = [one for one in listed["objects"] if "/data/" in one["name"]]
    assert all(one["locked_until"] for one in packs)
    with pytest.raises(WriteOnce):
        open_store(repository).delete(packs[0]["name"])
    assert "srv/hr" in run("repository", "locks", *at).out


def test_days_count_from_each_points_own_time(run: Run, at: Any) -> None:
    point = run("point", "list", *at, "-o", "json").json[-1]
    age = (datetime.now(UTC) - parse_iso(point["created_at"])).days
    ran = run("repository", "lock", point["id"], "--days", str(age + 40), *at, "-o", "json")
    assert (ran.code, ran.json["points"]) == (0, 1)
    states = {one["id"]: one for one in _points(run, at)}
    end = parse_iso(point["created_at"]) + (age + 40) * DAY
    assert end <= parse_iso(states[point["id"]]["locked_until"]) <= end + 10 * DAY


def test_only_the_databases_that_are_named_are_locked(run: Run, at: Any) -> None:
    ran = run("repository", "lock", "--until", "2999-01-01", "--database", "shop", *at, "-o", "json")
    assert ran.json["points"] == 1
    assert [bool(one["weak"]) for one in _points(run, at) if one["source"] == "srv/hr"] == [True, True]
    assert [bool(one["weak"]) for one in _points(run, at) if one["source"] == "srv/shop"] == [False]


def test_a_trial_lock_says_so(run: Run, at: Any) -> None:
    assert run("repository", "lock", "--until", "2999-01-01", "--trial", *at).code == 0
    assert {one["mode"] for one in _points(run, at)} == {"unlocked"}


def test_a_hold_goes_on_and_off(run: Run, at: Any) -> None:
    one = _points(run, at)[0]["id"]
    ran = run("repository", "hold", "on", one, *at, "-o", "json")
    assert (ran.code, ran.json["points"], ran.json["problems"]) == (0, 1, [])
    assert [point["held"] for point in _points(run, at) if point["id"] == one] == [True]
    assert run("repository", "hold", "off", one, *at, "-o", "json").json["released"] == ran.json["held"]
    assert not any(point["held"] for point in _points(run, at))


@pytest.mark.parametrize(
    "arguments",
    [
        ("lock",),
        ("lock", "--until", "2999-01-01", "--days", "3"),
        ("lock", "--until", "soon"),
        ("lock", "--until", "2999-01-01T00:00:00"),
        ("lock", "--days", "0"),
        ("hold", "perhaps", "p"),
        ("hold", "on"),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(run: Run, at: Any, arguments: tuple[str, ...]) -> None:
    assert run("repository", *arguments, *at).code == 2


def test_unknown_points_are_not_found(run: Run, at: Any) -> None:
    for arguments in (("lock", "nobody", "--days", "3"), ("hold", "on", "nobody")):
        ran = run("repository", *arguments, *at)
        assert ran.code == 4
        assert "nobody" in ran.err


def test_a_folder_hides_nothing(run: Run, at: Any, repository: str) -> None:
    ran = run("repository", "undelete", "--repository", repository, "-o", "json")
    assert (ran.code, ran.json) == (0, [])
