"""What it costs to read a point back: a restore, a drill, a rehydration."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from holdfast.model.costs.assumptions import Assumptions
from holdfast.model.costs.inputs import Places, SizedDatabase
from holdfast.model.costs.ledger import Ledger
from holdfast.model.costs.machines import Hourly, machine, smallest
from holdfast.model.costs.money import GB, MONTH_DAYS, ONE, Band, total
from holdfast.model.costs.storing import ARCHIVE_PACK_BYTES, READ_BYTES, Size, Times, early_days
from holdfast.model.policy import Policy

_HOUR = 3600
_MONTH_HOURS = MONTH_DAYS * 24
#: What is rehydrated lies in the hot tier for so many days before it is put back.
_REHYDRATED_DAYS = Band.of(1, 7, 30)
#: Azure rehydrates within fifteen hours, or ten GiB an hour and account at high priority.
_STANDARD_HOURS, _HIGH_BYTES = Band.of(1, 10, 15), 10 * 1024**3
#: A restored database runs that long before somebody decides what becomes of it.
_LOOKED_AT_HOURS = Band.of(1, 4, 24)

Priority = Literal["standard", "high"]


class Quote(BaseModel):
    """What one restore costs, and how long it takes."""

    model_config = ConfigDict(frozen=True)

    database: str
    origin: Literal["backup", "archive"] = Field(description="the repository that is read")
    priority: Priority | None = Field(description="of the rehydration; null where none is needed")
    hours: Band
    total: Band
    parts: dict[str, Band] = Field(description="the parts of the total by what they are for")


def leaving_archive(
    ledger: Ledger, count: Band, objects: Band, age_days: Band, *, priority: Priority = "standard"
) -> Mapping[str, Band]:
    """What it costs to read so many bytes of that age out of the archive tier: retrieval, reads, and what is left of the
    least stay, which Azure bills because what is rehydrated in place has left the tier."""
    gb = count * (Decimal(1) / GB)
    key = "blob.archive.retrieval" if priority == "standard" else "blob.archive.retrieval_high"
    # The older, the cheaper: the low is that of the oldest.
    left = Band.of(*(early_days(round(age), "archive") for age in (age_days.low, age_days.expected, age_days.high)))
    return {
        "retrieval": (ledger.price(key) * gb).rounded(),
        "reads": (ledger.price("blob.archive.read") * objects * (Decimal(1) / 10_000)).rounded(),
        "early deletion": (ledger.price("blob.archive.stored") * gb * left * (Decimal(1) / MONTH_DAYS)).rounded(),
    }


def quotes(ledger: Ledger, database: SizedDatabase, times: Times, assumed: Assumptions, places: Places) -> list[Quote]:
    """One restore of one database: from the backup repository, and from the archive where there is one."""
    found = [_quote(ledger, database, assumed, places, "backup", None, {}, Band.of(0))]
    if times.steady.archived:
        full = Size.of(database, assumed).full
        oldest = max(times.steady.archive_ages)
        packs = full * (Decimal(1) / ARCHIVE_PACK_BYTES) + ONE
        for priority in ("standard", "high"):
            age = Band.of(0, oldest / 2, oldest)
            fees = dict(leaving_archive(ledger, full, packs, age, priority=priority))
            hot = ledger.price("blob.hot.stored") * full * _REHYDRATED_DAYS
            fees["hot while rehydrated"] = (hot * (Decimal(1) / (GB * MONTH_DAYS))).rounded()
            wait = _STANDARD_HOURS if priority == "standard" else full * (Decimal(1) / _HIGH_BYTES)
            found.append(_quote(ledger, database, assumed, places, "archive", priority, fees, wait))
    return found


def _quote(
    ledger: Ledger,
    database: SizedDatabase,
    assumed: Assumptions,
    places: Places,
    origin: Literal["backup", "archive"],
    priority: Priority | None,
    fees: dict[str, Band],
    wait: Band,
) -> Quote:
    full = Size.of(database, assumed).full
    work = _work_hours(database, assumed)
    hour, target = machine(ledger, places.worker.size), _target(database, managed=database.managed)
    gb = database.size * (Decimal(1) / GB)
    parts = {
        **fees,
        "reads from the repository": _reads(ledger, full, "hot" if origin == "archive" else places.tier),
        "worker": (ledger.price(hour.price) * hour.factor * work).rounded(),
        "target database": (ledger.price(target.price) * target.factor * (work + _LOOKED_AT_HOURS)).rounded(),
        "target storage": (
            ledger.price("sql.stored") * gb * (work + _LOOKED_AT_HOURS) * (Decimal(1) / _MONTH_HOURS)
        ).rounded(),
    }
    origin_region = places.archive_region if origin == "archive" else places.repository_region
    if origin_region and database.region and origin_region != database.region:
        parts["transfer"] = (ledger.price("transfer.regions") * full * (Decimal(1) / GB)).rounded()
    return Quote(
        database=database.name,
        origin=origin,
        priority=priority,
        hours=(wait + work).rounded(),
        total=total(parts.values()),
        parts=parts,
    )


def drill_lines(ledger: Ledger, policy: Policy, database: SizedDatabase, assumed: Assumptions, places: Places) -> None:
    """Every database restored every so many days, into the smallest database that holds it, compared and dropped."""
    if policy.drill is None or policy.drill.every.days == 0:
        return
    drills = Band.of(MONTH_DAYS / policy.drill.every.days) * (ONE + assumed.retries.value)
    at_first = Band.of(MONTH_DAYS // policy.drill.every.days) * (ONE + assumed.retries.value)
    work = _work_hours(database, assumed)
    hour = machine(ledger, places.worker.size)
    ledger.add("drill-worker", database.name, hour.price, work * drills, work * at_first, factor=hour.factor)
    reads = Size.of(database, assumed).full * (Decimal(1) / (READ_BYTES * 10_000))
    ledger.add("drill-worker", database.name, f"blob.{places.tier}.read", reads * drills, reads * at_first)
    target = _target(database, managed="managedinstances" in policy.drill.target.lower())
    stands = work + Band.of(Decimal("0.2"), Decimal("0.5"), 1)
    ledger.add("drill-database", database.name, target.price, stands * drills, stands * at_first, factor=target.factor)


def _target(database: SizedDatabase, *, managed: bool) -> Hourly:
    hour = smallest(database.size)
    # An instance is there already.
    return Hourly(hour.price, Band.of(0), hour.storage) if managed else hour


def _work_hours(database: SizedDatabase, assumed: Assumptions) -> Band:
    each = assumed.import_time.value + assumed.store_time.value
    seconds = database.size * each * (Decimal(1) / GB) + assumed.boot_time.value
    return seconds * (Decimal(1) / _HOUR)


def _reads(ledger: Ledger, full: Band, tier: str) -> Band:
    calls = ledger.price(f"blob.{tier}.read") * full * (Decimal(1) / (READ_BYTES * 10_000))
    if tier in ("cool", "cold"):
        calls += ledger.price(f"blob.{tier}.retrieval") * full * (Decimal(1) / GB)
    return calls.rounded()


def quote_point(
    ledger: Ledger,
    database: SizedDatabase,
    assumed: Assumptions,
    places: Places,
    *,
    stored: int,
    age_days: int,
    priority: Priority | None = None,
) -> Quote:
    """One restore of one point: `stored` bytes of that age, in the archive tier where there is a `priority`."""
    if priority is None:
        return _quote(ledger, database, assumed, places, "backup", None, {}, Band.of(0))
    full = Band.of(stored)
    packs = full * (Decimal(1) / ARCHIVE_PACK_BYTES) + ONE
    fees = dict(leaving_archive(ledger, full, packs, Band.of(age_days), priority=priority))
    hot = ledger.price("blob.hot.stored") * full * _REHYDRATED_DAYS
    fees["hot while rehydrated"] = (hot * (Decimal(1) / (GB * MONTH_DAYS))).rounded()
    wait = _STANDARD_HOURS if priority == "standard" else full * (Decimal(1) / _HIGH_BYTES)
    return _quote(ledger, database, assumed, places, "archive", priority, fees, wait)
