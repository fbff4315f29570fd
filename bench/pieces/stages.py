"""Where the time of a first point and of an increment goes, and how fast each part alone could be."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from bench.line_up import holdfast
from bench.measuring import ROOT
from bench.series import Series, inflated_bytes


def stages(scale: float, work: Path) -> dict[str, Any]:
    """The series of the speed figures."""
    series = Series(145 * scale)
    packages = [series.day(number) for number in (0, 1)]
    with holdfast(work) as ours:
        found = [json.loads(ours.stages(number, package).splitlines()[-1]) for number, package in enumerate(packages)]
    # A process of its own: it keeps what it measures in memory.
    argv = [sys.executable, "-m", "bench.limits", str(packages[0]), str(work)]
    told = subprocess.run(
        argv, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=True
    ).stdout
    return {
        "inflated_bytes": [inflated_bytes(package) for package in packages],
        "first": found[0],
        "increment": found[1],
        "limits": json.loads(told),
    }
