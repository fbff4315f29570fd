"""`make bench`: a week of a database that changes a little every day, and what each program makes of it.

Writes docs/benchmarks.md. Figures are ratios to Holdfast of the same run; absolute ones only tell what was run.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from bench.peers import Contender, contenders
from local.samples.databases import write_sample

_PAGE = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.md"


@dataclass
class Figures:
    """Of one contender, a number a day."""

    added_bytes: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    restore_seconds: float = 0.0

    def of(self, what: str) -> float:
        """The figure of that name."""
        return {
            "first point, bytes": self.added_bytes[0],
            "each day after, bytes": sum(self.added_bytes[1:]) / len(self.added_bytes[1:]),
            "the whole week, bytes": sum(self.added_bytes),
            "first backup, seconds": self.seconds[0],
            "each day after, seconds": sum(self.seconds[1:]) / len(self.seconds[1:]),
            "restore of the last day, seconds": self.restore_seconds,
        }[what]


_ROWS = (
    "first point, bytes",
    "each day after, bytes",
    "the whole week, bytes",
    "first backup, seconds",
    "each day after, seconds",
    "restore of the last day, seconds",
)


def measure(scale: float, days: int, folder: Path) -> tuple[dict[str, Figures], int]:
    """All contenders, turn about, day by day; and the size of the last day's BACPAC."""
    field_of = contenders(folder)
    found = {one.name: Figures() for one in field_of}
    bacpac = folder / "day.bacpac"
    for day in range(days):
        write_sample(bacpac, "series", day=day, scale=scale)
        for one in field_of:
            _day(one, found[one.name], bacpac, day)
    for one in field_of:
        with tempfile.TemporaryDirectory(dir=folder) as to:
            started = time.perf_counter()
            one.restore(days - 1, Path(to))
            found[one.name].restore_seconds = time.perf_counter() - started
    return found, bacpac.stat().st_size


def _day(one: Contender, figures: Figures, bacpac: Path, day: int) -> None:
    before, started = one.stored_bytes(), time.perf_counter()
    one.back_up(bacpac, day)
    figures.seconds.append(time.perf_counter() - started)
    figures.added_bytes.append(one.stored_bytes() - before)


def page(found: dict[str, Figures], scale: float, days: int, size: int) -> str:
    """The page."""
    ours = found["holdfast"]
    peers = [name for name in found if name != "holdfast"]
    lines = [
        "# Benchmarks",
        "",
        "Written by `make bench`. A week of the sample database `series` (1 % of orders updated at random, appends, a wide",
        f"text table, sessions clustered on a GUID), {days} days at scale {scale:g}: a BACPAC of {size / 1e6:.1f} MB.",
        "Peers get the inflated entries, and inflating counts as their time; Holdfast reads the BACPAC, and its time",
        "includes counting rows and making sure that the file can be rebuilt bit for bit. All in one run, turn about, on",
        "one machine.",
        "",
        "How many times Holdfast's figure each peer needs; above 1, Holdfast is smaller or faster:",
        "",
        f"| | holdfast | {' | '.join(peers)} |",
        f"|---|---{'|---' * len(peers)}|",
    ]
    for row in _ROWS:
        own = ours.of(row)
        shown = f"{own:,.0f}" if row.endswith("bytes") else f"{own:.2f}"
        ratios = " | ".join(f"{found[name].of(row) / own:.2f} ×" for name in peers)
        lines.append(f"| {row} | {shown} | {ratios} |")
    lines += [
        "",
        "This version finds what is unchanged exactly (content-defined chunks); increments of the size of what changed are",
        "the repository engine's next step.",
        "",
    ]
    return "\n".join(lines)


def main() -> int:
    """Measures, writes the page, prints it."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--scale", type=float, default=30.0, help="1 is about 1 MB of BACPAC")
    parser.add_argument("--days", type=int, default=7)
    parser.add_argument("--dry-run", action="store_true", help="print the page, write nothing")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="holdfast-bench-") as folder:
        found, size = measure(asked.scale, asked.days, Path(folder))
    if len(found) == 1:
        sys.stderr.write("neither restic nor borg is installed: nothing to compare with\n")
        return 1
    text = page(found, asked.scale, asked.days, size)
    sys.stdout.write(text)
    if not asked.dry_run:
        _PAGE.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
