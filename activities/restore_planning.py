"""The plan of a restore, and everything that can be known before it begins. Nothing here changes anything."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from holdfast.cloud.discovery import SYSTEM_DATABASES
from holdfast.model.costs.assumptions import Assumptions
from holdfast.model.costs.inputs import Place, Places, SizedDatabase
from holdfast.model.costs.ledger import Ledger
from holdfast.model.costs.money import Band
from holdfast.model.costs.restoring import Quote, quote_point
from holdfast.model.errors import HoldfastError, InvalidInput, NoSuchSource, StagingServerUnusable
from holdfast.model.plan import StagingServer
from holdfast.model.point import RestorePoint
from holdfast.model.restore.plan import (
    LONGEST_NAME,
    Priority,
    Replaced,
    RestorePlan,
    Verify,
    aside_name,
    temporary_name,
)
from holdfast.model.restore.report import PlanCheck
from holdfast.model.restore.size import size_for, sku_of, too_small
from holdfast.model.source import Source, SourceKind
from holdfast.wiring import Services

#: Signs that Azure takes in no name of a database.
_BAD_NAME = re.compile(r"[<>*%&:\\/?\x00-\x1f]|[. ]$")
_DEFAULT_OBJECTIVE = "GP_Gen5_2"

#: What no package holds, of any database.
_AFTERWARDS = (
    "let applications connect to it: firewall rules and private endpoints are the server's, not the database's",
    "give passwords, logins and secrets of credentials again: the session's report lists each, with a script",
    "switch on again what is set on a database and not in it: auditing, backup retention, alerts, change data capture",
)


class AskedRestore(BaseModel):
    """What somebody asked for. `to` is `server/database`, or the resource id that the database is to have."""

    model_config = ConfigDict(extra="forbid")

    point: str = Field(max_length=64)
    repository: str | None = Field(default=None, description="where several hold the point; absent: the backup one")
    to: str | None = Field(default=None, max_length=1024, description="`server/database`, or a database's resource id")
    original: bool = Field(
        default=False, description="in place of the database that the point was made of, which is renamed and kept"
    )
    managed_instance: bool = Field(
        default=False, description="`to` names an instance, where a server has that name too"
    )
    sku: str | None = Field(default=None, max_length=40, description="service objective; absent: the original's")
    pool: str | None = Field(default=None, max_length=260, description="an elastic pool of the server: name or id")
    max_size_gib: int | None = Field(default=None, ge=1, le=131_072)
    verify: Verify = Field(default="counts", description="`contents`: exported again and compared, row by row")
    priority: Priority = Field(default="Standard", description="of the rehydration, for a point in the archive tier")
    keep_days: int | None = Field(
        default=None, ge=1, le=3650, description="of what made room; absent: as the settings say"
    )
    worker: str = Field(default="standard", max_length=40, description="worker profile")
    asked_by: str = Field(default="", max_length=120, description="for the session's log")


@dataclass
class Planned:
    """The plan, what was looked at, and what it costs. Without a plan at least one check is a hindrance."""

    point: RestorePoint
    target: str
    plan: RestorePlan | None = None
    checks: list[PlanCheck] = field(default_factory=list)
    quote: Quote | None = None
    afterwards: list[str] = field(default_factory=list)

    @property
    def hindrances(self) -> list[PlanCheck]:
        """What keeps the restore from being done."""
        return [check for check in self.checks if check.outcome == "hindrance"]

    def say(
        self, what: str, outcome: Literal["ok", "warning", "hindrance", "later"], detail: str, advice: str = ""
    ) -> None:
        """Adds a check."""
        self.checks.append(PlanCheck(what=what, outcome=outcome, detail=detail, help=advice))


def planned(app: Services, asked: AskedRestore, session: str, now: datetime) -> Planned:
    """The plan. Raises NotFound for the point, InvalidInput for words that cannot be, and what Azure's lists raise."""
    if asked.original == bool(asked.to):
        raise InvalidInput("say where to: --to server/database, or --original, and not both")
    point = app.catalog.points.get(asked.point, repository=asked.repository)
    where = asked.to or point.source
    found = Planned(point, where)
    _point(app, asked, found)
    original = _original(app, point)
    server, database = _server(app, asked, where, found)
    if server is None:
        return found
    found.target = f"{server.name}/{database}"
    replaces = _name(app, asked, found, server, database, original, now)
    size = _size(app, asked, found, server, original)
    _worker(app, asked, found, server)
    _rights(app, found, server)
    found.quote = _quote(app, asked, found, server, size.get("sku", ""))
    found.afterwards = [*_AFTERWARDS, *point.warnings]
    if found.hindrances:
        return found
    profile = app.worker_profile(asked.worker)
    found.plan = RestorePlan(
        role="restorer" if profile.restorer_identity else "writer",
        point=point.id,
        chain=point.chain,
        repository=point.repository,
        source=point.source,
        archived=point.tier == "archive",
        priority=asked.priority,
        target=server,
        database=database,
        temporary=temporary_name(database, session),
        replaces=replaces,
        verify=asked.verify,
        created_at=now,
        worker_profile=asked.worker,
        worker_region=server.region,
        **size,
    )
    return found


