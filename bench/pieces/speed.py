"""How fast: the first point, the second, and a restore, everybody turn about, several rounds, start-ups taken off."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench.contender import Contender
from bench.days import Day, restored
from bench.line_up import (
    BORG,
    BORG_RAW,
    HOLDFAST,
    HOLDFAST_AZURITE,
    HOLDFAST_ENTRIES,
    HOLDFAST_ENTRIES_AZURITE,
    RESTIC,
    RESTIC_AZURITE,
    RESTIC_RAW,
    taking_part,
)
from bench.measuring import Cost, middle
from bench.series import Series, inflated_bytes

_ROUNDS = 3
_FIELD = (
    HOLDFAST,
    HOLDFAST_ENTRIES,
    RESTIC,
    BORG,
    RESTIC_RAW,
    BORG_RAW,
    HOLDFAST_AZURITE,
    HOLDFAST_ENTRIES_AZURITE,
    RESTIC_AZURITE,
)
OPERATIONS = ("first", "increment", "restore")


def speeds(scale: float, work: Path) -> dict[str, Any]:
    """At least 600 MB inflated at scale 1."""
    series = Series(145 * scale)
    packages = [series.day(number) for number in (0, 1)]
    rounds = [_round(number, packages, work) for number in range(_ROUNDS)]
    figures: dict[str, dict[str, Any]] = {}
    for name in rounds[0]:
        start = middle(one[name]["start"] for one in rounds)
        figures[name] = {"start": start.as_json()}
        for operation in OPERATIONS:
            cost = middle(one[name][operation].without(start) for one in rounds)
            # Of the program alone; peers on inflated entries wait for the inflating on top.
            figures[name][operation] = cost.as_json()
            inflating = middle(one[name].get(f"{operation} inflating", Cost()) for one in rounds)
            figures[name][f"{operation} inflating"] = inflating.as_json()
    return {
        "rounds": _ROUNDS,
        "inflated_bytes": [inflated_bytes(package) for package in packages],
        "bacpac_bytes": [package.stat().st_size for package in packages],
        "contenders": figures,
    }


def _round(number: int, packages: list[Path], work: Path) -> dict[str, dict[str, Cost]]:
    """Each operation by everybody before the next one; somebody else begins in every round."""
    shift = number * len(_FIELD) // _ROUNDS
    with taking_part(_FIELD[shift:] + _FIELD[:shift], work) as contenders:
        return _turn_about(contenders, packages, work)


def _turn_about(contenders: list[Contender], packages: list[Path], work: Path) -> dict[str, dict[str, Cost]]:
    found: dict[str, dict[str, Cost]] = {one.name: {"start": _start(one)} for one in contenders}
    for number, operation in enumerate(("first", "increment")):
        day = Day(packages[number], work)
        for contender in contenders:
            own = found[contender.name]
            own[operation], own[f"{operation} inflating"] = day.stored_by(contender, number)
    for contender in contenders:
        found[contender.name]["restore"], _ = restored(contender, 1, packages[1], work)
    return found


def _start(contender: Contender) -> Cost:
    return middle(contender.start() for _ in range(3))
