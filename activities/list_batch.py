"""One batch of the session's sources: their keys, in a fixed order, and how long each waits before it starts."""

from __future__ import annotations

from collections.abc import Sequence

import azure.durable_functions as df

from activities.answering import Answer, Given, answered
from activities.discover_sources import BATCH
from holdfast.model.blackout import delay_of
from holdfast.model.clock import parse_iso
from holdfast.wiring import Services

bp = df.Blueprint()


@bp.activity_trigger(input_name="given")
@answered(cancellable=False)
def list_batch(app: Services, given: Given) -> Answer:
    """The keys of batch `batch`; for archiving, only of sources whose point is due. `delays`: key to seconds.

    Not cancellable: each source records its own cancellation.
    """
    session, number = given["session"], given["batch"]
    due = True if given["child"] == "archive_point" else None
    keys = app.catalog.sessions.source_keys(session, number * BATCH, BATCH, archive_due=due)
    return {"keys": keys, "delays": {} if due else delays_of(app, given, keys)}


def delays_of(app: Services, given: Given, keys: Sequence[str]) -> dict[str, int]:
    """Of a session that the clock started: whoever starts one by hand waits for it."""
    if not given.get("slot"):
        return {}
    policy = app.catalog.policies.get(given["policy"]).policy
    if not policy.jitter_minutes:
        return {}
    start = parse_iso(given["asked_at"])
    return {key: int(delay_of(policy, start, key).total_seconds()) for key in keys}
