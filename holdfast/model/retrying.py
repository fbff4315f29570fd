"""When a notice that was not delivered is tried again. Pure."""

from __future__ import annotations

import hashlib
from datetime import timedelta

#: A notice that could not be delivered for so long is given up, and told as failed.
GIVE_UP_AFTER = timedelta(days=2)

_FIRST, _LONGEST = timedelta(seconds=30), timedelta(hours=1)


def pause_after(attempts: int, notice_id: str, asked: timedelta | None = None) -> timedelta:
    """The pause after so many failed attempts: it doubles from half a minute to an hour; what the peer asked for is a floor.

    Up to a fifth is added, by the notice's id, so that what failed together does not come back together.
    """
    doubled = min(_FIRST * (1 << min(attempts - 1, 10)), _LONGEST)
    spread = int.from_bytes(hashlib.sha256(f"{notice_id}{attempts}".encode()).digest()[:2], "big") / 65535 / 5
    return max(doubled * (1 + spread), asked or timedelta(0))
