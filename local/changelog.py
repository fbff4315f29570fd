"""What a release changes, from the fragments in `changes/` (CONTRIBUTING.md), by towncrier."""

from __future__ import annotations

import subprocess
import sys
from datetime import date

from local.bundle import ROOT

_CHANGES = ROOT / "changes"
_CHANGELOG = ROOT / "CHANGELOG.md"


def fragments() -> list[str]:
    """Names of the fragments that no release has taken yet."""
    return sorted(file.name for file in _CHANGES.glob("*.md"))


def changelog(version: str, on: date) -> str:
    """The changelog with what this version brings on top; the tree stays as it is. SystemExit where that is nothing."""
    told = _CHANGELOG.read_text()
    if fragments():
        return told.replace(_START, f"{_START}\n{_drawn(version, on)}", 1)
    if f"\n## {version} " not in told:
        raise SystemExit(f"nothing says what {version} changes: write fragments in changes/ (CONTRIBUTING.md)")
    return told


_START = "<!-- towncrier release notes start -->\n"


def _drawn(version: str, on: date) -> str:
    words = [sys.executable, "-m", "towncrier", "build", "--draft", "--version", version, "--date", on.isoformat()]
    done = subprocess.run(words, cwd=ROOT, check=True, capture_output=True, text=True)
    return done.stdout.strip() + "\n"
