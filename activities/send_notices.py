"""Sends what waits in the outbox and is due. A failure is noted and tried again later; it never stops anything else."""

from __future__ import annotations

import time
from datetime import timedelta

import azure.durable_functions as df
import structlog

from activities.answering import Answer, Given, answered
from holdfast.catalog.outbox import Outgoing
from holdfast.model.errors import HoldfastError, InvalidInput
from holdfast.model.retrying import GIVE_UP_AFTER, pause_after
from holdfast.notify import Envelope, Undelivered, deliver
from holdfast.wiring import Services

bp = df.Blueprint()

_log = structlog.get_logger("notices")

#: A claim outlives every attempt to send; after the death of who claimed, another sends the notice again.
_CLAIM = timedelta(minutes=5)
#: Seconds of the machine's time; then the activity ends and the orchestration starts the next one.
_TURN = 120.0


@bp.activity_trigger(input_name="given")
@answered(cancellable=False)
def send_notices(app: Services, given: Given) -> Answer:
    """Answers how many were sent, and whether `more` is due that this turn had no time for."""
    begun, sent = time.monotonic(), 0
    app.catalog.outbox.forget_old()
    for waiting in app.catalog.outbox.waiting():
        if time.monotonic() - begun > _TURN:
            return {"sent": sent, "more": True}
        if _is_due(app, waiting):
            sent += _send(app, waiting)
    return {"sent": sent, "more": False}


def _is_due(app: Services, waiting: Outgoing) -> bool:
    """Its own time has come, and its channel is not left alone."""
    now = app.clock.now()
    not_before = app.catalog.outbox.standing(waiting.channel).not_before
    return waiting.next_at <= now and (not_before is None or not_before <= now)


def _send(app: Services, waiting: Outgoing) -> bool:
    outbox = app.catalog.outbox
    claimed = outbox.claim(waiting.id, until=app.clock.now() + _CLAIM)
    if claimed is None:
        return False
    try:
        channel = app.channel(claimed.channel)
        envelope = Envelope(claimed.id, claimed.notice, app.settings.installation, app.clock.now())
        deliver(channel, envelope, app.read_secret)
    except Undelivered as error:
        _failed(app, claimed, f"{error.detail}. {error.help}", busy=error.busy, wait=error.wait)
        return False
    except HoldfastError as error:
        # A channel that is not configured, or a secret that cannot be read: nothing that another notice would change.
        _failed(app, claimed, f"{error}. {error.help}", busy=not isinstance(error, InvalidInput))
        return False
    except Exception as error:  # noqa: BLE001 (one notice that cannot be sent must not hold up the others)
        _log.exception("notice could not be sent", notice=claimed.id, channel=claimed.channel)
        _failed(app, claimed, f"{type(error).__name__} while it was sent", busy=False)
        return False
    outbox.end(claimed.id)
    outbox.record(claimed.channel)
    if claimed.attempts > 1:
        _say(app, claimed, f"told channel {claimed.channel} at attempt {claimed.attempts}", failed=False)
    return True


def _failed(app: Services, claimed: Outgoing, failure: str, *, busy: bool, wait: timedelta | None = None) -> None:
    outbox, now = app.catalog.outbox, app.clock.now()
    until = now + pause_after(claimed.attempts, claimed.id, wait)
    _log.warning("notice not delivered", notice=claimed.id, channel=claimed.channel, failure=failure)
    if now - claimed.made_at >= GIVE_UP_AFTER:
        outbox.end(claimed.id, failure)
        _say(app, claimed, f"channel {claimed.channel} was not told and is given up: {failure}", failed=True)
    else:
        outbox.delay(claimed.id, failure, until=until)
        if claimed.attempts == 1:
            _say(
                app, claimed, f"channel {claimed.channel} could not be told, it is tried again: {failure}", failed=True
            )
    outbox.record(claimed.channel, failure, not_before=until if busy else None)


def _say(app: Services, claimed: Outgoing, text: str, *, failed: bool) -> None:
    """In the session's log, where the notice is about one."""
    if claimed.notice.session is not None:
        app.catalog.log.write(
            claimed.notice.session,
            "warning" if failed else "info",
            f"notifications: {text}",
            once=f"{claimed.id} {text}",
        )
