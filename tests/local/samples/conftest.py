"""Samples, each written once a run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from local.samples.databases import write_sample

Sample = Callable[..., Path]


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
