"""Drills over HTTP."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from holdfast.model.drill import DrillRecord, Pick
from holdfast.model.errors import InvalidInput, NotFound
from holdfast.model.selection import database_matches
from holdfast.model.source import source_key
from triggers.http_sessions import STARTS, started
from triggers.routes import Call, Parameter, Reply, page, route


class StartDrill(BaseModel):
    """Restores a point to a database that lives for that alone, compares it, and removes it."""

    model_config = ConfigDict(extra="forbid")

    point: str | None = Field(default=None, max_length=100, description="this point; or name a database")
    database: str | None = Field(
        default=None, max_length=260, description="`server/database`: a point of this database"
    )
    pick: Pick = Field(default="newest", description="of a database: its newest point, or a random older one")
    repository: str | None = Field(default=None, description="where several hold the point; absent: the backup one")
    target: str | None = Field(
        default=None, max_length=1024, description="resource id of a server or instance; absent: as the policy says"
    )
    verify: str | None = Field(
        default=None, pattern="^(counts|contents)$", description="absent: as the policy says, else `counts`"
    )
    worker: str | None = Field(default=None, max_length=40, description="worker profile; absent: as the policy says")


@route("POST", "drills", "Starts a restore drill", takes=StartDrill, **STARTS)
def start_drill(call: Call) -> Reply:
    app, asked = call.app, call.body(StartDrill)
    if bool(asked.point) == bool(asked.database):
        raise InvalidInput("the body: name a point or a database, and not both")
    given: dict[str, object] = {"pick": asked.pick}
    if asked.point:
        point = app.catalog.points.get(asked.point, repository=asked.repository)
        source, chain = point.source, point.chain
        given |= {"point": point.id, "repository": point.repository}
    else:
        archives = [name for name, found in app.settings.repositories.items() if found.archive]
        newest = app.catalog.points.newest(leave_out=archives).values()
        wanted = str(asked.database).lower()
        found = [one for one in newest if one.source.lower() == wanted]
        if not found:
            raise NotFound(
                f"there is no restore point of a database {asked.database}", help="Name it whole: server/database."
            )
        latest = max(found, key=lambda one: one.created_at)
        source, chain = latest.source, latest.chain
    owner = next((one.policy for one in app.catalog.known.all() if one.chain == chain and one.policy), None)
    policy = next((one.policy for one in app.catalog.policies.list() if one.policy.name == owner), None)
    drill = policy.drill if policy is not None else None
    target = asked.target or (drill.target if drill is not None else None)
    if target is None:
        raise InvalidInput(
            f"no policy says where {source} is drilled",
            help="Name a server or an instance with --target, or put `drill: {every: 30d, target: …}` into its policy.",
        )
    worker = asked.worker or (policy.worker if policy is not None else "standard")
    app.worker_profile(worker)
    given |= {
        "chain": chain,
        "key": source_key(source),
        "target": target,
        "verify": asked.verify or (drill.verify if drill is not None else "counts"),
        "worker_profile": worker,
    }
    return started(call, "drill", policy.name if policy is not None else None, given, "drill")


@route(
    "GET",
    "drills",
    "Restore drills, oldest first: what they proved, and how long it took",
    gives=DrillRecord,
    many=True,
    parameters=(
        Parameter("database", "glob over `database`, or `server/database`"),
        Parameter("state", "only running, proven, failed or cancelled ones"),
    ),
)
def list_drills(call: Call) -> Reply:
    glob, state = call.query.get("database"), call.query.get("state")
    found = [
        one
        for drills in call.app.catalog.drills.all().values()
        for one in drills
        if (glob is None or database_matches(glob, one.source)) and (state is None or one.state == state)
    ]
    found.sort(key=lambda one: (one.started_at, one.id))
    return Reply(page([one.model_dump(mode="json") for one in found], None))
