"""The estimate of a policy: what it will store, move, run and pay. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal

from holdfast.model.costs.assumptions import Assumptions
from holdfast.model.costs.inputs import Places, SizedDatabase, SizesFile
from holdfast.model.costs.ledger import TITLES, Ledger
from holdfast.model.costs.lives import play
from holdfast.model.costs.money import GB, MONTH_DAYS, YEAR_DAYS, ZERO, Band, total
from holdfast.model.costs.prices import PriceList, packaged_prices
from holdfast.model.costs.report import (
    AssumptionLine,
    CostLine,
    DatabaseCost,
    Driver,
    Estimate,
    PointCounts,
    PricesUsed,
)
from holdfast.model.costs.restoring import drill_lines, quotes
from holdfast.model.costs.running import archive_run_lines, session_hours, session_lines, shared_lines
from holdfast.model.costs.storing import Times, archive_lines, backup_lines
from holdfast.model.costs.timeline import MOST_YEARS
from holdfast.model.policy import Policy
from holdfast.model.schedule import most_frequent

_DRIVERS = 3
#: What a long-term retention backup takes of the database's size: Azure compresses it.
_LTR_COMPRESSION = Band.of(Decimal("0.2"), Decimal("0.35"), Decimal("0.6"))
_NOT_COUNTED = (
    "not counted: the Functions app and its state account, Key Vault, logs, the staging instance itself, tax, discounts"
)


def estimate(
    policy: Policy,
    databases: Sequence[SizedDatabase],
    *,
    on: date,
    prices: PriceList | None = None,
    assumed: Assumptions | None = None,
    places: Places | None = None,
    notes: Sequence[str] = (),
) -> Estimate:
    """What the policy costs with these databases, if every slot succeeds from `on` or its start date."""
    ledger = Ledger(prices or packaged_prices())
    assumed, places = assumed or Assumptions(), places or Places()
    lives = play(policy, on, 2 * YEAR_DAYS)
    times = Times.of(lives, assumed, places.tier)
    for database in databases:
        backup_lines(ledger, database, times, assumed, places, immutable=policy.immutable)
        session_lines(ledger, policy, database, times, assumed, places)
        if times.steady.archived or times.first.archived:
            archive_lines(ledger, database, times, assumed, places)
            archive_run_lines(ledger, database, times, assumed, places)
        drill_lines(ledger, policy, database, assumed, places)
    if databases:
        shared_lines(ledger, policy, databases, times, assumed, places)
    largest = max(databases, key=lambda d: (d.size.expected, d.name), default=None)
    restores = quotes(ledger, largest, times, assumed, places) if largest is not None and lives else []
    instead = _long_term_retention(ledger, databases, times)
    _say(ledger, policy, databases, notes)
    for text in _too_long(policy, databases, times, assumed):
        ledger.note(text)
    if any(life.ends - life.made > MOST_YEARS * YEAR_DAYS for life in lives):
        ledger.note(f"what is kept for more than {MOST_YEARS} years counts as kept for {MOST_YEARS}")
    return _report(ledger, policy, databases, times, assumed).model_copy(
        update={"restore": restores, "ltr_only": instead, "notes": ledger.notes}
    )


def estimate_given(policy: Policy, sizes: SizesFile, prices: PriceList | None = None) -> Estimate:
    """An estimate from today on of what people wrote down themselves."""
    return estimate(
        policy,
        [database.sized() for database in sizes.databases],
        on=datetime.now(UTC).astimezone(policy.zone).date(),
        prices=prices,
        assumed=sizes.assumptions.over(Assumptions()),
        places=sizes.places,
    )


def _say(ledger: Ledger, policy: Policy, databases: Sequence[SizedDatabase], notes: Sequence[str]) -> None:
    for text in notes:
        ledger.note(text)
    if most_frequent(policy.schedules) is None:
        ledger.note("the policy has no schedule: backups on demand are not estimated")
    if not databases:
        ledger.note("the policy selects no database")
    regions = sorted({d.region for d in databases if d.region} - {ledger.prices.region})
    if regions:
        ledger.note(f"prices are those of {ledger.prices.region}; databases lie in {', '.join(regions)}")
    if any(entry.item == "archive-fee" for entry in ledger.entries):
        ledger.note(
            "archive copies end before they are 180 days old: Azure bills the rest of the 180 days all the same"
        )
    ledger.note(_NOT_COUNTED)


def _too_long(policy: Policy, databases: Sequence[SizedDatabase], times: Times, assumed: Assumptions) -> Iterator[str]:
    gaps = [gap for gap, _ in times.steady.slots.most_common() if gap]
    if not gaps:
        return
    late = [d.name for d in databases if session_hours(policy, d, assumed).expected > gaps[0]]
    if late:
        yield (
            f"slots lie {gaps[0]} hours apart; a session is expected to take longer for {', '.join(late[:3])}"
            + (f" and {len(late) - 3} more" if len(late) > 3 else "")
        )


def _report(
    ledger: Ledger, policy: Policy, databases: Sequence[SizedDatabase], times: Times, assumed: Assumptions
) -> Estimate:
    lines = _lines(ledger)
    month, first = total(line.month for line in lines), total(line.first_month for line in lines)
    by_database = ledger.sums(lambda entry: entry.database)
    unverified = sorted(key for key in ledger.used if ledger.prices.prices[key].mark == "unverified")
    return Estimate(
        policy=policy.name,
        currency=ledger.prices.currency,
        month=month,
        first_month=first,
        year=(month * (Decimal(YEAR_DAYS) / MONTH_DAYS)).rounded(),
        drivers=_drivers(lines, month),
        lines=lines,
        databases=[
            DatabaseCost(
                source=d.name,
                region=d.region,
                size=d.size,
                size_from=d.size_from,
                month=by_database.get(d.name, (ZERO, ZERO))[0],
                first_month=by_database.get(d.name, (ZERO, ZERO))[1],
            )
            for d in databases
        ],
        shared=by_database.get("", (ZERO, ZERO))[0],
        points=PointCounts(
            sessions_a_month=round(times.monthly(times.steady.sessions), 2),
            sessions_in_first_month=times.first.sessions,
            living=round(times.steady.living, 2),
            by_flag={flag: round(count, 2) for flag, count in sorted(times.steady.by_flag.items())},
            archive_living=round(times.steady.archive_living, 2),
            archived_a_year=times.steady.archived,
        ),
        assumptions=[
            AssumptionLine(name=name, value=one.value, unit=one.unit, source=one.source)
            for name, one in ((name, getattr(assumed, name)) for name in Assumptions.model_fields)
        ],
        prices=PricesUsed(
            region=ledger.prices.region,
            as_of=ledger.prices.as_of,
            about=ledger.prices.about,
            used={key: ledger.prices.prices[key] for key in sorted(ledger.used)},
            unverified=unverified,
        ),
    )


def _lines(ledger: Ledger) -> list[CostLine]:
    sums = ledger.sums(lambda entry: entry.item)
    quantities: dict[str, dict[str, Band]] = {}
    for entry in ledger.entries:
        units = quantities.setdefault(entry.item, {})
        units[ledger.unit(entry)] = units.get(ledger.unit(entry), ZERO) + entry.quantity
    return [
        CostLine(
            item=item,
            title=title,
            month=sums[item][0],
            first_month=sums[item][1],
            quantities={unit: count.rounded() for unit, count in quantities[item].items()},
        )
        for item, title in TITLES.items()
        if item in sums
    ]


def _drivers(lines: Sequence[CostLine], month: Band) -> list[Driver]:
    ranked = sorted((line for line in lines if line.month.expected > 0), key=lambda line: -line.month.expected)
    return [
        Driver(
            item=line.item,
            title=line.title,
            month=line.month,
            share=round(float(line.month.expected / month.expected), 4),
        )
        for line in ranked[:_DRIVERS]
    ]


def _long_term_retention(ledger: Ledger, databases: Sequence[SizedDatabase], times: Times) -> Band | None:
    """What Azure's own long-term retention would ask for as many weekly, monthly and yearly points: each is a full."""
    kept = sum(count for flag, count in times.steady.by_flag.items() if flag != "D") + times.steady.archive_living
    if not kept or not databases:
        return None
    gb = total(d.size for d in databases) * (Decimal(1) / GB)
    price = ledger.price("sql.long_term_retention")
    return (gb * _LTR_COMPRESSION * Band.of(kept) * price).rounded()
