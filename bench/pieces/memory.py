"""The most memory that is held, for a small and a large database."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench.contender import Contender
from bench.days import Day, restored
from bench.line_up import BORG, HOLDFAST, RESTIC, taking_part
from bench.series import Series, inflated_bytes

_SCALES = {"small": 46.0, "large": 910.0}


def peaks(scale: float, work: Path) -> dict[str, Any]:
    """0.2 GB and 4 GB inflated at scale 1: the first point, the second, and a restore of it."""
    sizes: dict[str, Any] = {}
    for size, series_scale in _SCALES.items():
        series = Series(series_scale * scale, "fastest-zlib")
        packages = [series.day(number) for number in (0, 1)]
        with taking_part((HOLDFAST, RESTIC, BORG), work) as contenders:
            figures = {contender.name: _peaks(contender, packages, work) for contender in contenders}
        sizes[size] = {"inflated_bytes": inflated_bytes(packages[1]), "contenders": figures}
    return {"sizes": sizes}


def _peaks(contender: Contender, packages: list[Path], work: Path) -> dict[str, int]:
    first, second = (Day(package, work).stored_by(contender, number)[0] for number, package in enumerate(packages))
    back, _ = restored(contender, 1, packages[1], work)
    return {"first": first.peak_bytes, "increment": second.peak_bytes, "restore": back.peak_bytes}
