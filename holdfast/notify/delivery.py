"""One notice to one channel, once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from holdfast.model.channel import Channel, EmailChannel, SlackChannel, TeamsChannel, WebhookChannel
from holdfast.model.notice import Notice
from holdfast.notify import cards, mail, signing, webhook
from holdfast.notify.undelivered import Undelivered

__all__ = ["Envelope", "Undelivered", "deliver"]


@dataclass(frozen=True)
class Envelope:
    """A notice on its way. `id` is the same at every attempt: receivers drop repeats by it."""

    id: str
    notice: Notice
    installation: str
    at: datetime


def deliver(channel: Channel, envelope: Envelope, read_secret: Callable[[str], str]) -> None:
    """Sends it. Raises Undelivered; InvalidInput, NotFound, Forbidden or Unavailable for a secret that cannot be had.

    Takes at most about a minute, whatever the peer does. Secrets are read anew each time, so a rotated one is used.
    """
    match channel:
        case WebhookChannel():
            body = cards.plain_json(envelope.id, envelope.notice, envelope.installation)
            key = signing.key_of(read_secret(channel.signing_secret))
            signed = signing.headers(key, envelope.id, envelope.at, body)
            webhook.post(read_secret(channel.url_secret), body, {**signed, "Idempotency-Key": envelope.id})
        case TeamsChannel():
            body = cards.teams_card(envelope.notice)
            webhook.post(read_secret(channel.url_secret), body, {"Idempotency-Key": envelope.id})
        case SlackChannel():
            body = cards.slack_message(envelope.notice)
            webhook.post(read_secret(channel.url_secret), body, {"Idempotency-Key": envelope.id})
        case EmailChannel():
            password = read_secret(channel.password_secret) if channel.password_secret else ""
            mail.send(channel, mail.written(channel, envelope.id, envelope.notice, envelope.at), password)
        case _:
            assert_never(channel)
