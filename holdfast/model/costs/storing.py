"""What the two repositories hold and what is done to them: bytes, calls, locks, early deletions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from holdfast.model.costs.assumptions import Assumptions
from holdfast.model.costs.inputs import Places, SizedDatabase
from holdfast.model.costs.ledger import Ledger
from holdfast.model.costs.lives import Life
from holdfast.model.costs.money import GB, MONTH_DAYS, Band
from holdfast.model.costs.timeline import Window, first_window, freed_share, new_share, steady_window, stored_share
from holdfast.model.policy_advice import ARCHIVE_MINIMUM_DAYS

#: Days that Azure bills at least for what lies in a tier.
LEAST_DAYS: Mapping[str, int] = {"hot": 0, "cool": 30, "cold": 90, "archive": ARCHIVE_MINIMUM_DAYS}
#: What `repository.points.writing` closes packs at; this folder may not ask it, a test compares them.
PACK_BYTES, ARCHIVE_PACK_BYTES = 16 << 20, 48 << 20
#: Bytes of one request that reads a part of a pack.
READ_BYTES = 4 << 20
#: Objects of a point beside its data packs: manifest, locator, index, recipes.
POINT_OBJECTS = 4
#: Locks are extended at most once in a generation of so many days.
GENERATION_DAYS = 10
_LIST_PAGE = 5000
_CALLS = Decimal(10_000)


@dataclass(frozen=True)
class Shares:
    """What a window means for any database, as multiples of a full of it."""

    stored: Band
    """On average."""
    fresh: Band
    """Added by all sessions of the window."""
    freed: Band
    """Gone by the end of points."""
    early: Band
    """Days that are billed though the bytes are gone, times how much it is."""

    @classmethod
    def of(cls, window: Window, change: Band, tier: str) -> Shares:
        """Of a window, for databases that change so much a day."""
        freed, early = Band.of(0), Band.of(0)
        for (age, before, after), count in window.freed.items():
            share = freed_share(before, after, change) * count
            freed += share
            early += share * early_days(age, tier)
        return cls(stored_share(window, change), new_share(window, change), freed, early)


@dataclass(frozen=True)
class Times:
    """The two windows of an estimate: a year in steady state, and the first thirty days."""

    steady: Window
    first: Window
    steady_shares: Shares
    first_shares: Shares

    @classmethod
    def of(cls, lives: list[Life], assumed: Assumptions, tier: str) -> Times:
        """From two years of points."""
        steady, first, change = steady_window(lives), first_window(lives, MONTH_DAYS), assumed.change.value
        return cls(steady, first, Shares.of(steady, change, tier), Shares.of(first, change, tier))

    def monthly(self, of_window: float) -> float:
        """What happens in a steady year, in thirty days of it."""
        return of_window * MONTH_DAYS / self.steady.days


@dataclass(frozen=True)
class Size:
    """What a database takes: its bytes, and a full of it in a repository."""

    size: Band
    full: Band

    @classmethod
    def of(cls, database: SizedDatabase, assumed: Assumptions) -> Size:
        """Of a database."""
        return cls(database.size, database.size * assumed.compression.value)


def backup_lines(
    ledger: Ledger, database: SizedDatabase, times: Times, assumed: Assumptions, places: Places, *, immutable: bool
) -> None:
    """The backup repository."""
    full, tier, name = Size.of(database, assumed).full, places.tier, database.name
    steady, first, part = times.steady, times.first, times.monthly(1)
    sessions = part * steady.sessions
    stored, at_first = full * times.steady_shares.stored, full * times.first_shares.stored
    ledger.add("backup-stored", name, f"blob.{tier}.stored", _gb(stored), _gb(at_first))
    objects = _objects(full * times.steady_shares.fresh * part, PACK_BYTES, sessions)
    objects_at_first = _objects(full * times.first_shares.fresh, PACK_BYTES, first.sessions)
    ledger.add("backup-writes", name, f"blob.{tier}.write", _calls(objects), _calls(objects_at_first))
    base = full * assumed.base_read.value
    again = max(0, first.sessions - 1)
    ledger.add("backup-reads", name, f"blob.{tier}.read", _reads(base * sessions), _reads(base * again))
    if tier != "hot":
        ledger.add("backup-reads", name, f"blob.{tier}.retrieval", _gb(base * sessions), _gb(base * again))
    there = _objects(stored, PACK_BYTES, steady.living)
    there_at_first = _objects(at_first, PACK_BYTES, first.living)
    lists, lists_at_first = _lists(there) * sessions, _lists(there_at_first) * first.sessions
    ledger.add("backup-lists", name, "blob.list", _calls(lists), _calls(lists_at_first))
    early, early_at_first = full * times.steady_shares.early * part, full * times.first_shares.early
    ledger.add("backup-fee", name, f"blob.{tier}.stored", _gb_months(early), _gb_months(early_at_first))
    if immutable:
        generations = Band.of(MONTH_DAYS / GENERATION_DAYS)
        calls, calls_at_first = objects + there * generations, objects_at_first + there_at_first * generations
        ledger.add("lock-calls", name, f"blob.{tier}.write", _calls(calls), _calls(calls_at_first))
        longer = Band.of(0, GENERATION_DAYS / 2, GENERATION_DAYS)
        held, held_at_first = full * times.steady_shares.freed * part, full * times.first_shares.freed
        ledger.add(
            "backup-locked",
            name,
            f"blob.{tier}.stored",
            _gb_months(held * longer),
            _gb_months(held_at_first * longer),
        )


def archive_lines(ledger: Ledger, database: SizedDatabase, times: Times, assumed: Assumptions, places: Places) -> None:
    """The archive repository. Every point there is a full in packs of its own."""
    full, name = Size.of(database, assumed).full, database.name
    steady, first = times.steady, times.first
    copies = times.monthly(steady.archived)
    ledger.add(
        "archive-stored",
        name,
        "blob.archive.stored",
        _gb(full * steady.archive_living),
        _gb(full * first.archive_living),
    )
    ledger.add(
        "archive-writes",
        name,
        "blob.archive.write",
        _calls(_objects(full * copies, ARCHIVE_PACK_BYTES, copies)),
        _calls(_objects(full * first.archived, ARCHIVE_PACK_BYTES, first.archived)),
    )
    ledger.add("archive-reads", name, f"blob.{places.tier}.read", _reads(full * copies), _reads(full * first.archived))
    early = sum(early_days(age, "archive") * count for age, count in steady.archive_ages.items())
    early_at_first = sum(early_days(age, "archive") * count for age, count in first.archive_ended.items())
    ledger.add(
        "archive-fee",
        name,
        "blob.archive.stored",
        _gb_months(full * times.monthly(early)),
        _gb_months(full * early_at_first),
    )


def early_days(age: int, tier: str) -> int:
    """Days that are billed for though the bytes are gone: (least days − age), never below none."""
    return max(0, LEAST_DAYS[tier] - age)


def _objects(count: Band, pack: int, points: float) -> Band:
    return count * (Decimal(1) / pack) + Band.of(points * POINT_OBJECTS)


def _lists(objects: Band) -> Band:
    pages = [-(-value // _LIST_PAGE) for value in (objects.low, objects.expected, objects.high)]
    return Band.of(*(max(Decimal(1), page) for page in pages))


def _gb(count: Band) -> Band:
    return count * (Decimal(1) / GB)


def _gb_months(byte_days: Band) -> Band:
    return byte_days * (Decimal(1) / (GB * MONTH_DAYS))


def _calls(count: Band) -> Band:
    return count * (1 / _CALLS)


def _reads(count: Band) -> Band:
    return _calls(count * (Decimal(1) / READ_BYTES))
