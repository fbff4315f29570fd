"""A database that did not change, exported and stored again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench.days import Day, restored
from bench.line_up import BORG, HOLDFAST, RESTIC, taking_part
from bench.series import Series, inflated_bytes
from bench.variants import Rewriting


def unchanged(scale: float, work: Path) -> dict[str, Any]:
    """1 GB inflated at scale 1. The second export has its own ids, time, order of entries and borders of parts."""
    # Deflated quickly: what the packages weigh is not what is looked at.
    series = Series(230 * scale, "fastest-zlib")
    package, again = series.day(0), series.variant("again", 0, Rewriting("again"))
    figures: dict[str, dict[str, Any]] = {}
    with taking_part((HOLDFAST, RESTIC, BORG), work) as contenders:
        for contender in contenders:
            Day(package, work).stored_by(contender, 0)
            first = contender.stored_bytes()
            cost, inflating = Day(again, work).stored_by(contender, 1)
            added = contender.stored_bytes() - first
            figures[contender.name] = {"first": first, "added": added, "cost": cost.plus(inflating).as_json()}
            restored(contender, 1, again, work)
    return {"inflated_bytes": inflated_bytes(package), "contenders": figures}
