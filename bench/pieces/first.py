"""The first point of a database, in a repository of its own, beside the BACPAC's own bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench.days import Day, restored
from bench.line_up import BORG, HOLDFAST, HOLDFAST_HIGHEST, RESTIC, RESTIC_MAX, taking_part
from bench.real import real_bacpacs
from bench.series import Series, inflated_bytes

SERIES = "the series"


def first_points(scale: float, work: Path) -> dict[str, Any]:
    """Of the series' first day, and of every real BACPAC that this machine has."""
    packages = {SERIES: Series(40 * scale).day(0), **real_bacpacs()}
    return {
        "files": {
            name: {
                "bacpac_bytes": package.stat().st_size,
                "inflated_bytes": inflated_bytes(package),
                "contenders": _sizes(package, (HOLDFAST, HOLDFAST_HIGHEST, RESTIC, RESTIC_MAX, BORG), work),
            }
            for name, package in packages.items()
        }
    }


def _sizes(package: Path, names: tuple[str, ...], work: Path) -> dict[str, dict[str, int]]:
    """By contender: bytes of an empty repository, and what the point adds."""
    found: dict[str, dict[str, int]] = {}
    day = Day(package, work)
    with taking_part(names, work) as contenders:
        for contender in contenders:
            fixed = contender.stored_bytes()
            day.stored_by(contender, 0)
            found[contender.name] = {"fixed": fixed, "added": contender.stored_bytes() - fixed}
            restored(contender, 0, package, work)
    return found
