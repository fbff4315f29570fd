"""Tables of restore points over HTTP. What needs their rows is a session: a worker writes it, the session has a link."""

from __future__ import annotations

from holdfast.bacpac.names import table_name
from holdfast.model.point import Table
from holdfast.model.source import source_key
from holdfast.model.table_ask import TableAsk
from triggers.http_sessions import STARTS, started
from triggers.routes import Call, Parameter, Reply, page, route
from triggers.table_views import DiffTable, ExportTable, ReadTables, RestoreTable, ShowTable


@route(
    "GET",
    "points/{id}/tables",
    "A point's tables, as the catalog knows them, by schema and name",
    gives=Table,
    many=True,
    parameters=(Parameter("repository", "where several hold the point; absent: the backup one"),),
)
def point_tables(call: Call) -> Reply:
    point = call.app.catalog.points.get(call.path["id"], repository=call.query.get("repository"))
    return Reply(page([one.model_dump(mode="json", by_alias=True) for one in point.tables], None))


@route(
    "POST",
    "points/{id}/tables/list",
    "Reads which of a point's tables can be decoded: a JSON list at the link that the session then has",
    takes=ReadTables,
    **STARTS,
)
def list_tables(call: Call) -> Reply:
    return _started(call, call.body(ReadTables), TableAsk(act="list"))


@route(
    "POST",
    "points/{id}/tables/show",
    "Reads a table's first rows: a JSON list at the link that the session then has",
    takes=ShowTable,
    **STARTS,
)
def show_table(call: Call) -> Reply:
    asked = call.body(ShowTable)
    return _started(call, asked, TableAsk(act="show", table=asked.table, rows=asked.rows))


@route(
    "POST",
    "points/{id}/tables/export",
    "Writes a table as Parquet or CSV, at the link that the session then has",
    takes=ExportTable,
    **STARTS,
)
def export_table(call: Call) -> Reply:
    asked = call.body(ExportTable)
    return _started(call, asked, TableAsk(act="export", table=asked.table, format=asked.format))


@route(
    "POST",
    "points/{id}/tables/diff",
    "Compares a table of two points by primary key: a JSON object at the link that the session then has",
    takes=DiffTable,
    **STARTS,
)
def diff_table(call: Call) -> Reply:
    asked = call.body(DiffTable)
    ask = TableAsk(act="diff", table=asked.table, other=asked.other, rows=asked.rows)
    return _started(call, asked, ask)


@route(
    "POST",
    "points/{id}/tables/restore",
    "Makes a table anew in a live database and fills it; the session's log says what it leaves out",
    takes=RestoreTable,
    **STARTS,
)
def restore_table(call: Call) -> Reply:
    asked = call.body(RestoreTable)
    table_name(asked.new_name)
    told = asked.model_dump(include={"table", "target", "new_name", "with_indexes"})
    return _started(call, asked, TableAsk(act="restore", **told))


def _started(call: Call, asked: ReadTables, ask: TableAsk) -> Reply:
    point = call.app.catalog.points.get(call.path["id"], repository=asked.repository)
    if ask.other:
        call.app.catalog.points.get(ask.other, repository=point.repository)
    if ask.act != "list":
        table_name(ask.table)
    call.app.worker_profile(asked.worker)
    given: dict[str, object] = {
        "point": point.id,
        "repository": point.repository,
        "key": source_key(point.source),
        "ask": ask.model_dump(mode="json"),
        "worker_profile": asked.worker,
    }
    return started(call, "table", None, given, "table")
