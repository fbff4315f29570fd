"""How fast: the first point, the second, and a restore, everybody turn about, several rounds, start-ups taken off."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.days import Day, restored
from bench.line_up import (
    BORG,
    BORG_PLAIN,
    BORG_RAW,
    HOLDFAST,
    HOLDFAST_AZURITE,
    HOLDFAST_ENTRIES,
    HOLDFAST_ENTRIES_AZURITE,
    HOLDFAST_PLAIN,
    RESTIC,
    RESTIC_AZURITE,
    RESTIC_PLAIN,
    RESTIC_RAW,
    taking_part,
)
from bench.measuring import Cost, middle
from bench.series import Series, inflated_bytes
from holdfast.bacpac.writer import Level

_ROUNDS = 3
#: Who is given which package: as other exporters deflate it, and as our own export asks for it.
_FIELDS: dict[Level, tuple[str, ...]] = {
    "normal": (
        HOLDFAST,
        HOLDFAST_ENTRIES,
        RESTIC,
        BORG,
        RESTIC_RAW,
        BORG_RAW,
        HOLDFAST_AZURITE,
        HOLDFAST_ENTRIES_AZURITE,
        RESTIC_AZURITE,
    ),
    "stored": (HOLDFAST_PLAIN, RESTIC_PLAIN, BORG_PLAIN),
}
OPERATIONS = ("first", "increment", "restore")
#: A database in which there is hardly anything: what it takes is what starting takes.
_TINY = 0.02

Figures = dict[str, dict[str, Cost]]


def speeds(scale: float, work: Path) -> dict[str, Any]:
    """At least 600 MB inflated at scale 1."""
    figures: dict[str, dict[str, Any]] = {}
    for level, field in _FIELDS.items():
        packages = _days(Series(145 * scale, level))
        tiny = _days(Series(_TINY, level))
        rounds = []
        for number in range(_ROUNDS):
            # Somebody else begins in every round.
            shift = number * len(field) // _ROUNDS
            order = field[shift:] + field[:shift]
            rounds.append((_round(order, tiny, work), _round(order, packages, work)))
        figures |= {name: _told(name, rounds) for name in rounds[0][1]}
    return {
        "rounds": _ROUNDS,
        "inflated_bytes": [inflated_bytes(package) for package in _days(Series(145 * scale))],
        "bacpac_bytes": [package.stat().st_size for package in _days(Series(145 * scale))],
        "contenders": figures,
    }


def _days(series: Series) -> list[Path]:
    return [series.day(number) for number in (0, 1)]


def _told(name: str, rounds: list[tuple[Figures, Figures]]) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    for operation in OPERATIONS:
        start = middle(tiny[name][operation] for tiny, _ in rounds)
        cost = middle(one[name][operation].without(start) for _, one in rounds)
        # Of the program alone; peers on inflated entries wait for the inflating on top.
        inflating = middle(one[name].get(f"{operation} inflating", Cost()) for _, one in rounds)
        figures[f"{operation} start"] = start.as_json()
        figures[operation] = cost.as_json()
        figures[f"{operation} inflating"] = inflating.as_json()
    return figures


def _round(field: Sequence[str], packages: list[Path], work: Path) -> Figures:
    """Each operation by everybody before the next one, in new repositories."""
    with taking_part(field, work) as contenders:
        found: Figures = {one.name: {} for one in contenders}
        for number, operation in enumerate(("first", "increment")):
            day = Day(packages[number], work)
            for contender in contenders:
                own = found[contender.name]
                own[operation], own[f"{operation} inflating"] = day.stored_by(contender, number)
        for contender in contenders:
            found[contender.name]["restore"], _ = restored(contender, 1, packages[1], work)
        return found
