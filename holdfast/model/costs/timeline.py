"""Which points live beside each other in a window of time, and what is freed when one goes.

A database's newest point is whole; each older one holds only what changed until the next one that still lives. So what is
stored follows from the gaps between living points, and deleting a point frees what its neighbours do not share.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache

from holdfast.model.costs.lives import Life
from holdfast.model.costs.money import YEAR_DAYS, Band

_HOURS = 24
_MINUTES = 24 * 60
#: No estimate looks further ahead: what is kept longer counts as kept so long.
MOST_YEARS = 30


@dataclass
class Window:
    """What is true of a stretch of time. Averages are over all of it."""

    days: float
    sessions: int = 0
    whole: float = 0.0
    """Average number of newest points: the share of the time in which there is one."""
    gaps: dict[int, float] = field(default_factory=dict)
    """Hours between neighbours, to the average number of such pairs."""
    slots: Counter[int] = field(default_factory=Counter)
    """Hours between a new point and the one before it, to how often; 0 for the first."""
    freed: Counter[tuple[int, int, int]] = field(default_factory=Counter)
    """Age in days, gap before and gap after in hours, to how often."""
    by_flag: dict[str, float] = field(default_factory=dict)
    """The average number of points that a flag keeps."""
    archived: int = 0
    archive_living: float = 0.0
    archive_ages: Counter[int] = field(default_factory=Counter)
    """Days that archive copies which begin in the window will live, to how often."""
    archive_ended: Counter[int] = field(default_factory=Counter)
    """Ages in days of archive copies that end in the window, to how often."""

    @property
    def living(self) -> float:
        """The average number of points."""
        return self.whole + sum(self.gaps.values())


def first_window(lives: list[Life], days: int) -> Window:
    """The first days of a policy, from nothing."""
    return _walk(lives, 0, days)


def steady_window(lives: list[Life]) -> Window:
    """A year in which nothing is new: the second of the two that were played, with all that earlier years left behind."""
    year = [life for life in lives if YEAR_DAYS <= life.made < 2 * YEAR_DAYS]
    older: list[Life] = []
    for life in year:
        longest = max(life.ends, life.archive_ends or 0)
        back = YEAR_DAYS
        while longest - back > YEAR_DAYS and back <= MOST_YEARS * YEAR_DAYS:
            ends = None if life.archive_ends is None else life.archive_ends - back
            flags = tuple((flag, until - back) for flag, until in life.flags)
            older.append(Life(life.made - back, life.ends - back, flags, ends))
            back += YEAR_DAYS
    return _walk(sorted([*older, *year], key=lambda life: life.made), YEAR_DAYS, 2 * YEAR_DAYS)


def _walk(lives: list[Life], start: float, end: float) -> Window:
    window = Window(days=end - start)
    _points(window, [life for life in lives if life.ends > start and life.made < end], start, end)
    flags: defaultdict[str, float] = defaultdict(float)
    for life in lives:
        for flag, until in life.flags:
            flags[flag] += _overlap(life.made, until, start, end) / window.days
        if life.archive_ends is None:
            continue
        age = round(life.archive_ends - life.made)
        window.archive_living += _overlap(life.made, life.archive_ends, start, end) / window.days
        if start <= life.made < end:
            window.archived += 1
            window.archive_ages[age] += 1
        if start <= life.archive_ends < end:
            window.archive_ended[age] += 1
    window.by_flag = dict(flags)
    return window


def _overlap(made: float, ends: float, start: float, end: float) -> float:
    return max(0.0, min(ends, end) - max(made, start))


def _points(window: Window, lives: list[Life], start: float, end: float) -> None:
    """Walks through births and deaths in order; a pair of neighbours counts from when it forms to when it dissolves."""
    living: list[float] = []
    formed: dict[tuple[float, float], float] = {}
    lasted: defaultdict[int, float] = defaultdict(float)

    def pair(before: float, after: float, at: float) -> None:
        formed[before, after] = at

    def part(before: float, after: float, at: float) -> None:
        since = max(start, formed.pop((before, after)))
        lasted[hours(after - before)] += max(0.0, at - since)

    # A point that ends when the next one is made ends after it: there is never none.
    spans = [(_moment(life.made), _moment(life.ends)) for life in lives]
    events = sorted([(made, 0, made) for made, _ in spans] + [(ends, 1, made) for made, ends in spans])
    for at, kind, made in events:
        if at >= end:
            break
        if kind == 0:
            if at >= start:
                window.sessions += 1
                window.slots[hours(made - living[-1]) if living else 0] += 1
            if living:
                pair(living[-1], made, at)
            living.append(made)
            continue
        index = bisect_left(living, made)
        before = living[index - 1] if index else None
        after = living[index + 1] if index + 1 < len(living) else None
        if before is not None:
            part(before, made, at)
        if after is not None:
            part(made, after, at)
        if before is not None and after is not None:
            pair(before, after, at)
        del living[index]
        if at >= start and after is not None:
            window.freed[round(at - made), hours(made - before) if before is not None else 0, hours(after - made)] += 1
    for before, after in list(formed):
        part(before, after, end)
    window.gaps = {gap: days / window.days for gap, days in sorted(lasted.items()) if days}
    begun = min((made for made, _ in spans), default=end)
    window.whole = max(0.0, end - max(start, begun)) / window.days


def _moment(days: float) -> float:
    """The same number for the same minute: sums of fractions of days miss each other by the last digit.

    Two points would otherwise be neighbours for no time at all, where one ends as another is made.
    """
    return round(days * _MINUTES) / _MINUTES


def hours(days: float) -> int:
    """Whole hours of a number of days; at least one, for two points are never the same."""
    return max(1, round(days * _HOURS))


def changed(gap: int, change: Band) -> Band:
    """How much of a database differs between two points that lie `gap` hours apart, as a share of it.

    Low: always the same rows change, so a longer gap brings no more than a day does. Expected: rows are hit at random,
    some of them twice. High: never the same row twice.
    """
    return _changed(gap, change.low, change.expected, change.high)


@cache
def _changed(gap: int, low: Decimal, expected: Decimal, high: Decimal) -> Band:
    days = gap / _HOURS
    least = min(1.0, float(low)) * min(days, 1.0)
    usual = _at_random(float(expected), days)
    most = max(_at_random(float(high), days), min(1.0, float(high) * days))
    return Band.of(*(Decimal(repr(round(share, 12))) for share in (least, usual, most)))


def _at_random(rate: float, days: float) -> float:
    return float(1 - (1 - min(1.0, rate)) ** days)


def freed_share(before: int, after: int, change: Band) -> Band:
    """How much of a database a point frees that lay between two gaps: what it holds less what its neighbour takes over."""
    own = changed(after, change)
    if not before:
        return own
    kept, both = changed(before, change), changed(before + after, change)
    shares = (
        kept.low + own.low - both.low,
        kept.expected + own.expected - both.expected,
        kept.high + own.high - both.high,
    )
    return Band.of(*(max(Decimal(0), share) for share in shares))


def stored_share(window: Window, change: Band) -> Band:
    """What is stored on average, as a multiple of a full."""
    gaps: Iterable[Band] = (changed(gap, change) * count for gap, count in window.gaps.items())
    result = Band.of(window.whole)
    for share in gaps:
        result += share
    return result


def new_share(window: Window, change: Band) -> Band:
    """What all sessions of the window add, as a multiple of a full; the first point adds a whole one."""
    result = Band.of(0)
    for gap, count in window.slots.items():
        result += Band.of(count) if gap == 0 else changed(gap, change) * count
    return result
