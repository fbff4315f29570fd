"""Samples written once a run, and Microsoft's own judge of packages."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from local.samples.databases import write_sample

_CHECKOUT = Path(__file__).parents[3]

Sample = Callable[..., Path]
Judge = Callable[..., str]


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    """A sample's file: `sample("shop", day=3)`. Small, unless told otherwise."""
    folder = tmp_path_factory.mktemp("samples")

    def write(name: str, day: int = 0, scale: float = 0.2, seed: int = 1) -> Path:
        to = folder / f"{name}-{day}-{scale}-{seed}.bacpac"
        if not to.exists():
            write_sample(to, name, day, scale, seed)
        return to

    return write


@pytest.fixture(scope="session")
def judge() -> Judge:
    """Runs a verb of the DacFx judge; its answer. Skips where the judge is not set up."""
    named = os.environ.get("HOLDFAST_DACFX")
    places = [Path(named)] if named else [_CHECKOUT / ".cache/dacfx", _CHECKOUT.parent / "cache/dacfx"]
    found = [place for place in (p / "dacx" if p.is_dir() else p for p in places) if place.exists()]
    if not found:
        pytest.skip("the DacFx judge is not set up (HOLDFAST_DACFX names it)")

    def run(verb: str, *arguments: Path) -> str:
        command = [str(found[0]), verb, *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, timeout=100, check=False).stdout

    return run