def _point(app: Services, asked: AskedRestore, found: Planned) -> None:
    point = found.point
    app.repository(point.repository)
    holds = f"{point.id} of {point.source}, {len(point.tables)} tables, {point.inflated_bytes:,} bytes"
    found.say("point", "ok", f"{holds}; read whole and verified on the worker before any database is made")
    if point.tier == "archive":
        priority = asked.priority.lower()
        text = f"lies in the archive tier: rehydrated first with {priority} priority, which Azure bills once"
        advice = "" if asked.priority == "High" else "--priority High is faster and dearer."
        found.say("archive", "warning", text, advice)


def _original(app: Services, point: RestorePoint) -> Source | None:
    try:
        return app.servers.find_source(point.source)
    except NoSuchSource:
        return None


def _server(app: Services, asked: AskedRestore, where: str, found: Planned) -> tuple[StagingServer | None, str]:
    """The server or instance, and the database's name."""
    if where.startswith("/"):
        parent, _, database = where.partition("/databases/")
        ids = [parent]
        host = parent.rpartition("/")[2]
    else:
        host, slash, database = where.partition("/")
        if not slash or not host or not database:
            raise InvalidInput(f"{where!r} is not server/database or instance/database")
        ids = app.targets.servers_named(host)
    managed = [one for one in ids if "/managedinstances/" in one.lower()]
    ids = managed if asked.managed_instance else [one for one in ids if one not in managed] or managed
    if not database or "/" in database or not ids:
        kind = "managed instance" if asked.managed_instance else "server or managed instance"
        help_ = "Check the name; it is looked for in the installation's subscriptions. A resource id names any other."
        found.say("server", "hindrance", f"there is no {kind} {host}", help_)
        return None, database
    try:
        server = app.servers.staging_server(ids[0])
    except StagingServerUnusable as error:
        found.say(
            "server", "hindrance", error.detail.replace("staging server", "server"), "Name a server that is ready."
        )
        return None, database
    found.say("server", "ok", f"{server.name} in {server.region}")
    return server, database


def _name(
    app: Services,
    asked: AskedRestore,
    found: Planned,
    server: StagingServer,
    database: str,
    original: Source | None,
    now: datetime,
) -> Replaced | None:
    if _BAD_NAME.search(database) or len(database) > LONGEST_NAME or database.lower() in SYSTEM_DATABASES:
        found.say("name", "hindrance", f"{database!r} cannot be the name of a database", "Name another.")
        return None
    final_id = f"{server.resource_id}/databases/{database}"
    taken = app.targets.find(final_id)
    if not asked.original:
        if taken is not None:
            advice = "Name another; or --original puts the restored database in its place and keeps the old one aside."
            found.say("name", "hindrance", f"{server.name}/{database} exists, and nothing is overwritten", advice)
        else:
            found.say("name", "ok", f"{server.name}/{database} is free")
        return None
    if taken is None or original is None:
        advice = f"Restore with --to {server.name}/{database}: the name is free."
        found.say("name", "hindrance", f"there is no {server.name}/{database} to be replaced", advice)
        return None
    for hindrance in app.targets.hindrances(original):
        advice = "Take it out of replication or the group, or remove the lock; or restore under a new name."
        found.say("name", "hindrance", f"{original.name} cannot be renamed: {hindrance}", advice)
    days = asked.keep_days or app.settings.replaced_days
    aside = aside_name(database, now)
    text = f"{original.name} is renamed to {aside} when the restored database has been verified, and kept {days} days"
    found.say("name", "ok", f"{text}; it is never deleted without a person's word")
    return Replaced(resource_id=original.resource_id, guid=taken.guid, aside=aside, expires=now + timedelta(days=days))


