"""What a session says of its policy when it begins."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

import activities.open_session
from holdfast.model.policy import policy_from


@pytest.mark.parametrize(("slot", "told"), [("2026-03-02T09:00:00Z", True), ("2026-03-03T09:00:00Z", False)])
def test_a_slot_that_waited_for_the_end_of_a_blackout_says_so_once(
    app: Any, activity: Callable[..., Callable[[dict[str, Any]], dict[str, Any]]], slot: str, told: bool
) -> None:
    app.repository = lambda name: SimpleNamespace(name=name)
    app.require_immutability = lambda _: None
    office = [{"days": ["monday"], "from": "08:00", "to": "18:00"}]
    app.catalog.policies.put(policy_from({"name": "p", "blackout": office}))
    opens = activity(activities.open_session, "open_session")
    given = {"session": "s1", "policy": "p", "kind": "backup", "slot": slot, "asked_at": "2026-03-02T18:00:30Z"}
    assert opens(given)["ok"]
    assert opens(given)["ok"], "safe to repeat"
    said = f"the slot of {slot} waited for the end of a blackout (monday 08:00-18:00)"
    assert [line for line in app.log() if "blackout" in line] == [said] * told
