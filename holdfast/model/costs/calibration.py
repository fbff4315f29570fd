"""Past sessions make the assumptions better. Pure: what sessions took and stored in, rates and their sources out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from statistics import median, quantiles

from holdfast.model.costs.assumptions import Assumption, Assumptions
from holdfast.model.costs.money import GB, Band

#: Below these bytes a duration says more of what every step takes for itself than of a rate, a size more of its frame than
#: of its rows.
LEAST_FOR_RATES, LEAST_FOR_SHARES = 100 * 10**6, 10**6
#: From so many measurements on the outer tenth is left out; of fewer, the extremes are stretched.
_MANY = 10
_STRETCH = 1.25
_SECONDS_A_DAY = 86_400


@dataclass(frozen=True)
class Measurement:
    """One database in one past session."""

    session: str
    source: str
    inflated_bytes: int
    stored_bytes: int
    full: bool
    since_last: timedelta | None = None
    """From the point before; None where there is none."""
    copy_time: timedelta | None = None
    export_time: timedelta | None = None
    store_time: timedelta | None = None


def calibrated(measured: Sequence[Measurement], assumed: Assumptions) -> Assumptions:
    """The assumptions, with those replaced that were measured. Every one says where it comes from."""
    changes: dict[str, Assumption] = {}
    for name in ("copy_time", "export_time", "store_time"):
        rates = [
            (one, took.total_seconds() * GB / one.inflated_bytes)
            for one in measured
            if one.inflated_bytes >= LEAST_FOR_RATES
            for took in [getattr(one, name)]
            if took is not None and took > timedelta(0)
        ]
        changes |= _replaced(name, rates, assumed)
    whole = [one for one in measured if one.inflated_bytes >= LEAST_FOR_SHARES]
    changes |= _replaced("compression", [(one, _share(one)) for one in whole if one.full], assumed)
    each = float(changes.get("compression", assumed.compression).value.expected)
    changes |= _replaced("change", list(_changes(whole, each)), assumed)
    return assumed.model_copy(update=changes)


def _changes(measured: Iterable[Measurement], compression: float) -> Iterable[tuple[Measurement, float]]:
    """The share of the rows that changes in a day, from what an increment stored."""
    for one in measured:
        days = one.since_last / timedelta(days=1) if one.since_last is not None else 0
        if one.full or days * _SECONDS_A_DAY < 60 or compression <= 0:
            continue
        share = min(1.0, _share(one) / compression)
        yield one, 1 - (1 - share) ** (1 / days)


def _share(one: Measurement) -> float:
    return one.stored_bytes / one.inflated_bytes


def _replaced(name: str, found: list[tuple[Measurement, float]], assumed: Assumptions) -> dict[str, Assumption]:
    if not found:
        return {}
    values = sorted(value for _, value in found)
    if len(values) >= _MANY:
        cuts = quantiles(values, n=10, method="inclusive")
        low, high = cuts[0], cuts[-1]
    else:
        low, high = values[0] / _STRETCH, values[-1] * _STRETCH
    sessions = sorted({one.session for one, _ in found})
    where = sessions[0] if len(sessions) == 1 else f"{len(sessions)} sessions, {sessions[0]} to {sessions[-1]}"
    band = Band.of(*(round(value, 6) for value in (low, median(values), high)))
    source = f"measured {len(found)} times in {where}"
    return {name: Assumption(value=band, unit=getattr(assumed, name).unit, source=source)}
