"""Who takes part, by name. A peer that is not installed is left out, and the page says so."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench.contender import Contender
from bench.ours import Holdfast, HoldfastInAzurite
from bench.peers import Borg, BorgRaw, Restic, ResticInAzurite, ResticRaw, installed

HOLDFAST = "holdfast"
HOLDFAST_ENTRIES = "holdfast, entries only"
HOLDFAST_HIGHEST = "holdfast, highest level"
HOLDFAST_AZURITE = "holdfast, Azurite"
HOLDFAST_ENTRIES_AZURITE = "holdfast, entries only, Azurite"
HOLDFAST_PLAIN = "holdfast, package not compressed"
RESTIC = "restic auto"
RESTIC_MAX = "restic max"
RESTIC_RAW = "restic auto, raw BACPAC"
RESTIC_PLAIN = "restic auto, package not compressed"
RESTIC_AZURITE = "restic auto, Azurite by rclone"
BORG = "borg zstd,3"
BORG_SMALL = "borg zstd,3, 4 KiB chunks"
BORG_RAW = "borg zstd,3, raw BACPAC"
BORG_PLAIN = "borg zstd,3, package not compressed"

INFLATED_PEERS = (RESTIC, RESTIC_MAX, BORG, BORG_SMALL)
RAW_PEERS = (RESTIC_RAW, BORG_RAW)

_MADE: dict[str, Callable[[str, Path], Contender]] = {
    HOLDFAST: Holdfast,
    HOLDFAST_ENTRIES: lambda name, folder: Holdfast(name, folder, entries_only=True),
    HOLDFAST_HIGHEST: lambda name, folder: Holdfast(name, folder, highest=True),
    HOLDFAST_PLAIN: Holdfast,
    HOLDFAST_AZURITE: HoldfastInAzurite,
    HOLDFAST_ENTRIES_AZURITE: lambda name, folder: HoldfastInAzurite(name, folder, entries_only=True),
    RESTIC: lambda name, folder: Restic(name, folder, "auto"),
    RESTIC_MAX: lambda name, folder: Restic(name, folder, "max"),
    RESTIC_RAW: lambda name, folder: ResticRaw(name, folder, "auto"),
    RESTIC_PLAIN: lambda name, folder: ResticRaw(name, folder, "auto"),
    RESTIC_AZURITE: lambda name, folder: ResticInAzurite(name, folder, "auto"),
    BORG: Borg,
    # Chunks of 1 KiB to 8 MiB, 4 KiB on average: the smallest that its manual thinks of.
    BORG_SMALL: lambda name, folder: Borg(name, folder, "10,23,12,4095"),
    BORG_RAW: BorgRaw,
    BORG_PLAIN: BorgRaw,
}


def here(names: Sequence[str]) -> list[str]:
    """Those of the names that this machine can run."""
    absent = [program for program, there in installed().items() if not there]
    return [name for name in names if not any(program in name.split() for program in absent)]


def _make(name: str, work: Path) -> Contender:
    """With an empty folder; its repository is not made yet."""
    return _MADE[name](name, work / re.sub(r"\W+", "-", name))


@contextmanager
def taking_part(names: Sequence[str], work: Path) -> Iterator[list[Contender]]:
    """All that this machine can run, each with a new repository; away with them at the end, whatever happens."""
    with ExitStack() as stack:
        found: list[Contender] = []
        for name in here(names):
            contender = _make(name, work)
            stack.callback(contender.remove)
            contender.init()
            found.append(contender)
        yield found


@contextmanager
def holdfast(work: Path) -> Iterator[Holdfast]:
    """Holdfast alone, with a new repository."""
    with taking_part((HOLDFAST,), work) as (ours,):
        assert isinstance(ours, Holdfast)
        yield ours
