"""The plots of the page: small SVG files that are the same for the same results."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from bench.figures import Result, tellable, wall
from bench.line_up import (
    BORG,
    BORG_PLAIN,
    BORG_RAW,
    BORG_SMALL,
    HOLDFAST,
    RESTIC,
    RESTIC_AZURITE,
    RESTIC_MAX,
    RESTIC_PLAIN,
    RESTIC_RAW,
)
from bench.pieces.speed import OPERATIONS

# Colour-blind safe (Okabe and Ito); ours is the one dark line, so that it is found in grey as well.
_OURS = "#000000"
_PEERS = {
    RESTIC: "#0072B2",
    RESTIC_AZURITE: "#0072B2",
    RESTIC_MAX: "#56B4E9",
    RESTIC_RAW: "#009E73",
    RESTIC_PLAIN: "#009E73",
    BORG: "#E69F00",
    BORG_SMALL: "#D55E00",
    BORG_RAW: "#CC79A7",
    BORG_PLAIN: "#CC79A7",
}
_FLOOR = "#777777"


def draw(results: Mapping[str, Result], folder: Path) -> dict[str, str]:
    """Draws what the results hold into the folder; file names by piece."""
    folder.mkdir(parents=True, exist_ok=True)
    drawers = {"growth7": _growth, "growth30": _growth, "speed": _speed, "memory": _memory}
    drawn: dict[str, str] = {}
    with mpl.rc_context(
        {
            "svg.hashsalt": "holdfast",
            "svg.fonttype": "none",
            "font.size": 9,
            "axes.spines.top": False,
            "axes.spines.right": False,
        }
    ):
        for piece, drawer in drawers.items():
            if piece in results:
                figure = drawer(results[piece])
                drawn[piece] = f"{piece}.svg"
                figure.savefig(folder / drawn[piece], format="svg", metadata={"Date": None, "Creator": None})
    return drawn


def _growth(result: Result) -> Figure:
    """Repository size by day; and what was added after the first day, where the floor can be seen."""
    figure = Figure(figsize=(8.4, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    days = range(1, result["days"] + 1)
    for name in result["contenders"]:
        colour = _colour(name)
        stored = result["contenders"][name]["stored"]
        width = 2.2 if name == HOLDFAST else 1.2
        left.plot(days, [size / 1e6 for size in stored], color=colour, linewidth=width, label=name)
        added = [(size - stored[0]) / 1e6 for size in stored[1:]]
        right.plot(list(days)[1:], added, color=colour, linewidth=width)
    floor = [size / 1e6 for size in accumulate(result["floor"])]
    right.plot(list(days)[1:], floor, color=_FLOOR, linestyle=":", label="the floor")
    left.set(title="repository", xlabel="day", ylabel="MB")
    right.set(title="added after the first day", xlabel="day", ylabel="MB (logarithmic)", yscale="log")
    left.set_ylim(bottom=0)
    for axes in (left, right):
        axes.locator_params(axis="x", integer=True)
    figure.legend(loc="outside lower center", ncols=3, frameon=False)
    return figure


def _speed(result: Result) -> Figure:
    """Inflated MB a second, by operation."""
    names = list(result["contenders"])
    figure = Figure(figsize=(8.4, 0.9 + 0.3 * len(names)), layout="constrained")
    whole = result["inflated_bytes"][0]
    for axes, operation in zip(figure.subplots(1, len(OPERATIONS), sharey=True), OPERATIONS, strict=True):
        took = {name: wall(result, name, operation) for name in names}
        rates = [whole / 1e6 / took[name] if tellable(took[name]) else 0.0 for name in names]
        bars = axes.barh(names, rates, color=[_colour(name) for name in names], height=0.7)
        labels = [f"{rate:.0f}" if rate else "too short to tell" for rate in rates]
        axes.bar_label(bars, labels=labels, padding=2, fontsize=8)
        axes.margins(x=0.18)
        axes.set(title=operation, xlabel="MB/s inflated")
    figure.axes[0].invert_yaxis()
    return figure


def _memory(result: Result) -> Figure:
    """Peaks for the small and the large database."""
    sizes = list(result["sizes"].values())
    names = list(sizes[0]["contenders"])
    figure = Figure(figsize=(8.4, 0.9 + 0.4 * len(names)), layout="constrained")
    places = range(len(names))
    for axes, what in zip(figure.subplots(1, 3, sharey=True, sharex=True), OPERATIONS, strict=True):
        for number, size in enumerate(sizes):
            peaks = [size["contenders"][name][what] / 1e6 for name in names]
            at = [place + (number - 0.5) * 0.38 for place in places]
            shown = [_colour(name) for name in names]
            bars = axes.barh(at, peaks, height=0.36, color=shown, alpha=0.5 if number == 0 else 1.0)
            labels = [f"{peak:.0f} at {size['inflated_bytes'] / 1e9:.2g} GB" for peak in peaks]
            axes.bar_label(bars, labels=labels, padding=2, fontsize=7)
        axes.margins(x=0.45)
        axes.set(title=what, xlabel="MB at most", yticks=list(places), yticklabels=names)
    figure.axes[0].invert_yaxis()
    return figure


def _colour(name: str) -> str:
    """Ours dark, whatever its variant; each peer the same in all plots."""
    return _OURS if name.startswith(HOLDFAST) else _PEERS[name]
