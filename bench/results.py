"""Result files: one a piece, good as long as what was measured is the same."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bench.machine import machine, programs
from bench.measuring import ROOT

_ENGINE = ("bacpac", "model", "repository", "storage")


def fingerprint(scale: float) -> str:
    """Of the engine's source, the peers' versions and the scale: a result of another one is of the past."""
    digest = hashlib.sha256(f"{scale:g} {programs()}".encode())
    for part in _ENGINE:
        for path in sorted((ROOT / "holdfast" / part).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def save(folder: Path, piece: str, mark: str, result: dict[str, Any]) -> None:
    """Whole or not at all."""
    unfinished = folder / f".{piece}.part"
    unfinished.write_text(json.dumps({"mark": mark, "machine": machine(), "result": result}, indent=1))
    unfinished.replace(folder / f"{piece}.json")


def load(folder: Path, pieces: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Of each piece that was run: `mark`, `machine`, `result`."""
    paths = {piece: folder / f"{piece}.json" for piece in pieces}
    return {piece: json.loads(path.read_text()) for piece, path in paths.items() if path.exists()}
