"""Takes secrets out of texts before they reach a log, a result or an exception.

No secret should ever be in them: SqlPackage gets none, and Azure's SDKs mask their own. This is the second wall, for
what a third party's message may quote.
"""

from __future__ import annotations

import re
from collections.abc import MutableMapping
from typing import Any

_MARK = "[redacted]"
_NAMES = (
    "access_?token|account_?key|shared_?access_?(?:key|signature)|client_?secret|password|passwd|pwd|secret"
    "|sig|signature"
)
_PATTERNS = (
    # A token in three parts, as Entra writes them.
    re.compile(r"eyJ[\w-]{8,}\.[\w-]+(?:\.[\w-]*)?"),
    re.compile(r"(?i)(?<=bearer )\s*[\w.~+/=-]+"),
    # `Password="a;b"`, `sig=…&`, `"access_token": "…"`, `/AccessToken:…`
    re.compile(rf"""(?i)(?<![\w/-])((?:"|'|/)?(?:{_NAMES})["']?\s*[=:]\s*)("[^"]*"|'[^']*'|[^\s;&,"'}}]+)"""),
)


def redact(text: str) -> str:
    """The text without tokens, keys, passwords and signatures. The same again if done twice."""
    for pattern in _PATTERNS[:2]:
        text = pattern.sub(_MARK, text)
    return _PATTERNS[2].sub(lambda match: match[1] + _MARK, text)


def shorten(text: str, limit: int) -> str:
    """The text in at most `limit` characters; an ellipsis stands where something was cut off."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def redact_event(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: every text of the event without secrets."""
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = redact(value)
    return event
