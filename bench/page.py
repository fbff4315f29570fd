"""docs/benchmarks.md, from the results of the pieces."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from bench import sections
from bench.bars import bars_table
from bench.figures import Result
from bench.peers import INSTALL
from bench.tables import table

_HOW = """Written by `make bench` (`PIECES="speed memory"` for some of it). Everything was measured on the machine described
below; only ratios within one table mean anything elsewhere.

## How it was measured

- **The data** are days of the sample database `series`, made by this repository's own generator: orders of which 1 % are
  updated at random every day, a log that grows, wide Unicode texts with few updates, sessions clustered on a GUID where
  rows come and go. Packages are deflated as the exporter deflates (zlib 6), but for memory and the unchanged database.
- **The floor** of a day is what the rows take that were added or changed, whole and alone, compressed by zstd 3, found by
  comparing every row with the day before. It leaves out deletions and where rows belong, and knows no older version of a
  row: a yardstick, no bound.
- **Contenders** are processes of their own, one an operation, started and measured in the same way: wall and processor
  seconds, peak resident memory (of the largest process, children included), bytes of all files or blobs of the repository.
  They take turns; what one wrote is on disk before the next one starts.
- **Package not compressed**: what Holdfast's own worker asks the exporter for, since it inflates everything anyway; peers
  get the same file. Deflated packages are those of other exporters, such as a user takes in.
- **Inflated**: peers on inflated entries get them from the fast inflate that Holdfast itself uses, as files; in speed
  figures its time is part of theirs.
- **Start-up** is taken off in the speed figures: what the same operation of the same program takes with a database in which
  there is hardly anything (a repository of its own, key derivation included). In the growth figures it is the median of a
  command that does nothing else (`restic snapshots`, `borg list`, open and list chains).
- **Caches** of every program are emptied before every operation. The page cache of the system is not, which helps all alike.
- **Every restore is compared** with what was stored, entry by entry, by SHA-256; a piece in which one differs has no result.

## What is not fair, and to whom

- To borg: with its cache emptied it reads the list of its chunks back at every backup, and that is counted.
- To restic in Azurite: its own Azure backend knows Microsoft's addresses alone, so it goes through rclone. borg has no way
  there; its figures are those into a folder.
- To Holdfast: where peers give back files it gives back a BACPAC, though not deflated. It counts rows and keeps
  what a bit-identical file needs, which no peer on inflated entries does; *entries only* leaves the second out. On the raw
  BACPAC peers keep the very file too, and store all of it again every day.
- To Azurite: it runs on the same cores as who stores into it.
- To everybody: the sample's texts and keys are random where real ones repeat; real data compress better."""

Section = Callable[[Result], Iterator[str]]

_SECTIONS: dict[str, tuple[tuple[str, Section], ...]] = {
    "growth7": (("Growth over a week", sections.growth),),
    "growth30": (("Growth over thirty days", sections.growth), ("Old chains", sections.restores)),
    "first": (("First points, of the BACPAC's own bytes", sections.first),),
    "purge": (("Purges", sections.purge),),
    "speed": (("Speed", sections.speeds),),
    "stages": (("Where the time goes", sections.stages),),
    "memory": (("Memory", sections.memory),),
    "unchanged": (("An unchanged database", sections.unchanged),),
    "identical": (("The very file", sections.identical),),
}


def page(kept: Mapping[str, Result], mark: str, plots: Mapping[str, str], scale: float) -> str:
    """The page. `kept` are result files by piece; `mark` the present engine's; `plots` the drawn files by piece."""
    results = {piece: one["result"] for piece, one in kept.items()}
    lines = ["# Benchmarks", ""]
    if scale != 1:
        lines += [
            f"**A small run, at {scale:g} of the real sizes: it tries the bench and tells nothing of the engine.**",
            "",
        ]
    lines += [_HOW, "", *_machine(kept), *_stale(kept, mark)]
    lines += ["## The bars", "", *bars_table(results)]
    for piece, parts in _SECTIONS.items():
        if piece not in results:
            continue
        for title, section in parts:
            lines += [f"## {title}", "", *section(results[piece])]
        if piece in plots:
            lines += [f"![{parts[0][0]}](benchmarks/{plots[piece]})", ""]
    return "\n".join(lines).rstrip() + "\n"


def _machine(kept: Mapping[str, Result]) -> list[str]:
    machines = [dict(one["machine"]) for one in kept.values()]
    if not machines:
        return ["Nothing was measured yet.", ""]
    lines = ["## The machine", "", *table(("", ""), machines[-1].items())]
    if any(machine != machines[-1] for machine in machines):
        lines += ["Some pieces were measured on another machine or with other versions than these.", ""]
    if "not installed" in machines[-1].values():
        lines += [f"Peers that are not installed are left out; on Debian: `{INSTALL}`.", ""]
    return lines


def _stale(kept: Mapping[str, Result], mark: str) -> list[str]:
    old = [f"`{piece}`" for piece, one in kept.items() if one["mark"] != mark]
    return [f"Measured with an earlier engine than the present one: {', '.join(old)}.", ""] if old else []
