"""The page of a restore point, and what can be done with it."""

from __future__ import annotations

from holdfast.bacpac.names import join_name
from holdfast.web.paging import paged
from holdfast.web.points import PointPage, TableChoice
from triggers.http_retention import start_hold, start_release
from triggers.http_sessions import start_download
from triggers.http_tables import export_table, show_table
from triggers.kept import with_reasons
from triggers.visitors import Right
from triggers.web_sources import last_proofs
from triggers.web_table import Moved, Shown, Visit, page, to_session

_TABLES = 50
_ENTRIES = 200


@page("GET", "points/{id}", "one restore point: tables, entries, why it is kept, get it back")
def show_point(visit: Visit) -> Shown:
    app, search = visit.app, visit.query.get("table", "").strip()
    repository = visit.query.get("repository") or None
    (point,) = with_reasons(app, [app.catalog.points.get(visit.path["id"], repository=repository)])
    fitting = [one for one in point.tables if search.lower() in f"{one.schema_name}.{one.name}".lower()]
    tables, pager = paged(fitting, visit.page(), _TABLES, {"repository": repository, "table": search})
    proofs = [one for one in app.catalog.retention.proofs() if one.point == point.id]
    held = {(one.repository, one.point): one.reason for one in app.catalog.retention.holds()}
    view = PointPage(
        point=point.without_lists(),
        tables=tables,
        tables_total=len(point.tables),
        pager=pager,
        takeable=[
            TableChoice(name=join_name(one.schema_name, one.name), shown=f"{one.schema_name}.{one.name}")
            for one in tables
        ],
        table=search,
        entries=point.entries[:_ENTRIES],
        entries_total=len(point.entries),
        rows=sum(one.rows or 0 for one in point.tables),
        proof=last_proofs(proofs).get(point.chain),
        held=held.get((point.repository, point.id)),
        workers=sorted(app.settings.worker_profiles),
    )
    return Shown("point.html", view)


@page("POST", "points/{id}/download", "lets a worker write the point as a BACPAC", Right.RESTORE)
def download(visit: Visit) -> Moved:
    body = {**_where(visit), "identical": visit.form.get("identical") == "yes"}
    if visit.form.get("worker"):
        body["worker"] = visit.form["worker"]
    return to_session(start_download(visit.call(body)))


@page("POST", "points/{id}/table", "lets a worker write one table as Parquet or CSV, or its first rows", Right.RESTORE)
def take_table(visit: Visit) -> Moved:
    body = {**_where(visit), "table": visit.form.get("name", "")}
    if visit.form.get("format") == "rows":
        return to_session(show_table(visit.call(body)))
    return to_session(export_table(visit.call({**body, "format": visit.form.get("format", "parquet")})))


@page("POST", "points/{id}/hold", "keeps a point whatever its age", Right.OPERATE)
def hold(visit: Visit) -> Moved:
    return to_session(start_hold(visit.call({**_where(visit), "reason": visit.form.get("reason", "")})))


@page("POST", "points/{id}/release", "ends a hold", Right.OPERATE)
def release(visit: Visit) -> Moved:
    return to_session(start_release(visit.call(_where(visit))))


def _where(visit: Visit) -> dict[str, str | bool | None]:
    return {"repository": visit.form.get("repository") or None}
