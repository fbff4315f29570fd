"""Events and spans as an exporter gets them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from holdfast.telemetry.events import EVENTS, tell
from holdfast.telemetry.spans import session_context, working

_PROGRAM = """
import sys
from holdfast.telemetry import tell, working
from holdfast.telemetry.exporting import set_up
from holdfast.telemetry.spans import failed
flush = set_up("console", "worker", "", lambda: None)
with working("job store", "session-1", {"backup.source.id": "s/db", "backup.step": None}) as span:
    failed(span, "disk-full", "x" * 9000)
try:
    with working("job export", "session-1", {}):
        raise ValueError("with a password in it")
except ValueError:
    pass
tell("holdfast.app.alive", {"backup.policies": 2, "backup.overdue": 0})
tell("holdfast.session.ended", {"backup.session.id": "session-1", "backup.state": "failed"})
flush()
"""


@pytest.fixture(scope="module")
def told() -> list[dict[str, object]]:
    """What a process of its own sends to the console: a provider is set once a process."""
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2]
    )
    found, decoder, at = [], json.JSONDecoder(), 0
    while at < len(done.stdout):
        item, at = decoder.raw_decode(done.stdout, at)
        found.append(item)
        while at < len(done.stdout) and done.stdout[at].isspace():
            at += 1
    return found


def test_all_work_of_a_session_is_one_trace_whatever_the_process(told: list[dict[str, object]]) -> None:
    spans = [item for item in told if "context" in item]
    assert [span["name"] for span in spans] == ["job store", "job export"]
    traces = {span["context"]["trace_id"] for span in spans}  # type: ignore[index]
    event = next(item for item in told if item.get("event_name") == "holdfast.session.ended")
    assert traces == {event["trace_id"]}
    other = session_context("session-2")
    assert str(other) != str(session_context("session-1"))


def test_a_failure_is_told_by_its_code(told: list[dict[str, object]]) -> None:
    store = next(item for item in told if item.get("name") == "job store")
    assert store["attributes"]["error.code"] == "disk-full"  # type: ignore[index]
    assert store["status"]["status_code"] == "ERROR"  # type: ignore[index]
    assert "password" not in json.dumps(told)


def test_an_event_is_a_custom_event_of_azure_monitor(told: list[dict[str, object]]) -> None:
    alive = next(item for item in told if item.get("event_name") == "holdfast.app.alive")
    assert alive["attributes"] == {  # type: ignore[comparison-overlap]
        "backup.policies": 2,
        "backup.overdue": 0,
        "microsoft.custom_event.name": "holdfast.app.alive",
    }


def test_an_event_or_attribute_that_is_not_documented_is_refused() -> None:
    with pytest.raises(KeyError, match=r"no attribute backup\.secret"):
        tell("holdfast.app.alive", {"backup.secret": "x"})
    with pytest.raises(KeyError):
        tell("holdfast.unheard.of", {})


def test_without_a_listener_nothing_happens() -> None:
    with working("anything", None, {}):
        tell("holdfast.app.alive", {"backup.policies": 0, "backup.overdue": 0})


def test_every_event_says_what_it_and_its_attributes_mean() -> None:
    for name, (what, attributes) in EVENTS.items():
        assert name.startswith("holdfast."), name
        assert what, name
        assert all(attributes.values()), name
