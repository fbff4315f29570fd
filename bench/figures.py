"""Figures that tables, bars and plots share, from the results of pieces."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Result = Mapping[str, Any]
#: Below this a file's repository is weighed without its fixed objects (description, key slots).
_FIXED_COUNTED_ABOVE = 100_000
_LEAST_SECONDS = 0.1


def added_after_first(result: Result, name: str) -> int:
    """Of a growth piece: what all days after the first added to a contender's repository."""
    stored = result["contenders"][name]["stored"]
    return int(stored[-1] - stored[0])


def compared_entries(result: Result) -> int:
    """Of a growth piece: entries that were given back and compared."""
    return sum(own["entries_compared"] for own in result["contenders"].values())


def first_bytes(file: Result, name: str) -> int:
    """Of one file of the piece `first`: what a repository with its one point is counted as."""
    own = file["contenders"][name]
    return int(own["added"] + (own["fixed"] if file["bacpac_bytes"] > _FIXED_COUNTED_ABOVE else 0))


def first_share(files: Iterable[Result], name: str) -> float:
    """First points of several files, of their BACPACs' own bytes together."""
    told = list(files)
    whole: int = sum(file["bacpac_bytes"] for file in told)
    return sum(first_bytes(file, name) for file in told) / whole


def wall(result: Result, name: str, operation: str) -> float:
    """Of the piece `speed`: seconds of an operation without start-up, with the inflating that it needs before it."""
    own = result["contenders"][name]
    inflating = own.get(f"{operation} inflating", {"wall": 0.0})["wall"]
    return float(own[operation]["wall"] + inflating)


def restore_speed(restore: Result) -> float:
    """Of the piece `growth30`: inflated bytes a second of one restore."""
    return float(restore["bytes"] / restore["wall"])


def slowest(restores: Iterable[Result]) -> Result:
    """The one that gave the fewest bytes a second."""
    return min(restores, key=restore_speed)


def tellable(took: float) -> bool:
    """Whether a time without start-up is long enough to be no noise of the start-up."""
    return took >= _LEAST_SECONDS


def processor(result: Result, name: str, operation: str) -> float:
    """The same in seconds of all cores together."""
    own = result["contenders"][name]
    inflating = own.get(f"{operation} inflating", {"cpu": 0.0})["cpu"]
    return float(own[operation]["cpu"] + inflating)
