"""Signatures of webhooks, as Standard Webhooks 1.0 says (https://www.standardwebhooks.com): receivers have libraries.

`webhook-signature` is `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from datetime import datetime

from holdfast.model.errors import InvalidInput

_PREFIX = "whsec_"
_SHORTEST = 24


def key_of(secret: str) -> bytes:
    """The signing key: the bytes behind `whsec_`, or the text itself. Raises InvalidInput for a key that is too short."""
    text = secret.strip()
    if text.startswith(_PREFIX):
        try:
            key = base64.b64decode(text.removeprefix(_PREFIX), validate=True)
        except binascii.Error:
            raise InvalidInput("the signing secret begins with whsec_ but what follows is not base64") from None
    else:
        key = text.encode()
    if len(key) < _SHORTEST and not text.startswith(_PREFIX):
        raise InvalidInput(f"the signing secret has {len(key)} bytes; it needs {_SHORTEST} or more")
    return key


def signature(key: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    """The value of `webhook-signature`."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def headers(key: bytes, message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """The three headers of a signed webhook."""
    timestamp = int(at.timestamp())
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature(key, message_id, timestamp, body),
    }
