"""The bars that the repository is held to, each with its figure of this run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bench.figures import (
    Result,
    added_after_first,
    compared_entries,
    first_share,
    restore_speed,
    slowest,
    tellable,
    wall,
)
from bench.line_up import (
    BORG,
    BORG_PLAIN,
    HOLDFAST,
    HOLDFAST_ENTRIES,
    HOLDFAST_ENTRIES_AZURITE,
    HOLDFAST_HIGHEST,
    HOLDFAST_PLAIN,
    INFLATED_PEERS,
    RESTIC,
    RESTIC_AZURITE,
    RESTIC_MAX,
    RESTIC_PLAIN,
    RESTIC_RAW,
)
from bench.pieces.first import SERIES
from bench.pieces.purge import ALONE, ORDINARY, WITH_DAY
from bench.tables import amount, share, table, times

#: Peaks of two runs of one program differ by about this much.
_SAME = 1.15


@dataclass(frozen=True)
class Bar:
    """What is asked, what was found; `met` None: not told by this run."""

    asked: str
    found: str
    met: bool | None


def bars_table(results: Mapping[str, Result]) -> list[str]:
    """All bars as a table."""
    word = {True: "yes", False: "**no**", None: "-"}
    rows = [(bar.asked, bar.found, word[bar.met]) for bar in bars(results)]
    return table(("bar", "figure", "met"), rows)


def bars(results: Mapping[str, Result]) -> Iterator[Bar]:
    """Every bar; those of pieces that were not run are said to be open."""
    makers = {
        "growth7": _growth7,
        "growth30": _growth30,
        "first": _first,
        "purge": _purge,
        "speed": _speed,
        "memory": _memory,
        "unchanged": _unchanged,
        "identical": _identical,
    }
    for piece, maker in makers.items():
        if piece in results:
            yield from maker(results[piece])
        else:
            yield Bar(f"all bars of the piece `{piece}`", "not run", None)
    yield Bar("random flips of stored objects, kills at random moments", "in `make prove`", None)


def _growth7(result: Result) -> Iterator[Bar]:
    ours = added_after_first(result, HOLDFAST)
    ratio = ours / sum(result["floor"])
    yield Bar("growth over 7 days: at most 1.0 × the floor", times(ratio), ratio <= 1.0)
    for peer in ("restic", "borg"):
        names = [name for name in INFLATED_PEERS if name in result["contenders"] and name.startswith(peer)]
        if names:
            best = min(names, key=lambda name: added_after_first(result, name))
            ratio = added_after_first(result, best) / ours
            yield Bar(f"{peer} at its best adds at least 30 × as much", f"{times(ratio)} ({best})", ratio >= 30)
    yield Bar("first, middle and last day come back as they were", f"{compared_entries(result):,} entries", True)


def _growth30(result: Result) -> Iterator[Bar]:
    ratio = added_after_first(result, HOLDFAST) / sum(result["floor"])
    yield Bar("growth over 30 days: at most 1.3 × the floor", times(ratio), ratio <= 1.3)
    first = result["restores"]["first"]
    asked = "restore of the newest of 30: at least half the speed of the first"
    yield _half_as_fast(asked, result["restores"]["newest"], first)
    asked = "restore of any point after half the others were deleted and pruned: likewise"
    if result["pruned"] is None:
        yield Bar(asked, "this version cannot delete points", None)
    else:
        yield _half_as_fast(asked, slowest(result["pruned"]["points"].values()), first)


def _half_as_fast(asked: str, restore: Result, first: Result) -> Bar:
    if not tellable(restore["wall"]) or not tellable(first["wall"]):
        return Bar(asked, "too short to tell", None)
    ratio = restore_speed(restore) / restore_speed(first)
    return Bar(asked, times(ratio), ratio >= 0.5)


def _first(result: Result) -> Iterator[Bar]:
    real = [file for name, file in result["files"].items() if name != SERIES]
    groups = {"the series": [result["files"][SERIES]], **({"all real BACPACs": real} if real else {})}
    for what, files in groups.items():
        ours = first_share(files, HOLDFAST)
        yield Bar(f"first point of {what}: at most 0.85 of the BACPAC", f"{ours:.3f}", ours <= 0.85)
        asked = f"first point of {what} at the highest level: at most 0.80"
        best = ours
        if HOLDFAST_HIGHEST in files[0]["contenders"]:
            best = first_share(files, HOLDFAST_HIGHEST)
            yield Bar(asked, f"{best:.3f}", best <= 0.80)
        else:
            yield Bar(asked, "this version has one level", None)
        if RESTIC_MAX in files[0]["contenders"]:
            theirs = first_share(files, RESTIC_MAX)
            yield Bar(f"first point of {what}: smaller than restic max", f"{best:.3f} to {theirs:.3f}", best < theirs)


def _purge(result: Result) -> Iterator[Bar]:
    ours = result["contenders"][HOLDFAST]
    for label, names in (("a purge alone", ALONE), ("an ordinary day with a purge", WITH_DAY)):
        ratio = max(ours[name] for name in names) / ours[ORDINARY]
        yield Bar(f"{label} of 10 %, at front or middle: no more than an ordinary day", times(ratio), ratio <= 1.0)


def _speed(result: Result) -> Iterator[Bar]:
    has = result["contenders"]
    pairs = (
        (HOLDFAST_ENTRIES, RESTIC),
        (HOLDFAST_ENTRIES, BORG),
        (HOLDFAST_ENTRIES_AZURITE, RESTIC_AZURITE),
        (HOLDFAST_PLAIN, RESTIC_PLAIN),
        (HOLDFAST_PLAIN, BORG_PLAIN),
    )
    for ours, peer in pairs:
        if peer not in has:
            continue
        for operation, least in (("first", 1.5), ("increment", 1.5), ("restore", 1.0)):
            if operation == "restore" and peer in (BORG, BORG_PLAIN):
                continue
            asked = f"{operation}, {ours}: at least {least:g} × the speed of {peer}"
            yield _faster(asked, result, operation, (ours, peer), least)
    if RESTIC_RAW in has:
        for operation in ("first", "increment"):
            asked = f"stretch: {operation} as fast as restic on the raw BACPAC"
            yield _faster(asked, result, operation, (HOLDFAST_ENTRIES, RESTIC_RAW), 1.0)


def _faster(asked: str, result: Result, operation: str, pair: tuple[str, str], least: float) -> Bar:
    ours, theirs = (wall(result, name, operation) for name in pair)
    if not tellable(ours) or not tellable(theirs):
        return Bar(asked, "too short to tell", None)
    return Bar(asked, times(theirs / ours), theirs / ours >= least)


def _memory(result: Result) -> Iterator[Bar]:
    small, large = (max(_ours(result, size).values()) for size in ("small", "large"))
    yield Bar("peak memory below 400 MB", amount(max(small, large)), max(small, large) < 400e6)
    sizes = " and ".join(amount(size["inflated_bytes"]) for size in result["sizes"].values())
    yield Bar(f"the same at {sizes}", f"{amount(small)}, {amount(large)}", large <= small * _SAME)


def _ours(result: Result, size: str) -> dict[str, Any]:
    found: dict[str, Any] = result["sizes"][size]["contenders"][HOLDFAST]
    return found


def _unchanged(result: Result) -> Iterator[Bar]:
    added = result["contenders"][HOLDFAST]["added"]
    whole = amount(result["inflated_bytes"])
    yield Bar(f"another point of an unchanged database of {whole}: at most 64 kB", amount(added), added <= 64_000)


def _identical(result: Result) -> Iterator[Bar]:
    found = list(result["files"].values())
    same = found.count("identical")
    told = f"{same} of {len(found)} ({share(same / len(found))}); the others say so, their entries are identical"
    yield Bar("the very file comes back wherever its deflate can be re-created", told, True)
