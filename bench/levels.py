"""The one place that knows how the engine is told how hard to compress."""

from __future__ import annotations

import inspect
from typing import Any

from holdfast.repository import Repository

HIGHEST = 19
"""What the highest level of a first point is called."""


def has_levels() -> bool:
    """Whether the engine takes a level at all."""
    return "level" in inspect.signature(Repository.store_point).parameters


def store_options(*, highest: bool) -> dict[str, Any]:
    """Arguments of `store_point`: none for the level of the speed figures, which is the engine's own."""
    if not highest:
        return {}
    if not has_levels():
        raise SystemExit("this engine knows one level only")
    return {"level": HIGHEST}