def _size(
    app: Services, asked: AskedRestore, found: Planned, server: StagingServer, original: Source | None
) -> dict[str, Any]:
    """`sku`, `pool`, `max_size_bytes`, `collation`, `redundancy` of the plan."""
    told = app.targets.settings_of(original) if original is not None else {}
    if server.kind is SourceKind.MANAGED_DATABASE:
        found.say("size", "ok", "an instance's database takes what the instance has")
        return {"collation": told.get("collation", "")}
    same = original if original is not None and original.kind is server.kind else None
    pool = asked.pool or ""
    if not pool and not asked.sku and asked.original and same is not None and same.elastic_pool:
        pool = same.elastic_pool
    if pool and not pool.startswith("/"):
        pool = f"{server.resource_id}/elasticPools/{pool}"
    size = {"collation": told.get("collation", ""), "redundancy": told.get("redundancy", ""), "pool": pool}
    if pool:
        if not app.targets.pool_exists(pool):
            found.say("size", "hindrance", f"there is no elastic pool {pool.rpartition('/')[2]} on {server.name}")
        found.say("size", "ok", f"in the elastic pool {pool.rpartition('/')[2]}")
        return size
    objective = asked.sku or (same.objective if same is not None and not same.elastic_pool else None)
    objective = objective or _DEFAULT_OBJECTIVE
    try:
        sku_of(objective)
    except InvalidInput as error:
        if asked.sku:
            raise
        found.say("size", "warning", f"{error.detail}: {_DEFAULT_OBJECTIVE} is taken", "Name another with --sku.")
        objective = _DEFAULT_OBJECTIVE
    wanted = asked.max_size_gib << 30 if asked.max_size_gib else same.max_size_bytes if same is not None else None
    most = size_for(found.point.inflated_bytes, objective, wanted)
    if too_small(found.point.inflated_bytes, most):
        text = f"{objective} holds at most {most:,} bytes, the point has {found.point.inflated_bytes:,}"
        found.say("size", "hindrance", text, "Name a larger one with --sku.")
    else:
        found.say("size", "ok", f"{objective}, at most {most:,} bytes" if most else objective)
    return {**size, "sku": objective, "max_size_bytes": most}


def _worker(app: Services, asked: AskedRestore, found: Planned, server: StagingServer) -> None:
    try:
        app.place(asked.worker, server.region)
    except HoldfastError as error:
        found.say("worker", "hindrance", error.detail, error.help)
        return
    profile = app.worker_profile(asked.worker)
    found.say("worker", "ok", f"profile {asked.worker} in {server.region}")
    if profile.restorer_identity is None:
        text = "the profile names no restorer identity: the writer fills the database, and needs the right to"
        found.say("worker", "warning", text, "Set restorer_identity and restorer_client_id in the worker profile.")


def _rights(app: Services, found: Planned, server: StagingServer) -> None:
    try:
        lacking = app.targets.lacking(server)
    except HoldfastError as error:
        found.say("rights", "later", f"Azure does not say what the app may do on {server.name}: {error.detail}")
    else:
        if lacking:
            advice = f"Give the app's identity {', '.join(lacking)} on {server.name}."
            found.say("rights", "hindrance", f"the app may not {', '.join(lacking)} on {server.name}", advice)
        else:
            found.say("rights", "ok", f"the app may make, drop and rename databases on {server.name}")
    # A login is the server's affair and not Azure's: nobody can ask for it without one.
    found.say(
        "login",
        "later",
        f"whether the worker's identity may fill databases on {server.name} shows with the import",
        f"It must be the Entra administrator of {server.name}, or a member of the group that is.",
    )


def _quote(app: Services, asked: AskedRestore, found: Planned, server: StagingServer, sku: str) -> Quote | None:
    point, region = found.point, app.repository(found.point.repository).region
    profile = app.worker_profile(asked.worker)
    size = profile.regions[server.region].size if server.region in profile.regions else ""
    archived = point.tier == "archive"
    where = {"archive_region": region} if archived else {"repository_region": region}
    places = Places(**where, **({"worker": Place(size=size)} if size else {}))
    database = SizedDatabase(
        name=point.source,
        size=Band.of(Decimal(max(point.inflated_bytes, 1))),
        size_from=f"restore point {point.id}",
        region=server.region,
        managed=server.kind is SourceKind.MANAGED_DATABASE,
        objective=sku or None,
    )
    ledger = Ledger(app.prices)
    return quote_point(
        ledger,
        database,
        Assumptions(),
        places,
        stored=point.stored_bytes,
        age_days=max(0, (app.clock.now() - point.created_at).days),
        priority=("high" if asked.priority == "High" else "standard") if archived else None,
    )
