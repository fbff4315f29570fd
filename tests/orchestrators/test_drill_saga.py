"""A drill's order: nothing of it stays, whatever becomes of the restore."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

GIVEN = {"session": "s", "kind": "drill", "key": "a", "policy": None}


def own(host: Any) -> list[str]:
    wanted = ("validate_drill", "validate_restore", "record_drill", "end_drill", "close_session", "tell_session")
    return [name for name in host.names() if name in wanted]


def test_the_restore_is_a_session_of_its_own_and_what_it_made_is_removed_before_the_end(
    host: Any, turns: Callable[..., Any]
) -> None:
    host.activities["end_drill"] = turns({"ok": True, "pending": True}, {"ok": True})
    host.run("drill_point", GIVEN)
    assert own(host) == [
        "validate_drill",
        "validate_restore",
        "close_session",
        "record_drill",
        "end_drill",
        "end_drill",
        "close_session",
        "tell_session",
    ]
    (restored,) = [given for name, given in host.called if name == "validate_restore"]
    assert restored["session"] == "r"


@pytest.mark.parametrize("broken", ["validate_drill", "record_drill"])
def test_whatever_fails_the_drill_ends_and_is_told(host: Any, fails: Callable[..., Any], broken: str) -> None:
    host.activities[broken] = fails("not-proven", permanent=True)
    host.run("drill_point", GIVEN)
    assert own(host)[-3:] == ["end_drill", "close_session", "tell_session"]
    (ended,) = [given for name, given in host.called if name == "end_drill"]
    assert ended["outcome"]["error"]["code"] == "not-proven"
