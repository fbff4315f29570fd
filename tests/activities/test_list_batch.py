"""How long the sources of a batch wait: only where the clock started the session and its policy spreads them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from activities.list_batch import delays_of
from holdfast.model.policy import policy_from

SCHEDULED = {"policy": "a", "slot": "2026-01-05T03:00:00Z", "asked_at": "2026-01-05T03:00:07Z"}


def app(jitter: int) -> Any:
    stored = SimpleNamespace(policy=policy_from({"name": "a", "jitter_minutes": jitter}))
    return SimpleNamespace(catalog=SimpleNamespace(policies=SimpleNamespace(get=lambda _: stored)))


def test_a_scheduled_session_spreads_its_sources() -> None:
    found = delays_of(app(60), SCHEDULED, [f"source{n}" for n in range(50)])
    assert len(set(found.values())) > 40
    assert all(0 <= seconds < 3600 for seconds in found.values())


def test_whoever_starts_a_session_by_hand_does_not_wait() -> None:
    assert delays_of(app(60), {**SCHEDULED, "slot": None}, ["source"]) == {}
    assert delays_of(app(0), SCHEDULED, ["source"]) == {}
