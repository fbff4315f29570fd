"""kill -9 at random moments: every instance ends as if nothing had happened.

`make prove PIECES=killed` kills many times more.
"""

from __future__ import annotations

import random
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

_WHOLE, _PART = (60, 6, 20), (6, 3, 8)


def expected(key: str, children: int, go: int) -> dict[str, Any]:
    """The model: what `family` returns, whatever happens to the host."""
    return {
        "children": [i**4 for i in range(children)],
        "flaky": "well",
        "hopeless": "Activity function 'flaky' failed:  ValueError: not yet",
        "go": go,
        "total": 7,
        "loops": 14,
        "failed": {"ok": False, "error": "Orchestrator function 'fails' failed: on purpose"},
    }


@pytest.mark.prove
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", [11])
def test_every_instance_ends_right_however_often_the_host_is_killed(
    new_host: Callable[..., Any], seed: int, whole: bool
) -> None:
    kills, families, children = _WHOLE if whole else _PART
    rnd, host = random.Random(seed), new_host()
    host.start()
    keys = [host.begin("family", {"n": children}, f"family-{number}") for number in range(families)]
    for kill in range(kills):
        time.sleep(rnd.uniform(0.0, 0.7))
        if kill == kills // 2:
            for number, key in enumerate(keys):
                assert host.ask("POST", f"/api/client/raise/{key}?name=go", number)[0] == 200
        host.kill()
        host.start()
    for number, key in enumerate(keys):
        ended = host.until(key, seconds=90)
        assert ended["runtimeStatus"] == "Completed", ended
        assert ended["output"] == expected(key, children, number)
        # An entity's operations change its state exactly once, and so does a signal.
        assert host.ask("POST", f"/api/client/read/{key}") == (200, [True, 7])
    asked = Counter(tuple(sorted(line.items())) for line in host.lines("squares.jsonl"))
    for key in keys:
        for i in range(children):
            assert asked[(("i", i), ("of", f"{key}-c{i}"))] >= 1, "activities run at least once"
    status = host.ask("GET", "/admin/status")[1]
    assert set(status["instances"]) == {"Completed", "Failed"}
    assert status["instances"]["Failed"] == families
    assert (status["messages"], status["timers"], status["activities_queued"]) == (0, 0, 0)
    assert not [line for line in host.log if line["event"] == "step failed"]
    assert host.stop() == 0


def test_an_activity_that_was_cut_off_runs_again(new_host: Callable[..., Any]) -> None:
    host = new_host()
    host.start()
    key = host.begin("calls", "slow")
    wait_for(lambda: host.lines("slow.jsonl") == ["began"])
    host.kill()
    host.start()
    assert host.until(key)["output"] == "slept"
    assert host.lines("slow.jsonl") == ["began", "began", "ended"]


def test_sigterm_lets_running_activities_end(new_host: Callable[..., Any]) -> None:
    host = new_host(arguments=["--grace", "20"])
    host.start()
    key = host.begin("calls", "slow")
    wait_for(lambda: host.lines("slow.jsonl") == ["began"])
    assert host.stop() == 0
    assert host.lines("slow.jsonl") == ["began", "ended"]
    host.start()
    assert host.until(key)["output"] == "slept"
    assert host.lines("slow.jsonl") == ["began", "ended"]


def test_sigterm_does_not_wait_longer_than_its_grace(new_host: Callable[..., Any]) -> None:
    host = new_host(arguments=["--grace", "0.2"])
    host.start()
    host.begin("calls", "slow")
    wait_for(lambda: host.lines("slow.jsonl") == ["began"])
    began = time.monotonic()
    assert host.stop() == 0
    assert time.monotonic() - began < 2.5


def test_a_second_host_on_the_same_state_is_refused(new_host: Callable[..., Any]) -> None:
    first, second = new_host(), new_host()
    first.start()
    with pytest.raises(AssertionError, match=f"owned by the running host with process id {first.process.pid}"):
        second.start()
    assert second.process.wait(10) == 3
    second.process.stdout.close()
    second.process = None
    assert first.ask("GET", "/admin/status")[0] == 200


def test_the_state_file_is_whole_after_a_kill(new_host: Callable[..., Any]) -> None:
    host = new_host()
    host.start()
    host.begin("fan", 100)
    time.sleep(0.2)
    host.kill()
    with sqlite3.connect(host.state) as db:
        assert db.execute("pragma integrity_check").fetchone() == ("ok",)
        started = db.execute("select count(*) from history where json_extract(event,'$.EventType')=7").fetchone()[0]
        children = db.execute("select count(*) from instances where parent is not null").fetchone()[0]
    db.close()
    assert children == started, "what the history holds and what was started is one transaction"


def wait_for(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not true():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.02)
