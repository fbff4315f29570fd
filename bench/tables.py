"""Tables of the page, and how numbers stand in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A Markdown table; the first column to the left, the others to the right."""
    lines = [f"| {' | '.join(head)} |", f"|---|{'---:|' * (len(head) - 1)}"]
    return [*lines, *(f"| {' | '.join(row)} |" for row in rows), ""]


def amount(size: float) -> str:
    """Bytes with a unit that fits, three digits or so: `1.52 MB`."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= factor:
            number = size / factor
            return f"{number:.0f} {unit}" if number >= 100 else f"{number:.3g} {unit}"
    return f"{size:.0f} B"


def times(ratio: float) -> str:
    """A ratio: `0.85 ×`, `41 ×`."""
    return f"{ratio:.0f} ×" if ratio >= 20 else f"{ratio:.2f} ×"


def seconds(wall: float) -> str:
    """Seconds with two places."""
    return f"{wall:.2f} s"


def speed(per_second: float) -> str:
    """Bytes a second as MB/s."""
    return f"{per_second / 1e6:.0f} MB/s"


def share(part: float) -> str:
    """A part of one as a percentage."""
    return f"{part * 100:.0f} %"
