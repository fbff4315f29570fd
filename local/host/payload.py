"""Sizes that a payload may have. Azure refuses or slows down beyond them; pass references, never data."""

from __future__ import annotations

import logging
from typing import Final

_log = logging.getLogger(__name__)

WARN_BYTES: Final = 45 * 1000
"""Beyond this Azure Storage moves a history value to a blob."""
MAX_BYTES: Final = 1_000_000
"""Beyond this the Durable Task Scheduler refuses a payload."""
CUSTOM_STATUS_BYTES: Final = 16 * 1000


class PayloadTooLargeError(Exception):
    """A value is too large for a history. The message names what it is, never what it holds."""


def check(text: str | None, what: str) -> str | None:
    """Returns the text unchanged, or raises PayloadTooLargeError; warns about one that Azure would move to a blob.

    `what` names the value for people, such as `result of activity 'Export'`.
    """
    if text is None or len(text) * 4 <= WARN_BYTES:
        return text
    size = len(text.encode())
    if size > MAX_BYTES:
        raise PayloadTooLargeError(f"The {what} has {size} bytes; at most {MAX_BYTES} are allowed. Pass a reference.")
    if size > WARN_BYTES:
        _log.warning("large payload", extra={"what": what, "bytes": size, "wanted_bytes": WARN_BYTES})
    return text
