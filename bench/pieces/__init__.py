"""The pieces of the bench, by name: each measures one thing, and gives back what goes into its result file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.pieces import first, growth, identical, memory, purge, speed, stages, unchanged

Piece = Callable[[float, Path], dict[str, Any]]
"""(scale, empty work folder) to a result. Scale 1 is the real run; less is for trying the bench itself."""

PIECES: dict[str, Piece] = {
    "growth7": growth.seven_days,
    "growth30": growth.thirty_days,
    "first": first.first_points,
    "purge": purge.purges,
    "speed": speed.speeds,
    "stages": stages.stages,
    "memory": memory.peaks,
    "unchanged": unchanged.unchanged,
    "identical": identical.identical,
}
