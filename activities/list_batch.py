"""One batch of the session's sources: their keys, in a fixed order."""

from __future__ import annotations

import azure.durable_functions as df

from activities.answering import Answer, Given, answered
from activities.discover_sources import BATCH
from holdfast.wiring import Services

bp = df.Blueprint()


@bp.activity_trigger(input_name="given")
@answered(cancellable=False)
def list_batch(app: Services, given: Given) -> Answer:
    """The keys of batch `batch`; for archiving, only of sources whose point is due.

    Not cancellable: each source records its own cancellation.
    """
    session, number = given["session"], given["batch"]
    due = True if given["child"] == "archive_point" else None
    return {"keys": app.catalog.sessions.source_keys(session, number * BATCH, BATCH, archive_due=due)}
