"""What runs while a session runs: staging copies, workers, transfers between regions."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_CEILING, Decimal

from holdfast.model.costs.assumptions import Assumptions
from holdfast.model.costs.inputs import Places, SizedDatabase
from holdfast.model.costs.ledger import Ledger
from holdfast.model.costs.machines import database_hour, machine
from holdfast.model.costs.money import GB, MONTH_DAYS, ONE, Band
from holdfast.model.costs.storing import Size, Times
from holdfast.model.policy import Policy

_HOUR = 3600
_MONTH_HOURS = MONTH_DAYS * 24
#: A copy takes that long whatever its size; cleanup and the steps between come on top.
_COPY_FIXED = Band.of(60, 120, 300)
_BETWEEN = Band.of(300, 600, 1200)


def staged(policy: Policy, database: SizedDatabase) -> bool:
    """Whether a copy of this database is made: the policy names a staging server of its kind."""
    if policy.staging is None:
        return False
    return bool(policy.staging.managed_instance if database.managed else policy.staging.sql_server)


def working_region(policy: Policy, database: SizedDatabase, places: Places) -> str:
    """Where the export runs: beside the copy, or beside the source."""
    if staged(policy, database):
        return (places.staging_managed_region if database.managed else places.staging_region) or database.region
    return database.region


def session_hours(policy: Policy, database: SizedDatabase, assumed: Assumptions) -> Band:
    """How long one session takes for a database that waits for no other."""
    seconds = _seconds(database, assumed.export_time.value) + _seconds(database, assumed.store_time.value)
    if staged(policy, database):
        seconds += _seconds(database, assumed.copy_time.value) + _COPY_FIXED
    return _hours(seconds + assumed.boot_time.value)


def session_lines(
    ledger: Ledger, policy: Policy, database: SizedDatabase, times: Times, assumed: Assumptions, places: Places
) -> None:
    """What one database makes run in all sessions of a month."""
    again = ONE + assumed.retries.value
    sessions = Band.of(times.monthly(times.steady.sessions)) * again
    at_first = Band.of(times.first.sessions) * again
    region = working_region(policy, database, places)
    if staged(policy, database):
        _staging(ledger, database, assumed, sessions, at_first)
        if region != database.region:
            moved = database.size * (Decimal(1) / GB)
            ledger.add("transfer-staging", database.name, "transfer.regions", moved * sessions, moved * at_first)
    work = _hours(_seconds(database, assumed.export_time.value) + _seconds(database, assumed.store_time.value))
    # Beside each other on one machine they may take turns for all that one knows; at best they do not.
    shared = Band.of(Decimal(1) / places.worker.parallel, 1, 1)
    hour = machine(ledger, places.worker.size)
    ledger.add(
        "worker-backup",
        database.name,
        hour.price,
        work * shared * sessions,
        work * shared * at_first,
        factor=hour.factor,
    )
    _disk(ledger, database.name, work * shared * sessions, work * shared * at_first)
    if places.repository_region and region and region != places.repository_region:
        _to_repository(ledger, database, times, assumed)


def archive_run_lines(
    ledger: Ledger, database: SizedDatabase, times: Times, assumed: Assumptions, places: Places
) -> None:
    """Workers that archive, in the region of the repository, and what they move."""
    again = ONE + assumed.retries.value
    copies = Band.of(times.monthly(times.steady.archived)) * again
    at_first = Band.of(times.first.archived) * again
    work = _hours(_seconds(database, assumed.store_time.value) * 2)
    hour = machine(ledger, places.worker.size)
    ledger.add("worker-archive", database.name, hour.price, work * copies, work * at_first, factor=hour.factor)
    _disk(ledger, database.name, work * copies, work * at_first)
    if places.archive_region and places.archive_region != (places.repository_region or database.region):
        moved = Size.of(database, assumed).full * (Decimal(1) / GB)
        ledger.add("transfer-archive", database.name, "transfer.regions", moved * copies, moved * at_first)


def shared_lines(
    ledger: Ledger,
    policy: Policy,
    databases: Sequence[SizedDatabase],
    times: Times,
    assumed: Assumptions,
    places: Places,
) -> None:
    """What sessions cost whatever is in them: starting workers, retention, disks of workers that wait."""
    in_region: dict[str, int] = {}
    for database in databases:
        region = working_region(policy, database, places)
        in_region[region] = in_region.get(region, 0) + 1
    workers = sum(min(places.worker.max_workers, -(-n // places.worker.parallel)) for n in in_region.values())
    again = ONE + assumed.retries.value
    sessions = Band.of(times.monthly(times.steady.sessions))
    at_first = Band.of(times.first.sessions)
    hour = machine(ledger, places.worker.size)
    boots = _hours(assumed.boot_time.value) * workers * again
    ledger.add("worker-boot", "", hour.price, boots * sessions, boots * at_first, factor=hour.factor)
    upkeep = _hours(assumed.upkeep_time.value)
    ledger.add("worker-upkeep", "", hour.price, upkeep * sessions, upkeep * at_first, factor=hour.factor)
    idle = _hours(Band.of(places.worker.idle_minutes * 60)) * (workers + 1)
    running = boots + upkeep + idle
    _disk(ledger, "", _at_most(running * sessions, workers + 1), _at_most(running * at_first, workers + 1))


def _staging(ledger: Ledger, database: SizedDatabase, assumed: Assumptions, sessions: Band, at_first: Band) -> None:
    seconds = _seconds(database, assumed.copy_time.value) + _COPY_FIXED
    seconds += _seconds(database, assumed.export_time.value) + _BETWEEN
    exact = _hours(seconds)
    started = Band.of(*(h.to_integral_value(ROUND_CEILING) for h in (exact.low, exact.expected, exact.high)))
    gb = database.size * (Decimal(1) / GB)
    if database.managed:
        # The instance is there and paid for; a copy takes of its storage for as long as it stands.
        ledger.note("a staging instance is taken as paid for: copies on it cost their storage alone")
        ledger.add(
            "staging-storage",
            database.name,
            "sql.stored",
            gb * exact * sessions * (Decimal(1) / _MONTH_HOURS),
            gb * exact * at_first * (Decimal(1) / _MONTH_HOURS),
        )
        return
    hour = database_hour(ledger, database.objective, database.size)
    # All but serverless are billed by the started hour.
    stands = exact if hour.price == "sql.serverless" else started
    ledger.add("staging-compute", database.name, hour.price, stands * sessions, stands * at_first, factor=hour.factor)
    if hour.storage:
        ledger.add(
            "staging-storage",
            database.name,
            hour.storage,
            gb * started * sessions * (Decimal(1) / _MONTH_HOURS),
            gb * started * at_first * (Decimal(1) / _MONTH_HOURS),
        )


def _to_repository(ledger: Ledger, database: SizedDatabase, times: Times, assumed: Assumptions) -> None:
    full = Size.of(database, assumed).full * (Decimal(1) / GB)
    back = assumed.base_read.value
    steady = times.steady_shares.fresh * times.monthly(1) + back * times.monthly(times.steady.sessions)
    first = times.first_shares.fresh + back * max(0, times.first.sessions - 1)
    ledger.add("transfer-backup", database.name, "transfer.regions", full * steady, full * first)


def _disk(ledger: Ledger, name: str, steady_hours: Band, first_hours: Band) -> None:
    part = Decimal(1) / _MONTH_HOURS
    ledger.add("worker-disks", name, "disk.os", steady_hours * part, first_hours * part)


def _at_most(hours: Band, machines: int) -> Band:
    most = Decimal(machines * _MONTH_HOURS)
    return Band.of(*(min(value, most) for value in (hours.low, hours.expected, hours.high)))


def _seconds(database: SizedDatabase, each_gb: Band) -> Band:
    return database.size * each_gb * (Decimal(1) / GB)


def _hours(seconds: Band) -> Band:
    return seconds * (Decimal(1) / _HOUR)
