"""Numbers of things in words."""

from __future__ import annotations


def counted(count: int, thing: str) -> str:
    """`1 point`, `2 points`, `1,000 points`."""
    return f"{count:,} {thing}" if count == 1 else f"{count:,} {thing}s"
