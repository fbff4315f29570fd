"""Databases over HTTP: which are protected, by what, and which are not and why."""

from __future__ import annotations

from holdfast.model.errors import InvalidInput
from holdfast.model.protection import Protection, protection
from holdfast.model.selection import database_matches
from holdfast.wiring import Services
from triggers.routes import AFTER, LIMIT, Call, Parameter, Reply, page, route

_MOST = 500


@route(
    "GET",
    "sources",
    "Every database, what protects it, its newest point; or why nothing does",
    gives=Protection,
    many=True,
    parameters=(
        AFTER,
        LIMIT,
        Parameter("database", "glob over `database`, or `server/database`"),
        Parameter("unprotected", "`true`: only databases that no policy protects"),
    ),
)
def list_sources(call: Call) -> Reply:
    """Asks Azure, so that a database that was made a minute ago is in it."""
    app, limit = call.app, call.number("limit", 100, _MOST)
    only = call.query.get("unprotected", "false")
    if only not in ("true", "false"):
        raise InvalidInput(f"unprotected must be true or false, not {only!r}")
    found = protections(app)
    glob, after = call.query.get("database"), call.query.get("after", "")
    wanted = [
        one
        for one in found
        if (glob is None or database_matches(glob, one.source))
        and (only == "false" or one.state in ("unprotected", "excluded"))
        and _cursor(one) > after
    ]
    more = len(wanted) > limit
    kept = wanted[:limit]
    return Reply(page([one.model_dump(mode="json") for one in kept], _cursor(kept[-1]) if more and kept else None))


def protections(app: Services) -> list[Protection]:
    """Every database and what protects it, as Azure and the catalog say at this moment."""
    archives = [name for name, found in app.settings.repositories.items() if found.archive]
    found = protection(
        app.servers.list_sources(),
        app.catalog.known.all(),
        [stored.policy for stored in app.catalog.policies.list()],
        app.catalog.points.newest(leave_out=archives),
    )
    proven = app.catalog.drills.proven()
    return [
        one.model_copy(update={"proven_point": drill.point, "proven_at": drill.ended_at})
        if (drill := proven.get(one.chain)) is not None
        else one
        for one in found
    ]


def _cursor(one: Protection) -> str:
    return f"{one.source.lower()} {one.chain}"
