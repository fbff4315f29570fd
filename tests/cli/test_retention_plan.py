"""`holdfast retention plan` on files, without app or repository."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .conftest import Run

POLICY = """
name: a
start_date: 2026-01-05
archive: archive
schedules:
  daily: {at: ["03:00"], keep_days: 3}
  weekly: {day: monday, keep_weeks: 2}
  monthly: {day: 5, keep_months: 6, archive: true}
"""


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, ...]:
    """The arguments that name a policy and a history; the last event is after the day that is asked for."""
    (tmp_path / "policy.yaml").write_text(POLICY)
    history = [{"id": day, "day": f"2026-01-{day:02d}", "ok": day != 6} for day in range(5, 14)]
    (tmp_path / "events.json").write_text(json.dumps(history))
    return ("-f", str(tmp_path / "policy.yaml"), "--events", str(tmp_path / "events.json"))


def test_scripts_get_a_bare_list_of_every_point(run: Run, files: tuple[str, ...]) -> None:
    ran = run("retention", "plan", *files, "--on", "2026-01-12", "--output", "json")
    assert ran.code == 0
    assert [(p["id"], p["flags"], p["keep"]) for p in ran.json] == [
        *((5, "DWM*", True), (7, "D", False), (8, "D", False)),
        *((9, "D", True), (10, "D", True), (11, "D", True), (12, "DW", True)),
    ]
    assert ran.json[0]["reasons"] == ["W until 2026-01-19", "D ended 2026-01-08"]
    assert ran.json[0]["archive_copy"]["until"] == "2026-07-05"
    assert "1 that failed made no point" in ran.err
    assert "1 after 2026-01-12 left out" in ran.err


def test_people_get_a_line_a_point_and_one_for_its_archive_copy(run: Run, files: tuple[str, ...]) -> None:
    lines = run("retention", "plan", *files, "--on", "2026-01-12").out.splitlines()
    assert lines[0].split() == ["id", "day", "tier", "flags", "until", "keep", "why"]
    assert lines[1].split()[:6] == ["5", "2026-01-05", "backup", "DWM*", "2026-01-19", "yes"]
    assert lines[2].split()[:6] == ["5", "2026-01-05", "archive", "M", "2026-07-05", "yes"]
    assert "expired on 2026-01-11" in lines[3]


@pytest.mark.parametrize("day", ["tomorrow", "2026-02-30", "2026-01-12T00:00:00"])
def test_a_day_that_is_none_is_named(run: Run, files: tuple[str, ...], day: str) -> None:
    ran = run("retention", "plan", *files, "--on", day)
    assert (ran.code, ran.out) == (2, "")
    assert day in ran.err


def test_a_file_that_is_wrong_is_named(run: Run, files: tuple[str, ...]) -> None:
    Path(files[3]).write_text('[{"id": 1}]')
    ran = run("retention", "plan", *files, "--on", "2026-01-12")
    assert ran.code == 2
    assert "events.json: 0.day: Field required" in ran.err
    Path(files[3]).unlink()
    assert "events.json" in run("retention", "plan", *files, "--on", "2026-01-12").err
