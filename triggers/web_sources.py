"""Pages of databases."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from holdfast.catalog import Proven
from holdfast.model.errors import NotFound
from holdfast.model.selection import database_matches
from holdfast.web.charts import Strip, strip
from holdfast.web.paging import paged
from holdfast.web.sources import STATES, Proof, SourceList, SourcePage, SourceRow, point_line, source_row
from holdfast.wiring import Services
from triggers.http_sessions import start_backup
from triggers.http_sources import protections
from triggers.kept import with_reasons
from triggers.visitors import Right
from triggers.web_table import Moved, Shown, Visit, page, to_session

#: Databases of one page: each costs a question for its days.
_MOST = 50
_AT_ONCE = 8
_POINTS = 50
_LIST_DAYS, _PAGE_DAYS = 30, 90


@page("GET", "sources", "databases: state, policy, a strip of the last 30 days, newest point, last proof")
def list_sources(visit: Visit) -> Shown:
    app, state, glob = visit.app, visit.query.get("state", ""), visit.query.get("database", "").strip()
    found = rows(app)
    counts = Counter(one.state for one in found)
    wanted = [
        one for one in found if (not state or one.state == state) and (not glob or database_matches(glob, one.source))
    ]
    shown, pager = paged(wanted, visit.page(), _MOST, {"state": state, "database": glob})
    proven = frozenset(one.point for one in app.catalog.retention.proofs())
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        strips = list(pool.map(lambda one: _strip(app, one.chain, _LIST_DAYS, proven), shown))
    return Shown(
        "sources.html",
        SourceList(
            sources=[one.model_copy(update={"strip": days}) for one, days in zip(shown, strips, strict=True)],
            pager=pager,
            state=state,
            database=glob,
            counts={name: counts[name] for name in STATES},
        ),
    )


@page("GET", "sources/{chain}", "one database: its days, its restore points and why each is kept")
def show_source(visit: Visit) -> Shown:
    app, chain = visit.app, visit.path["chain"]
    row = _row(app, chain)
    proven = frozenset(one.point for one in app.catalog.retention.proofs() if one.chain == chain)
    points = app.catalog.points.list(chain=chain, absent=True).points[::-1]
    shown, pager = paged(points, visit.page(), _POINTS, {})
    late = next((one for one in app.catalog.promises.broken() if one.chain == chain), None)
    return Shown(
        "source.html",
        SourcePage(
            source=row.model_copy(update={"strip": _strip(app, chain, _PAGE_DAYS, proven)}),
            missed=late.missed if late else None,
            points=[point_line(one, proven) for one in with_reasons(app, shown)],
            pager=pager,
        ),
    )


@page("POST", "sources/{chain}/backup", "backs one database up now", Right.OPERATE)
def back_up(visit: Visit) -> Moved:
    row = _row(visit.app, visit.path["chain"])
    return to_session(start_backup(visit.call({"policy": row.policy or "default", "databases": [row.source]})))


def rows(app: Services) -> list[SourceRow]:
    """Every database, as lists show it, by name."""
    overdue = {one.chain: one for one in app.catalog.promises.broken()}
    proofs = last_proofs(app.catalog.retention.proofs())
    return [source_row(one, overdue, proofs) for one in protections(app)]


def last_proofs(proven: list[Proven]) -> dict[str, Proof]:
    """The newest proof of each chain."""
    return {one.chain: Proof(point=one.point, at=one.at) for one in sorted(proven, key=lambda one: one.at)}


def _row(app: Services, chain: str) -> SourceRow:
    for row in rows(app):
        if row.chain == chain:
            return row
    raise NotFound(f"there is no database with the chain {chain}")


def _strip(app: Services, chain: str, days: int, proven: frozenset[str]) -> Strip:
    now = app.clock.now()
    # One day more, so that a point before the first day says that the chain is older than the strip.
    points = app.catalog.points.since(chain, now - timedelta(days=days + 1))
    return strip([one for one in points if one.tier == "backup"], now.date(), days, proven)
