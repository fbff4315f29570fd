"""Who is signed in to the pages by key: a row a visit, which names the digest of its cookie and never the cookie.

Visits are of this installation and this moment: no export holds them.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from holdfast.catalog.tables import Row, Table
from holdfast.model.clock import Clock, iso, parse_iso

_VISITS = "visits"
#: A working day; whoever stays longer signs in again.
VISIT_LIFE = timedelta(hours=12)


class Visits:
    """Visits by the secret of their cookie."""

    def __init__(self, table: Table, clock: Clock) -> None:
        self._table, self._clock = table, clock

    def begin(self) -> str:
        """A new visit; its secret, which is kept nowhere. Those that are over are forgotten by the way."""
        now = self._clock.now()
        for row in list(self._table.rows(_VISITS)):
            if parse_iso(row.text("expires_at")) <= now:
                self._table.erase(_VISITS, row.key)
        secret = secrets.token_urlsafe(32)
        self._table.write(("create", Row(_VISITS, _key(secret), {"expires_at": iso(now + VISIT_LIFE)})))
        return secret

    def is_open(self, secret: str) -> bool:
        """Whether a visit of that secret was begun and is not over."""
        row = self._table.read(_VISITS, _key(secret))
        return row is not None and parse_iso(row.text("expires_at")) > self._clock.now()

    def end(self, secret: str) -> None:
        """Ends a visit; an unknown one is fine."""
        self._table.erase(_VISITS, _key(secret))


def _key(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
