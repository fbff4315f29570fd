"""The catalog as a whole: its tables, their names, the version of their schema."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from holdfast.catalog.details import Details
from holdfast.catalog.failures import CatalogTooNew
from holdfast.catalog.jobs import Jobs
from holdfast.catalog.known_sources import KnownSources
from holdfast.catalog.log import Log
from holdfast.catalog.outbox import Outbox
from holdfast.catalog.points import Points
from holdfast.catalog.policies import Policies
from holdfast.catalog.promises import Promises
from holdfast.catalog.retention import Retention
from holdfast.catalog.retention_runs import RetentionRuns
from holdfast.catalog.sessions import Sessions
from holdfast.catalog.source_runs import SourceRuns
from holdfast.catalog.standing import Standing, standings
from holdfast.catalog.tables import Row, Table
from holdfast.catalog.workers import Workers
from holdfast.model.clock import Clock, iso

if TYPE_CHECKING:
    from azure.data.tables import TableServiceClient
    from azure.storage.blob import ContainerClient

#: Raised with every change that an older version would misread.
SCHEMA_VERSION = 1
#: All tables of the catalog; the prefix keeps them apart from those of the durable task hub in the same account.
TABLES = (
    "holdfastmeta",
    "holdfastpolicies",
    "holdfastsessions",
    "holdfastsources",
    "holdfastpoints",
    "holdfastworkers",
    "holdfastjobs",
    "holdfastlog",
    "holdfastknown",
    "holdfastoutbox",
    "holdfastpromises",
    "holdfastretention",
)


class Catalog:
    """The configuration database. Making one of these does nothing on the wire."""

    def __init__(self, tables: TableServiceClient, details: ContainerClient, clock: Clock) -> None:
        self._details = Details(details)
        self._clock = clock
        meta, policies, sessions, sources, points, workers, jobs, log, known, outbox, promises, retention = (
            Table(tables, name, self._details, always_away=("details",)) for name in TABLES
        )
        self._meta = meta
        self.policies = Policies(policies, clock)
        self.sessions = Sessions(sessions, SourceRuns(sources, clock), clock)
        self.points = Points(points, clock)
        self.workers = Workers(workers, clock)
        self.jobs = Jobs(jobs, clock)
        self.log = Log(log, clock)
        self.known = KnownSources(known)
        self.outbox = Outbox(outbox, clock)
        self.promises = Promises(promises, clock)
        self.retention = Retention(retention, clock)
        self.retention_runs = RetentionRuns(retention, clock)

    def standings(
        self, *, policy: str | None = None, database: str | None = None, chain: str | None = None
    ) -> Iterator[Standing]:
        """How every point stands with retention at this moment; see `standing.standings`."""
        policies = {stored.policy.name: stored.policy for stored in self.policies.list()}
        return standings(
            self.points,
            self.retention,
            policies,
            self._clock.now(),
            policy=policy,
            database=database,
            chain=chain,
        )

    def check_version(self) -> int:
        """The version of the schema, recorded where there is none. Raises CatalogTooNew."""

        def edit(row: Row | None) -> Row | None:
            if row is None:
                return Row("schema", "version", {"version": SCHEMA_VERSION, "since": iso(self._clock.now())})
            return None

        row = self._meta.change("schema", "version", edit)
        found = row.values.get("version") if row is not None else SCHEMA_VERSION
        if not isinstance(found, int) or found > SCHEMA_VERSION:
            raise CatalogTooNew(f"it has schema {found}, this version reads up to {SCHEMA_VERSION}")
        return found
