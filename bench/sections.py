"""The sections of the page: one a piece, a table with ratios and the figures that they come from."""

from __future__ import annotations

from collections.abc import Iterator

from bench.figures import (
    Result,
    added_after_first,
    first_bytes,
    first_share,
    processor,
    restore_speed,
    slowest,
    tellable,
    wall,
)
from bench.line_up import HOLDFAST
from bench.pieces.first import SERIES
from bench.pieces.speed import OPERATIONS
from bench.tables import amount, seconds, share, speed, table, times


def growth(result: Result) -> Iterator[str]:
    """Growth by day, of every contender."""
    days, floor = result["days"], sum(result["floor"])
    ours = added_after_first(result, HOLDFAST)
    yield (
        f"{days} days of {amount(result['inflated_bytes'][0])} to {amount(result['inflated_bytes'][-1])} inflated, "
        f"{amount(result['bacpac_bytes'][0])} to {amount(result['bacpac_bytes'][-1])} as BACPACs. "
        f"The floor of the {days - 1} days after the first: {amount(floor)}, {amount(floor / (days - 1))} a day."
    )
    yield ""
    rows = []
    for name, own in result["contenders"].items():
        added = added_after_first(result, name)
        rows.append(
            (
                name,
                times(added / floor),
                times(added / ours),
                amount(added / (days - 1)),
                amount(own["stored"][0]),
                amount(own["stored"][-1]),
                seconds(sum(cost["wall"] for cost in own["costs"][1:]) / (days - 1)),
                seconds(own["start"]["wall"]),
            )
        )
    head = (
        "",
        "added, of the floor",
        "of Holdfast's",
        "a day",
        "first day",
        "all days",
        "a day takes",
        "start-up in it",
    )
    yield from table(head, rows)


def restores(result: Result) -> Iterator[str]:
    """Of the thirty days: ends of the chain, and what is left of it after a prune."""
    found, pruned = result["restores"], result["pruned"]
    shown = {"the first point": found["first"], "the newest point": found["newest"]}
    if pruned is not None:
        shown["the slowest after a prune"] = slowest(pruned["points"].values())
    first = restore_speed(found["first"])
    rows = [
        (what, times(restore_speed(one) / first), speed(restore_speed(one)), seconds(one["wall"]))
        for what, one in shown.items()
    ]
    yield from table(("restore of", "speed of the first", "inflated", "without start-up"), rows)
    if pruned is None:
        yield "This version cannot delete points, so nothing was pruned."
    else:
        before, after = pruned["before_bytes"], pruned["after_bytes"]
        yield f"Every other point deleted and pruned: {amount(before)} became {amount(after)}."
    yield ""


def first(result: Result) -> Iterator[str]:
    """First points, file by file."""
    files = result["files"]
    names = list(files[SERIES]["contenders"])
    rows = [
        (
            file,
            amount(own["bacpac_bytes"]),
            *(
                f"{first_bytes(own, name) / own['bacpac_bytes']:.3f} ({amount(first_bytes(own, name))})"
                for name in names
            ),
        )
        for file, own in files.items()
    ]
    real = [own for file, own in files.items() if file != SERIES]
    if real:
        whole = sum(own["bacpac_bytes"] for own in real)
        rows.append(("all real files", amount(whole), *(f"{first_share(real, name):.3f}" for name in names)))
    yield from table(("", "BACPAC", *names), rows)


def purge(result: Result) -> Iterator[str]:
    """Purges beside an ordinary day."""
    contenders = result["contenders"]
    ordinary = next(iter(result["floor"]))
    rows = [
        (
            what,
            amount(floor),
            *(f"{times(own[what] / own[ordinary])} ({amount(own[what])})" for own in contenders.values()),
        )
        for what, floor in result["floor"].items()
    ]
    yield from table((f"10 % of {result['table']}", "floor", *contenders), rows)


def speeds(result: Result) -> Iterator[str]:
    """First point, increment and restore."""
    whole = result["inflated_bytes"][0]
    yield (
        f"{amount(whole)} inflated, {amount(result['bacpac_bytes'][0])} as a BACPAC; the median of {result['rounds']} "
        "rounds; by the clock, of Holdfast's time (above 1: slower than Holdfast), and in seconds of all cores together."
    )
    yield ""
    rows = []
    for name, own in result["contenders"].items():
        cells: list[str] = []
        for operation in OPERATIONS:
            took = wall(result, name, operation)
            ours = wall(result, HOLDFAST, operation)
            told = tellable(took) and tellable(ours)
            cells.append(times(took / ours) if told else "too short")
            cells.append(f"{seconds(took)}, {speed(whole / took)}" if told else seconds(took))
            cells.append(seconds(processor(result, name, operation)))
        rows.append((name, *cells, " / ".join(seconds(own[f"{operation} start"]["wall"]) for operation in OPERATIONS)))
    head = [cell for operation in OPERATIONS for cell in (operation, "", "cores")]
    yield from table(("", *head, "start-ups"), rows)


def stages(result: Result) -> Iterator[str]:
    """Where the time goes, and the limits."""
    for number, operation in enumerate(("first", "increment")):
        own = result[operation]
        cpu = max(own["cpu"], 1e-9)
        rate = result["inflated_bytes"][number] / own["wall"]
        yield (
            f"{operation.capitalize()}: {seconds(own['wall'])} by the clock ({speed(rate)}), "
            f"{seconds(own['cpu'])} of all cores, {own['cpu'] / own['wall']:.2f} cores busy."
        )
        yield ""
        spent = sorted(own["by_function"].items(), key=lambda item: -item[1])
        rows = [(f"`{name}`", share(used / cpu), seconds(used)) for name, used in spent if used / cpu >= 0.02]
        yield from table((f"{operation}: function of the engine", "share", "of all cores"), rows)
    fastest = result["inflated_bytes"][0] / result["first"]["wall"]
    yield "What each part alone reaches with one thread on the same bytes, and how the first point compares with it:"
    yield ""
    rows = [(part, f"{rate:.0f} MB/s", share(fastest / 1e6 / rate)) for part, rate in result["limits"].items()]
    yield from table(("part", "alone", "first point reaches"), rows)


def memory(result: Result) -> Iterator[str]:
    """Peaks by size of the database."""
    rows = []
    for size in result["sizes"].values():
        for name, peaks in size["contenders"].items():
            ours = size["contenders"][HOLDFAST]
            cells = (f"{times(peak / ours[what])} ({amount(peak)})" for what, peak in peaks.items())
            rows.append((f"{amount(size['inflated_bytes'])}, {name}", *cells))
    yield from table(("peak memory, of Holdfast's", "first", "increment", "restore"), rows)


def unchanged(result: Result) -> Iterator[str]:
    """Another point of the same rows."""
    ours = result["contenders"][HOLDFAST]["added"]
    yield f"{amount(result['inflated_bytes'])} inflated, exported twice:"
    yield ""
    rows = [
        (name, times(own["added"] / ours), amount(own["added"]), seconds(own["cost"]["wall"]))
        for name, own in result["contenders"].items()
    ]
    yield from table(("", "added, of Holdfast's", "added", "takes"), rows)


def identical(result: Result) -> Iterator[str]:
    """File by file."""
    words = {"identical": "the very file", "entries": "says that it cannot; every entry identical"}
    yield from table(("file", "download"), [(name, words[found]) for name, found in result["files"].items()])
