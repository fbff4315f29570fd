"""What a program costs: each runs as a process of its own, and all are measured in the same way."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[1]
_LAUNCH = Path(__file__).with_name("launch.py")


class ProgramFailed(Exception):
    """A program ended with an error; the text says which, and the end of what it wrote."""


@dataclass(frozen=True)
class Cost:
    """Seconds by the clock, seconds of all cores together, and the most memory (resident) that was held."""

    wall: float = 0.0
    cpu: float = 0.0
    peak_bytes: int = 0

    def plus(self, other: Cost) -> Cost:
        """One after the other."""
        return Cost(self.wall + other.wall, self.cpu + other.cpu, max(self.peak_bytes, other.peak_bytes))

    def without(self, start: Cost) -> Cost:
        """With the times of a start-up taken off, never below a millisecond; memory stays."""
        return Cost(max(self.wall - start.wall, 0.001), max(self.cpu - start.cpu, 0.001), self.peak_bytes)

    def as_json(self) -> dict[str, float]:
        """For a result file."""
        return asdict(self)


def middle(costs: Iterable[Cost]) -> Cost:
    """The median of each figure; of memory the largest."""
    found = list(costs)
    return Cost(
        median(cost.wall for cost in found),
        median(cost.cpu for cost in found),
        max(cost.peak_bytes for cost in found),
    )


def run(argv: Sequence[str], *, folder: Path, environment: Mapping[str, str], scratch: Path) -> Cost:
    """Runs a program to its end in `folder`. `environment` comes over this process's own. Raises ProgramFailed."""
    report, log = scratch / "cost.json", scratch / "output.log"
    report.unlink(missing_ok=True)
    launcher = [sys.executable, "-I", "-S", str(_LAUNCH), str(report), str(log), str(folder), *argv]
    done = subprocess.run(launcher, env={**os.environ, **environment}, check=False)
    if done.returncode:
        told = log.read_text(errors="replace") if log.exists() else ""
        raise ProgramFailed(f"{' '.join(argv)}\nended with code {done.returncode}: {told[-2000:].strip()}")
    return Cost(**json.loads(report.read_text()))
