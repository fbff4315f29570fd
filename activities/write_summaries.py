"""Writes the daily summaries that are due: one a policy, channel and local day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import azure.durable_functions as df

from activities.answering import Answer, Given, answered
from holdfast.catalog import first_id
from holdfast.model.channel import Channel
from holdfast.model.notice import Notice, notice_id, of_summary, summary_occasion
from holdfast.model.policy import Policy
from holdfast.model.summary import summary_window
from holdfast.wiring import Services
from holdfast.worker.redaction import redact

bp = df.Blueprint()

#: A session that ended today began no longer ago than this.
_LONGEST_SESSION = timedelta(days=4)


@bp.activity_trigger(input_name="given")
@answered(cancellable=False)
def write_summaries(app: Services, given: Given) -> Answer:
    """Safe to repeat: a day is told to a channel once."""
    written, now = 0, app.clock.now()
    for stored in app.catalog.policies.list():
        policy = stored.policy
        for name in dict.fromkeys(policy.notify):
            channel: Channel | None = app.settings.notification_channels.get(name)
            if channel is None or "summary" not in channel.events:
                continue
            since, until = summary_window(policy, channel.summary_at, now)
            known = app.catalog.outbox.knows(notice_id(until, summary_occasion(policy, until), name))
            # A policy that is younger than the day's end has no day to tell of.
            if not known and stored.changed_at <= until:
                app.catalog.outbox.add(name, _summary(app, policy, since, until).rewritten(redact))
                written += 1
    return {"written": written}


def _summary(app: Services, policy: Policy, since: datetime, until: datetime) -> Notice:
    begun = app.catalog.sessions.list(after=first_id(since.astimezone(UTC) - _LONGEST_SESSION), policy=policy.name)
    ended = [s for s in begun if s.kind == "backup" and s.ended_at is not None and since <= s.ended_at < until]
    whole = [app.catalog.sessions.get(session.id) for session in ended]
    overdue = [found for found in app.catalog.promises.broken() if found.policy == policy.name]
    return of_summary(policy, whole, overdue, since, until)
