"""`series`: four tables that change each in its own way, for benches that measure what a day costs.

`Orders` (1 % of the rows updated at random, new ones at the end), `EventLog` (only new ones), `Document` (wide Unicode
text, few updates) and `Session` (clustered on a GUID: rows come and go everywhere). Nothing is purged. At scale 1 about
4.4 MB inflated; the week in docs/benchmarks.md is at scale 40.
"""

from __future__ import annotations

from local.samples.database import Database, Moment
from local.samples.documents import document_rows, document_table
from local.samples.events import EVENT_LOG, SESSION, event_rows, session_rows
from local.samples.schema import Schema
from local.samples.shop import orders_rows, orders_table


def series(moment: Moment) -> Database:
    """The database of that day."""
    return Database(
        Schema(tables=(orders_table("dbo"), EVENT_LOG, document_table("dbo"), SESSION)),
        {
            ("dbo", "Orders"): orders_rows(moment, 12_000, 5_000, 5, purge=False),
            ("dbo", "EventLog"): event_rows(moment, 6_000, 10, purge=False),
            ("dbo", "Document"): document_rows(moment, 400, 5),
            ("dbo", "Session"): session_rows(moment, 3_000, 10),
        },
    )


def empty(_: Moment) -> Database:
    """A database with nothing in it, as one is when it was just made."""
    return Database(Schema(), {})
