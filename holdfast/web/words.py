"""Figures as people read them. The exact value stands beside them, in a title or in the page's JSON."""

from __future__ import annotations

from datetime import datetime, timedelta

from holdfast.model.costs.money import Band

_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")
_STEPS = ((timedelta(days=1), "d"), (timedelta(hours=1), "h"), (timedelta(minutes=1), "min"))


def size(count: int | None) -> str:
    """Bytes in decimal units, as Azure bills them: `1.2 GB`."""
    if count is None:
        return "–"
    value = float(count)
    for unit in _UNITS:
        if abs(value) < 999.5 or unit == _UNITS[-1]:
            return f"{value:.0f} {unit}" if unit == "B" or value >= 99.5 else f"{value:.1f} {unit}"
        value /= 1000
    raise AssertionError("the last unit takes everything")


def number(count: int | None) -> str:
    """With separators: `12,000`; a dash where nobody knows."""
    return "–" if count is None else f"{count:,}"


def span(length: timedelta) -> str:
    """A length of time by its largest two units: `2 h 5 min`, `41 s`."""
    left, parts = max(length, timedelta()), []
    for step, unit in _STEPS:
        count, left = divmod(left, step)
        if count:
            parts.append(f"{count} {unit}")
    if not parts:
        return f"{left.total_seconds():.0f} s"
    return " ".join(parts[:2])


def ago(moment: datetime, now: datetime) -> str:
    """Where a moment lies from now: `5 min ago`, `in 3 h`, `just now`."""
    passed = now - moment
    if abs(passed) < timedelta(seconds=10):
        return "just now"
    largest = " ".join(span(abs(passed)).split(" ")[:2])
    return f"{largest} ago" if passed > timedelta() else f"in {largest}"


def utc(moment: datetime) -> str:
    """`2026-11-26 03:00:12 UTC`."""
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def money(band: Band, currency: str) -> str:
    """The expected amount, and the range where there is one: `12.30 USD (9.10 to 20.00)`."""
    low, expected, high = (f"{value:,.2f}" for value in (band.low, band.expected, band.high))
    return f"{expected} {currency}" if low == high else f"{expected} {currency} ({low} to {high})"
