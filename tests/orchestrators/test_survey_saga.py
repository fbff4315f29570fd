"""The saga of a rebuild: a worker in the region of each repository, what it read taken in part by part, cleanup always."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

RUN = {"session": "s", "kind": "rebuild", "adopt": False}


def prepared(host: Any) -> Any:
    host.activities["discover_repositories"] = lambda _: {"ok": True, "batches": 1}
    host.activities["validate_repository"] = lambda _: {"ok": True, "plan": {"kind": "survey"}}
    return host


def test_what_was_read_is_taken_in_part_by_part(host: Any) -> None:
    parts: dict[str, list[int]] = {}

    def record(given: dict[str, Any]) -> dict[str, Any]:
        parts.setdefault(given["key"], []).append(given["begin"])
        return {"ok": True, "pending": True, "begin": given["begin"] + 20} if given["begin"] < 40 else {"ok": True}

    prepared(host).activities["record_survey"] = record
    host.run("survey_repositories", RUN)
    assert parts == {"a": [0, 20, 40], "b": [0, 20, 40]}
    assert [given["kind"] for name, given in host.called if name == "submit_job"] == ["survey", "survey"]
    assert host.names().count("clean_up") == 2
    assert host.names()[-2:] == ["deallocate_workers", "close_session"]


def test_a_repository_that_cannot_be_read_keeps_no_other_waiting(host: Any, fails: Callable[..., Any]) -> None:
    broken = fails("wrong-key", permanent=True)
    good = host.activities["collect_job"]
    prepared(host).activities["collect_job"] = lambda given: broken(given) if given["key"] == "a" else good(given)
    host.run("survey_repositories", RUN)
    assert [given["key"] for name, given in host.called if name == "record_survey"] == ["b"]
    assert {given["key"]: given["outcome"]["ok"] for name, given in host.called if name == "clean_up"} == {
        "a": False,
        "b": True,
    }


def test_a_session_without_repositories_is_closed_with_the_reason(host: Any, fails: Callable[..., Any]) -> None:
    prepared(host).activities["discover_repositories"] = fails("invalid-input", permanent=True)
    host.run("survey_repositories", RUN)
    assert host.called[-1][1]["error"]["code"] == "invalid-input"
    assert "submit_job" not in host.names()
