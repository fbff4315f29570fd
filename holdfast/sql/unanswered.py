"""What a database could not be asked is a finding too, so that nothing is skipped in silence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from holdfast.model.preflight.deciding import Rows
from holdfast.model.preflight.finding import Finding
from holdfast.sql.queries import queries


def unanswered(rows: Rows, errors: Mapping[str, str]) -> Iterator[Finding]:
    """A warning for every rule whose query failed; for the list of logins only where there is somebody to look up."""
    for query in queries():
        said = errors.get(query.id)
        if said is None or not query.id.startswith("P") or (query.id == "P06b" and not rows.get("P06")):
            continue
        yield Finding(
            id=query.id[:3],
            severity="warning",
            object=f"Check {query.id} ({query.title[0].lower()}{query.title[1:]})",
            cause=f"could not be made: {said}",
            error_number=None,
            mend="Give the worker's identity db_owner in the database (and a user in master for the logins)",
        )


def table_rows(rows: Rows) -> dict[str, int]:
    """Rows by `schema.table`, as the database counts them (V01)."""
    return {f"{row['s']}.{row['t']}": int(row["n"] or 0) for row in rows.get("V01", ())}
