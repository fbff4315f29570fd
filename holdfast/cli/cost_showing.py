"""An estimate for people: the sum, what drives it, the lines, and where every figure comes from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from holdfast.cli.output import Column, Output, field, human_bytes, print_object, print_table, say
from holdfast.model.costs import Estimate
from holdfast.model.costs.money import Band

_MOST = 15
_PARTS = ("low", "expected", "high")


def show_estimate(found: Estimate, output: Output) -> None:
    """The whole estimate."""
    if output is Output.JSON:
        print_object(found.model_dump(mode="json"), output)
        return
    sign = found.currency
    points = found.points
    print_object(
        {
            "policy": found.policy,
            "a month": _range(found.month, sign),
            "the first month": _range(found.first_month, sign),
            "a year": _range(found.year, sign),
            "early-deletion fees a month": _range(found.fees, sign),
            "long-term retention instead": _range(found.ltr_only, sign) if found.ltr_only is not None else "–",
            "sessions a month": points.sessions_a_month,
            "points a database": f"{points.living}"
            + "".join(f", {flag} {count}" for flag, count in points.by_flag.items())
            + f", archive {points.archive_living}",
        },
        output,
    )
    print_table(
        [driver.model_dump() for driver in found.drivers],
        (
            field("title", "largest"),
            *(_part("month", part, _money) for part in _PARTS),
            Column("share", lambda d: f"{d['share']:.0%}", right=True),
        ),
        "what drives it",
    )
    print_table(
        [line.model_dump() for line in found.lines],
        (
            field("title", "a month of"),
            *(_part("month", part, _money) for part in _PARTS),
            Column("first month", lambda line: _money(line["first_month"]["expected"]), right=True),
            Column("how much, expected", _quantities),
        ),
        f"lines, {sign}",
    )
    _show_databases(found)
    print_table(
        [quote.model_dump() for quote in found.restore],
        (
            field("database"),
            field("origin", "from"),
            field("priority"),
            Column("hours", lambda q: f"{q['hours']['low']:.1f} – {q['hours']['high']:.1f}", right=True),
            *(_part("total", part, _money) for part in _PARTS),
        ),
        f"one restore of the largest, {sign}",
    )
    print_table(
        [line.model_dump() for line in found.assumptions],
        (
            Column("taken for granted", lambda line: line["name"].replace("_", " ")),
            *(_part("value", part, _plain) for part in _PARTS),
            field("unit"),
            field("source", "from"),
        ),
        "where the figures come from",
    )
    tell_prices(found)
    for note in found.notes:
        say(f"note: {note}")


def tell_summary(found: Estimate) -> None:
    """The estimate in a few lines of talk, for commands that do something else."""
    sign = found.currency
    say(f"cost a month: {_range(found.month, sign)}; the first month: {_range(found.first_month, sign)}")
    if found.drivers:
        named = "; ".join(f"{d.title} {_money(d.month.expected)} ({d.share:.0%})" for d in found.drivers)
        say(f"largest: {named}")
    if not found.fees.nothing:
        say(f"of it early-deletion fees: {_range(found.fees, sign)}")
    for quote in found.restore:
        how = f" ({quote.priority} priority)" if quote.priority else ""
        say(f"one restore of {quote.database} from {quote.origin}{how}: {_range(quote.total, sign)}")
    tell_prices(found)


def tell_prices(found: Estimate) -> None:
    """How sure the prices are."""
    used = found.prices
    say(
        f"prices: {used.region}, {used.as_of}; {len(used.unverified)} of {len(used.used)} unverified. "
        "`holdfast cost refresh` reads Azure's list."
    )


def _show_databases(found: Estimate) -> None:
    ranked = sorted(found.databases, key=lambda d: (-d.month.expected, d.source))
    print_table(
        [database.model_dump() for database in ranked[:_MOST]],
        (
            field("source", "database"),
            field("region"),
            Column("size", lambda d: human_bytes(int(d["size"]["expected"])), right=True),
            field("size_from", "from"),
            *(_part("month", part, _money) for part in _PARTS),
        ),
        "databases" if len(ranked) <= _MOST else f"the {_MOST} largest of {len(ranked):,} databases",
    )


def _money(amount: Any) -> str:
    return f"{amount:,.2f}"


def _range(band: Band, sign: str) -> str:
    return f"{_money(band.expected)} {sign} ({_money(band.low)} – {_money(band.high)})"


def _plain(amount: Any) -> str:
    return f"{float(amount):g}"


def _part(of: str, part: str, shown: Callable[[Any], str]) -> Column:
    return Column(part, lambda line: shown(line[of][part]), right=True)


def _quantities(line: Mapping[str, Any]) -> str:
    return ", ".join(f"{float(count['expected']):,.2f} × {unit}" for unit, count in line["quantities"].items())
