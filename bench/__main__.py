"""`make bench`: Holdfast beside restic and borg, and docs/benchmarks.md with its plots.

Pieces that were measured with this engine and these programs are not measured again unless they are named, so a run that
was stopped goes on where it was. A scale other than 1 tries the bench itself: its page goes into the cache, not the docs.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from pathlib import Path

from bench.days import GivenBackWrong
from bench.measuring import ROOT, ProgramFailed
from bench.page import page
from bench.peers import INSTALL, installed
from bench.pieces import PIECES
from bench.place import CACHE, remove_work, results_folder, work_folder
from bench.plots import draw
from bench.results import fingerprint, load, save


def main() -> int:
    """Measures what is asked for, then writes the page of all that was ever measured at this scale."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--pieces", nargs="*", default=[], metavar="NAME", help=f"of {', '.join(PIECES)}; none: all")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the real sizes; 0.02 takes minutes")
    parser.add_argument("--page-only", action="store_true", help="measure nothing, write the page")
    asked = parser.parse_args()
    if unknown := [name for name in asked.pieces if name not in PIECES]:
        parser.error(f"there is no piece {', '.join(unknown)}; there are {', '.join(PIECES)}")
    if asked.scale <= 0:
        parser.error("--scale must be above 0")
    # An ordinary end, so that no Azurite of a contender stays behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    results = results_folder(asked.scale)
    failed = [] if asked.page_only else _measure(asked.pieces, asked.scale, results)
    _write(asked.scale, results)
    return 1 if failed else 0


def _measure(named: list[str], scale: float, results: Path) -> list[str]:
    """Runs the pieces; returns those that failed. One that fails leaves no result, and the others run on."""
    absent = [program for program, there in installed().items() if not there]
    if absent:
        _say(f"without {', '.join(absent)}, which this machine lacks; on Debian: {INSTALL}")
    mark, known, failed = fingerprint(scale), load(results, PIECES), []
    for name in named or list(PIECES):
        if not named and name in known and known[name]["mark"] == mark:
            _say(f"{name}: measured already")
            continue
        started = time.monotonic()
        work = work_folder(name)
        try:
            save(results, name, mark, PIECES[name](scale, work))
        except (GivenBackWrong, ProgramFailed) as error:
            _say(f"{name}: FAILED: {error}")
            failed.append(name)
            continue
        finally:
            remove_work(name)
        _say(f"{name}: {time.monotonic() - started:.0f} s")
    return failed


def _write(scale: float, results: Path) -> None:
    docs = ROOT / "docs" if scale == 1 else CACHE / "small"
    found = load(results, PIECES)
    plots = draw({piece: one["result"] for piece, one in found.items()}, docs / "benchmarks")
    text = page(found, fingerprint(scale), plots, scale)
    (docs / "benchmarks.md").write_text(text)
    _say(f"written: {docs / 'benchmarks.md'}")


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
