"""Writes into the outbox how a session ended. What is sent, and when, is `send_notices`' part."""

from __future__ import annotations

import azure.durable_functions as df

from activities.answering import Answer, Given, answered
from holdfast.model.errors import NotFound
from holdfast.model.notice import Notice, of_session
from holdfast.model.policy import Policy
from holdfast.wiring import Services
from holdfast.worker.redaction import redact

bp = df.Blueprint()


@bp.activity_trigger(input_name="given")
@answered(cancellable=False)
def tell_session(app: Services, given: Given) -> Answer:
    """Safe to repeat: the same session is told to a channel once."""
    return {"told": tell_ended(app, given["session"])}


def tell_ended(app: Services, session_id: str) -> int:
    """How many channels will hear of it. A session without a policy, or of one that is gone, has nobody to tell."""
    session = app.catalog.sessions.get(session_id)
    if session.policy is None:
        return 0
    try:
        policy = app.catalog.policies.get(session.policy).policy
    except NotFound:
        return 0
    if not policy.notify:
        return 0
    log = app.catalog.log.read(session_id)
    return tell(app, policy, of_session(session, log, link=app.session_link(session_id), zone=policy.zone))


def tell(app: Services, policy: Policy, notice: Notice) -> int:
    """Hands a notice to the policy's channels that want its event; how many. Safe to repeat."""
    told = 0
    clean = notice.rewritten(redact)
    for name in dict.fromkeys(policy.notify):
        channel = app.settings.notification_channels.get(name)
        if channel is None:
            if notice.session is not None:
                text = f"notification channel {name} of policy {policy.name} is not configured any more"
                app.catalog.log.write(notice.session, "warning", text, once=f"no channel {name}")
        elif notice.asked_by in channel.events:
            app.catalog.outbox.add(name, clean)
            told += 1
    return told
