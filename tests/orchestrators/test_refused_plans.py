"""A session whose plan is refused has failed, although nothing stands in it yet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest


@pytest.mark.parametrize(
    ("saga", "validate"),
    [
        ("download_point", "validate_download"),
        ("read_tables", "validate_tables"),
        ("hold_point", "validate_hold"),
        ("preflight_source", "validate_preflight"),
        ("drill_point", "validate_drill"),
        ("restore_database", "validate_restore"),
    ],
)
def test_a_plan_that_is_refused_fails_its_session(
    host: Any, fails: Callable[..., Any], saga: str, validate: str
) -> None:
    host.activities[validate] = fails("not-found", permanent=True)
    host.run(saga, {"session": "s", "key": "a", "kind": "download", "ask": {"act": "list"}})
    assert dict(host.called)["close_session"]["error"]["code"] == "not-found"


@pytest.mark.parametrize("saga", ["download_point", "read_tables", "hold_point", "preflight_source"])
def test_a_plan_that_is_taken_leaves_the_session_to_what_stands_in_it(host: Any, saga: str) -> None:
    host.run(saga, {"session": "s", "key": "a", "kind": "download", "ask": {"act": "list"}})
    assert dict(host.called)["close_session"]["error"] is None
