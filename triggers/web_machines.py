"""Pages of what works and where it lies: workers and leftovers, repositories, storage by tier."""

from __future__ import annotations

from collections import defaultdict

from holdfast.catalog import Worker
from holdfast.model.errors import HoldfastError, NotFound
from holdfast.model.session import Session
from holdfast.web.machines import ChannelRow, Doctor, Leftovers, MachinesPage, Standing, WorkerRow
from holdfast.web.repositories import RepositoriesPage, RepositoryRow, Volume
from holdfast.web.sessions import ENDED
from holdfast.wiring import Services
from triggers.http_restores import list_kept
from triggers.web_table import Shown, Visit, page


@page("GET", "machines", "workers, what stands in Azure because of us, notification channels")
def show_machines(visit: Visit) -> Shown:
    app = visit.app
    waiting = app.catalog.outbox.counts(list(app.settings.notification_channels))
    channels = []
    for name, channel in sorted(app.settings.notification_channels.items()):
        standing = app.catalog.outbox.standing(name)
        channels.append(
            ChannelRow(
                name=name,
                kind=channel.kind,
                waiting=waiting[name],
                failure=standing.failure,
                last_sent_at=standing.last_sent_at,
            )
        )
    return Shown(
        "machines.html", MachinesPage(workers=[_worker(one) for one in app.catalog.workers.list()], channels=channels)
    )


@page("GET", "leftovers", "machines and staging copies that carry our mark, asked of Azure now, and which nobody needs")
def show_leftovers(visit: Visit) -> Shown:
    app = visit.app
    try:
        return Shown("leftovers.html", Leftovers(standing=[*_machines(app), *_copies(app), *_kept(visit)]))
    except HoldfastError as error:
        return Shown("leftovers.html", Leftovers(standing=[], unreachable=f"{error.title}: {error.detail}"))


@page("GET", "doctor", "every right, setting and service that the policies need, with what mends it; asks Azure now")
def show_doctor(visit: Visit) -> Shown:
    policies = [stored.policy for stored in visit.app.catalog.policies.list()]
    found = visit.app.doctor.examine(policies)
    found.sort(key=lambda one: ("failed", "warning", "ok").index(one.verdict))
    return Shown("doctor.html", Doctor(findings=found))


@page("GET", "repositories", "repositories: size, points, last proof, locks, holds")
def show_repositories(visit: Visit) -> Shown:
    return Shown("repositories.html", _repositories(visit.app))


@page("GET", "storage", "the part of the overview that shows storage by tier")
def show_storage(visit: Visit) -> Shown:
    return Shown("storage.html", _repositories(visit.app))


def _worker(worker: Worker) -> WorkerRow:
    names = set(WorkerRow.model_fields) - {"sessions"}
    return WorkerRow(**worker.model_dump(include=names), sessions=sorted(set(worker.slots.values())))


def _machines(app: Services) -> list[Standing]:
    known = {worker.name: worker for worker in app.catalog.workers.list()}
    found = []
    for machine in app.machines.list(app.settings.installation):
        worker = known.get(machine.name)
        why = "" if worker else "no worker of that name is known"
        if worker and worker.state in ("failed", "deleting"):
            why = f"the worker is {worker.state}"
        session = worker.last_session if worker else None
        found.append(Standing(kind="machine", name=machine.name, region=machine.region, session=session, leftover=why))
    return found


def _copies(app: Services) -> list[Standing]:
    found = []
    for copy in app.servers.list_copies(app.settings.installation):
        why = "its session has ended" if _is_over(app, copy.session) else ""
        if copy.expires_at is not None and copy.expires_at < app.clock.now():
            why = "its time is up"
        name = f"{copy.server}/{copy.name}"
        found.append(
            Standing(
                kind="staging copy",
                name=name,
                region=copy.region,
                session=copy.session,
                leftover=why,
                expires_at=copy.expires_at,
            )
        )
    return found


def _kept(visit: Visit) -> list[Standing]:
    """Databases that restores kept: a person decides about them, and about nothing else of ours that lasts."""
    return [
        Standing(
            kind="kept database",
            name=one["name"],
            region="",
            session=one["session"],
            leftover=f"it {one['why']}; its time is over, decide" if one["due"] else "",
            expires_at=one["until"],
        )
        for one in list_kept(visit.call()).value["value"]
    ]


def _is_over(app: Services, session: str) -> bool:
    try:
        found: Session = app.catalog.sessions.get(session, sources=False)
    except NotFound:
        return True
    return found.state in ENDED


def _repositories(app: Services) -> RepositoriesPage:
    """From the catalog's own rows: the repositories themselves are read by workers alone."""
    volumes: defaultdict[str, Volume] = defaultdict(Volume)
    chains: defaultdict[str, set[str]] = defaultdict(set)
    for point in app.catalog.points.everything():
        volume = volumes[point.repository]
        if point.state != "present":
            volume.absent += 1
            continue
        chains[point.repository].add(point.chain)
        volume.points += 1
        volume.stored_bytes += point.stored_bytes
        volume.inflated_bytes += point.inflated_bytes
        volume.newest_at = max(point.created_at, volume.newest_at or point.created_at)
    proofs, holds = app.catalog.retention.proofs(), app.catalog.retention.holds()
    policies = [stored.policy for stored in app.catalog.policies.list()]
    rows = []
    for name, settings in sorted(app.settings.repositories.items()):
        sure = [one.at for one in proofs if one.repository == name]
        rows.append(
            RepositoryRow(
                name=name,
                tier="archive" if settings.archive else "backup",
                region=settings.region,
                url=settings.url,
                volume=volumes[name].model_copy(update={"chains": len(chains[name])}),
                locked_by=[one.name for one in policies if one.immutable and name in (one.repository, one.archive)],
                last_proof=max(sure, default=None),
                proven=len(sure),
                held=sum(one.repository == name for one in holds),
            )
        )
    return RepositoriesPage(repositories=rows, stored_bytes=sum(row.volume.stored_bytes for row in rows))
