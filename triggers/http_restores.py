"""Restores over HTTP: plan, start, and what they kept for a person to decide on."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from activities.restore_planning import AskedRestore, Planned, planned
from holdfast.catalog import new_id
from holdfast.cloud.restore_targets import Kept
from holdfast.model.costs.restoring import Quote
from holdfast.model.errors import NotFound
from holdfast.model.restore.report import PlanCheck
from holdfast.model.source import source_key
from holdfast.wiring import Services
from triggers.http_sessions import started
from triggers.routes import IDEMPOTENCY, Call, Parameter, Reply, page, route
from triggers.views import SessionView

#: App Service puts it there where its authentication is switched on, and takes away what a caller sends.
_PRINCIPAL = "x-ms-client-principal-name"


class RestorePlanView(BaseModel):
    """What a restore would do. `ok` is false where at least one check is a hindrance."""

    ok: bool
    point: str
    source: str
    created_at: datetime
    target: str
    temporary: str = Field(description="the name until it is verified; of a dry run, an example")
    replaces: str | None = Field(description="what is renamed aside, and its name from then on")
    size: str = Field(description="service objective or elastic pool")
    region: str
    checks: list[PlanCheck]
    quote: Quote | None
    afterwards: list[str] = Field(description="what a person must do once it is restored")


class KeptView(BaseModel):
    """A database that a restore kept: what made room, or what was not as stored."""

    name: str
    resource_id: str
    why: str
    session: str
    until: datetime | None = Field(description="kept at least until then; nothing deletes it by itself")
    due: bool = Field(description="that time is over: decide")


@route("POST", "restores/plan", "What a restore would do, without doing it", takes=AskedRestore, gives=RestorePlanView)
def plan_restore(call: Call) -> Reply:
    asked = call.body(AskedRestore)
    now = call.app.clock.now().replace(microsecond=0)
    found = planned(call.app, asked, new_id(now, "restore"), now)
    return Reply(_plan_view(found).model_dump(mode="json"))


@route(
    "POST",
    "restores",
    "Restores a point to a database",
    takes=AskedRestore,
    gives=SessionView,
    status=202,
    parameters=(IDEMPOTENCY,),
)
def start_restore(call: Call) -> Reply:
    asked = call.body(AskedRestore)
    principal = call.headers.get(_PRINCIPAL)
    if principal:
        asked = asked.model_copy(update={"asked_by": principal})
    point = call.app.catalog.points.get(asked.point, repository=asked.repository)
    call.app.worker_profile(asked.worker)
    given: dict[str, object] = {
        "asked": asked.model_copy(update={"repository": point.repository}).model_dump(mode="json"),
        "key": source_key(asked.to or point.source),
    }
    return started(call, "restore", None, given, "restore")


@route("GET", "restores/kept", "Databases that restores kept for a person to decide on", gives=KeptView, many=True)
def list_kept(call: Call) -> Reply:
    now = call.app.clock.now()
    found = [_kept_view(one, now) for one in call.app.targets.made() if one.kind != "restore"]
    return Reply(page([one.model_dump(mode="json") for one in found], None))


@route(
    "DELETE",
    "restores/kept/{server}/{database}",
    "Deletes a database that a restore kept; nothing brings it back but its restore points",
    gives=KeptView,
    parameters=(Parameter("session", "must be the session that kept it"),),
)
def discard_kept(call: Call) -> Reply:
    app, name = call.app, f"{call.path['server']}/{call.path['database']}"
    one = _find_kept(app, name)
    if call.query.get("session") != one.session:
        raise NotFound(
            f"{name} was kept by session {one.session}",
            help=f"Say so with session={one.session}, to show that this very database is meant.",
        )
    view = _kept_view(one, app.clock.now())
    app.targets.discard(one.resource_id)
    app.catalog.log.write(one.session, "warning", f"{one.name} was deleted on a person's word")
    return Reply(view.model_dump(mode="json"))


def _find_kept(app: Services, name: str) -> Kept:
    for one in app.targets.made():
        if one.kind != "restore" and one.name.lower() == name.lower():
            return one
    raise NotFound(f"no restore kept a database {name}", help="`holdfast restore kept` shows what there is.")


def _kept_view(one: Kept, now: datetime) -> KeptView:
    why = "made room for a restored database" if one.kind == "replaced" else "is not what its point holds"
    due = one.expires_at is not None and one.expires_at <= now
    return KeptView(
        name=one.name, resource_id=one.resource_id, why=why, session=one.session, until=one.expires_at, due=due
    )


def _plan_view(found: Planned) -> RestorePlanView:
    plan = found.plan
    told: dict[str, Any] = {"temporary": "", "replaces": None, "size": "", "region": ""}
    if plan is not None:
        told = {
            "temporary": plan.temporary,
            "replaces": f"{plan.target.name}/{plan.database} → {plan.replaces.aside}" if plan.replaces else None,
            "size": plan.pool.rpartition("/")[2] or plan.sku,
            "region": plan.target.region,
        }
    return RestorePlanView(
        ok=plan is not None,
        point=found.point.id,
        source=found.point.source,
        created_at=found.point.created_at,
        target=found.target,
        checks=found.checks,
        quote=found.quote,
        afterwards=found.afterwards,
        **told,
    )
