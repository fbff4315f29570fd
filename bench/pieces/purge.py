"""A tenth of a table purged, at its front or in its middle, beside an ordinary day."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from bench.contender import Contender
from bench.days import Day, restored
from bench.line_up import BORG, HOLDFAST, RESTIC, taking_part
from bench.series import Series
from bench.variants import Purge, Rewriting

ORDINARY = "an ordinary day"
ALONE = ("purged at its front", "purged in its middle")
WITH_DAY = ("an ordinary day, purged at its front", "an ordinary day, purged in its middle")
_PURGES = (Purge("Orders", 0.0, 0.1), Purge("Orders", 0.45, 0.55))


def purges(scale: float, work: Path) -> dict[str, Any]:
    """What each second point adds to a repository that holds the first day alone."""
    series = Series(40 * scale)
    seconds: dict[str, Path] = {ORDINARY: series.day(1)}
    floors: dict[str, int] = {ORDINARY: series.floor(1).packed_bytes}
    for number, names in ((0, ALONE), (1, WITH_DAY)):
        for name, purge in zip(names, _PURGES, strict=True):
            mark = f"{purge.table}-{purge.first:g}-{purge.last:g}"
            rewriting = Rewriting(mark, purge)
            seconds[name] = series.variant(mark, number, rewriting)
            floors[name] = series.variant_floor(mark, number, rewriting, before=0).packed_bytes
    first = Day(series.day(0), work)
    figures: dict[str, dict[str, int]] = {}
    with taking_part((HOLDFAST, RESTIC, BORG), work) as contenders:
        for contender in contenders:
            first.stored_by(contender, 0)
            figures[contender.name] = {name: _added(contender, package, work) for name, package in seconds.items()}
    return {"table": _PURGES[0].table, "floor": floors, "contenders": figures}


def _added(contender: Contender, package: Path, work: Path) -> int:
    """The second point's bytes; the repository is as before afterwards."""
    kept = contender.folder / "kept"
    shutil.copytree(contender.repository, kept)
    before = contender.stored_bytes()
    Day(package, work).stored_by(contender, 1)
    added = contender.stored_bytes() - before
    restored(contender, 1, package, work)
    shutil.rmtree(contender.repository)
    kept.rename(contender.repository)
    return added
