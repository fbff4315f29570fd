"""Holdfast as a program of one operation, so that it is measured as its peers are: `python -m bench.holdfast_program`.

What it calls is what a worker calls. The password lies in a file; a key of Blob Storage comes by the environment, as for
the `holdfast` command.
"""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from holdfast.cli.direct import open_place, open_repository
from holdfast.model.clock import SystemClock
from holdfast.model.point import point_id
from holdfast.repository import PointHeader, Repository

_FIRST_DAY = datetime(2026, 1, 1, 3, tzinfo=UTC)
_CHAIN = "0" * 20


def id_of_day(day: int) -> str:
    """The point that holds the day."""
    return point_id(_FIRST_DAY + timedelta(days=day), _CHAIN, f"day-{day}")


def _header(day: int) -> PointHeader:
    return PointHeader(
        id=id_of_day(day),
        source="bench/series",
        chain=_CHAIN,
        created_at=_FIRST_DAY + timedelta(days=day),
        consistency="transactional",
        session=f"day-{day}",
    )


#: The compressor's highest level; the engine's own is that of the speed figures.
HIGHEST = 19


def main() -> int:
    """Does what is asked; a HoldfastError is a traceback here, for whoever runs the bench."""
    parser = argparse.ArgumentParser(prog="python -m bench.holdfast_program", description=__doc__)
    parser.add_argument("verb", choices=("init", "open", "store", "restore", "stages"))
    parser.add_argument("url")
    parser.add_argument("password", type=Path)
    parser.add_argument("file", type=Path, nargs="?")
    parser.add_argument("--day", type=int, default=0)
    parser.add_argument("--highest", action="store_true", help="store at the highest level")
    parser.add_argument("--identical", action="store_true", help="restore the very file")
    parser.add_argument("--entries-only", action="store_true", help="store without what a bit-identical file needs")
    asked = parser.parse_args()
    if asked.verb == "init":
        Repository.init(open_place(asked.url), asked.password.read_text(), clock=SystemClock(), name="bench")
        return 0
    repository = open_repository(asked.url, asked.password)
    if asked.verb == "open":
        repository.chains()
    elif asked.verb == "restore":
        # Peers give inflated files back, so ours are not deflated either; a worker imports from such a file, too.
        repository.write_bacpac(
            id_of_day(asked.day), asked.file, identical=asked.identical, level="stored", hashed=False
        )
    elif asked.verb == "stages":
        from bench.sampling import sampled

        with sampled(sys.stdout):
            repository.store_point(asked.file, _header(asked.day), owner="bench", identical=not asked.entries_only)
    else:
        if asked.highest:
            repository.level = HIGHEST
        repository.store_point(asked.file, _header(asked.day), owner="bench", identical=not asked.entries_only)
    return 0


if __name__ == "__main__":
    sys.exit(main())
