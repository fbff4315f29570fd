"""Days in a row: what each of them adds to every repository, beside the floor; and whether old chains restore as young."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench.contender import Contender
from bench.days import Day, restored
from bench.line_up import BORG, BORG_SMALL, HOLDFAST, INFLATED_PEERS, RAW_PEERS, RESTIC, taking_part
from bench.measuring import Cost, middle
from bench.ours import Holdfast
from bench.series import Series, inflated_bytes

_ROUNDS = 5
_WEEK = (HOLDFAST, *INFLATED_PEERS, *RAW_PEERS)
_MONTH = (HOLDFAST, RESTIC, BORG, BORG_SMALL)


def seven_days(scale: float, work: Path) -> dict[str, Any]:
    """At least 150 MB inflated at scale 1."""
    with taking_part(_WEEK, work) as contenders:
        return _grow(Series(40 * scale), 7, contenders, work)


def thirty_days(scale: float, work: Path) -> dict[str, Any]:
    """A smaller database for longer; then restores of its ends, and of what is left when half of it was deleted."""
    series = Series(20 * scale)
    with taking_part(_MONTH, work) as contenders:
        result = _grow(series, 30, contenders, work)
        ours = contenders[0]
        assert isinstance(ours, Holdfast)
        result["restores"] = _ends(ours, series, 30, work)
        result["pruned"] = _pruned(ours, series, 30, work)
    return result


def _grow(series: Series, days: int, contenders: list[Contender], work: Path) -> dict[str, Any]:
    # All days first: making them would warm the machine for whoever comes next.
    packages = [series.day(number) for number in range(days)]
    figures: dict[str, dict[str, Any]] = {
        contender.name: {
            "stored": [],
            "costs": [],
            "start": middle(contender.start() for _ in range(_ROUNDS)).as_json(),
        }
        for contender in contenders
    }
    for number, package in enumerate(packages):
        day = Day(package, work)
        # Whoever is first on one day is last on the next.
        for contender in contenders if number % 2 == 0 else reversed(contenders):
            own = figures[contender.name]
            cost, inflating = day.stored_by(contender, number)
            own["stored"].append(contender.stored_bytes())
            own["costs"].append(cost.plus(inflating).as_json())
    checked = (0, days // 2, days - 1)
    for contender in contenders:
        found = [restored(contender, number, packages[number], work) for number in checked]
        figures[contender.name]["entries_compared"] = sum(entries for _, entries in found)
    return {
        "days": days,
        "checked": checked,
        "inflated_bytes": [inflated_bytes(package) for package in packages],
        "bacpac_bytes": [package.stat().st_size for package in packages],
        "floor": [series.floor(number).packed_bytes for number in range(1, days)],
        "contenders": figures,
    }


def _ends(ours: Holdfast, series: Series, days: int, work: Path) -> dict[str, Any]:
    start = middle(ours.start() for _ in range(_ROUNDS))
    first: list[Cost] = []
    newest: list[Cost] = []
    for _ in range(_ROUNDS):
        first.append(restored(ours, 0, series.day(0), work)[0])
        newest.append(restored(ours, days - 1, series.day(days - 1), work)[0])
    return {
        "first": _restore(middle(first).without(start), series.day(0)),
        "newest": _restore(middle(newest).without(start), series.day(days - 1)),
    }


def _pruned(ours: Holdfast, series: Series, days: int, work: Path) -> dict[str, Any] | None:
    """None where this version cannot delete points."""
    if not ours.can_delete():
        return None
    before = ours.stored_bytes()
    ours.delete(range(1, days, 2))
    ours.prune()
    left = range(0, days, 2)
    start = middle(ours.start() for _ in range(_ROUNDS))
    costs: dict[int, list[Cost]] = {number: [] for number in left}
    for _ in range(_ROUNDS):
        for number in left:
            costs[number].append(restored(ours, number, series.day(number), work)[0])
    return {
        "before_bytes": before,
        "after_bytes": ours.stored_bytes(),
        "points": {number: _restore(middle(costs[number]).without(start), series.day(number)) for number in left},
    }


def _restore(cost: Cost, package: Path) -> dict[str, float]:
    """Seconds without start-up, and inflated bytes."""
    return {"wall": cost.wall, "bytes": inflated_bytes(package)}
