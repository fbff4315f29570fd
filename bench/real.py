"""Real BACPACs, where this machine has some: the folder that HOLDFAST_BACPACS names, or the one beside the checkout."""

from __future__ import annotations

import os
from pathlib import Path

from bench.measuring import ROOT


def real_bacpacs() -> dict[str, Path]:
    """By file name; none where there is no folder of them."""
    folder = Path(os.environ.get("HOLDFAST_BACPACS") or ROOT.parent / "shared" / "bacpacs")
    return {path.name: path for path in sorted(folder.glob("*.bacpac"))}
