"""Tells people: a notice to a channel, as JSON, a Teams card, a Slack message or a mail.

`deliver` sends once and says what came of it; when to try again is the outbox's part (`holdfast.catalog.outbox`).
"""

from holdfast.notify.delivery import Envelope, Undelivered, deliver

__all__ = ["Envelope", "Undelivered", "deliver"]
