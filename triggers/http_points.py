"""Restore points over HTTP."""

from __future__ import annotations

from holdfast.model.point import RestorePoint
from triggers.kept import with_reasons
from triggers.routes import AFTER, LIMIT, Call, Parameter, Reply, page, route

_MOST = 500


@route(
    "GET",
    "points",
    "Restore points, oldest first, without entries and tables; also those that are missing, as their `state` says",
    gives=RestorePoint,
    many=True,
    parameters=(
        AFTER,
        LIMIT,
        Parameter("database", "glob over `database`, or `server/database`"),
        Parameter("repository", "only of this repository"),
    ),
)
def list_points(call: Call) -> Reply:
    limit = call.number("limit", 100, _MOST)
    if call.query.get("repository"):
        call.app.repository(call.query["repository"])  # a misspelt name is not an empty repository
    found = call.app.catalog.points.list(
        database_glob=call.query.get("database"),
        repository=call.query.get("repository"),
        after=call.query.get("after", ""),
        limit=limit,
        absent=True,
    )
    told = with_reasons(call.app, found.points)
    return Reply(page([p.model_dump(mode="json", by_alias=True) for p in told], found.after))


@route(
    "GET",
    "points/{id}",
    "One restore point with its entries and tables",
    gives=RestorePoint,
    parameters=(Parameter("repository", "where several repositories hold it; absent: the backup one"),),
)
def get_point(call: Call) -> Reply:
    point = call.app.catalog.points.get(call.path["id"], repository=call.query.get("repository"))
    (told,) = with_reasons(call.app, [point])
    return Reply(told.model_dump(mode="json", by_alias=True))


@route(
    "DELETE",
    "points/{id}/record",
    "Forgets a point that the repository does not hold any more; one that it holds is refused",
    status=204,
    parameters=(Parameter("repository", "where it was"),),
)
def forget_point(call: Call) -> Reply:
    repository = call.query.get("repository") or call.app.settings.default_repository
    call.app.catalog.points.forget(call.path["id"], repository=repository)
    return Reply(status=204)
