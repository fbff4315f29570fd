"""The catalog as a whole: its tables, their names, the installation that it belongs to."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING

from holdfast.catalog.details import Details
from holdfast.catalog.drills import Drills
from holdfast.catalog.jobs import Jobs
from holdfast.catalog.known_sources import KnownSources
from holdfast.catalog.log import Log
from holdfast.catalog.migrations import Schema
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
from holdfast.catalog.transfer import Transfer
from holdfast.catalog.turns import Turns
from holdfast.catalog.visits import Visits
from holdfast.catalog.workers import Workers
from holdfast.model.clock import Clock, iso
from holdfast.model.errors import Conflict

if TYPE_CHECKING:
    from azure.data.tables import TableServiceClient
    from azure.storage.blob import ContainerClient

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
    "holdfastturns",
    "holdfastdrills",
)


_INSTALLATION = ("installation", "id")


class Catalog:
    """The configuration database. Making one of these does nothing on the wire."""

    def __init__(self, tables: TableServiceClient, details: ContainerClient, clock: Clock) -> None:
        self._details = Details(details)
        self._clock = clock
        self.tables = {name: Table(tables, name, self._details, always_away=("details",)) for name in TABLES}
        meta, policies, sessions, sources, points, workers, jobs, log, known, outbox, promises, *others = (
            self.tables.values()
        )
        retention, turns, drills = others
        self._meta = meta
        self.schema = Schema(meta, self.tables, clock)
        self.transfer = Transfer(self, clock)
        self.visits = Visits(meta, clock)
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
        self.turns = Turns(turns, clock)
        self.drills = Drills(drills)

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

    def prepare(self) -> int:
        """Makes the catalog fit for this version: brings an older one forward, records the version of a new one.

        Gives back the version. Raises CatalogTooNew; Unavailable while another process brings it forward.
        """
        return self.schema.bring_forward()

    @property
    def installation(self) -> str:
        """The installation's id, made once, when it is first asked for."""

        def edit(row: Row | None) -> Row | None:
            if row is not None:
                return None
            return Row(*_INSTALLATION, {"id": str(uuid.uuid4()), "since": iso(self._clock.now())})

        row = self._meta.change(*_INSTALLATION, edit)
        if row is None:
            raise Conflict("the installation's id was removed while it was read")
        return row.text("id")

    def become(self, installation: str) -> None:
        """Takes another installation's id: this catalog continues that one's, which must be gone."""

        def edit(row: Row | None) -> Row | None:
            values = {"id": installation, "since": iso(self._clock.now())}
            if row is None:
                return Row(*_INSTALLATION, values)
            return None if row.text("id") == installation else row.with_values(**values)

        self._meta.change(*_INSTALLATION, edit)
