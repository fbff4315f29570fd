"""The preflight queries' rows, by id, as the queries of `holdfast.sql` would give them; columns are named as there."""

from __future__ import annotations

from holdfast.bacpac import describe
from holdfast.bacpac.census import Answers
from holdfast.bacpac.objects import object_counts
from holdfast.bacpac.package import Bacpac
from holdfast.bacpac.preflight import answers
from holdfast.sql.queries import queries_for, queries_of_restored


def answer(bacpac: Bacpac, database: str, *, managed_instance: bool = False) -> Answers:
    """Every query's rows for a database of that name. Reads the table data through once, to count rows."""
    found = {**answers(bacpac), **_sizes(bacpac)}
    for row in found["P01"]:
        if not row["referenced_server_name"] and row["referenced_database_name"].casefold() == database.casefold():
            row["kind"] = "SELF"
    asked = [query.id for query in queries_for(managed_instance=managed_instance)]
    # What a model does not tell, a database without such things would answer.
    return {query: found.get(query, []) for query in asked}


def answer_of_restored(bacpac: Bacpac) -> Answers:
    """What a restored database is asked."""
    found = {**answers(bacpac), **_sizes(bacpac)}
    found["V02"] = [{"k": kind, "n": count} for kind, count in object_counts(bacpac.model()).items()]
    return {query.id: found.get(query.id, []) for query in queries_of_restored()}


def _sizes(bacpac: Bacpac) -> Answers:
    tables = describe.tables(bacpac)
    counted = [{"s": t.schema_name, "t": t.name, "n": t.rows} for t in tables if t.rows is not None]
    return {"V01": counted, "S01": [{"data_bytes": sum(t.bytes for t in tables)}]}
