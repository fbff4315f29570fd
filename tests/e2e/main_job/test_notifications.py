"""What a session came to is told to a real receiver, signed, although the app dies in the middle."""

from __future__ import annotations

import time
from typing import Any

import pytest

from holdfast.model.errors import ReportedError
from local.profile import LocalProfile

pytestmark = pytest.mark.e2e


def _told(world: LocalProfile, session: str) -> dict[str, Any]:
    until = time.monotonic() + 120
    while time.monotonic() < until:
        for notice in world.notices():
            if notice["data"]["session"] == session:
                return notice
        time.sleep(1)
    raise AssertionError(f"nobody was told of session {session}")


def test_a_session_is_told_once_though_the_receiver_and_the_app_failed(world: LocalProfile, runs: Any) -> None:
    """The session selects nothing, which is quick; the log warns of it."""
    assert world.api("POST", "channels/local/test")["delivered"] is True
    with pytest.raises(ReportedError, match="not configured"):
        runs.policy("told", "sql-nowhere/none", notify=["nobody"])
    runs.policy("told", "sql-nowhere/none", notify=["local"])
    session = runs.backup("told")
    world.kill_host()
    world.start_host()
    notice = _told(world, session["id"])
    assert (notice["type"], notice["data"]["policy"]) == ("holdfast.warning", "told")
    (channel,) = world.api("GET", "channels")["value"]
    assert (channel["name"], channel["failure"]) == ("local", "")
    assert world.api("GET", "sessions/" + session["id"])["state"] == session["state"] == "succeeded"
