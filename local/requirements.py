"""Writes requirements.txt, which the Functions build installs, from the pinned dependencies of pyproject.toml."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def requirements(pyproject: Path = ROOT / "pyproject.toml") -> str:
    """The text of requirements.txt."""
    pinned = tomllib.loads(pyproject.read_text())["project"]["dependencies"]
    head = "# Generated from pyproject.toml by `make requirements`; the Functions app needs this and no more.\n"
    return head + "".join(f"{line}\n" for line in pinned)


if __name__ == "__main__":
    (ROOT / "requirements.txt").write_text(requirements())
    sys.stderr.write("requirements.txt written\n")
