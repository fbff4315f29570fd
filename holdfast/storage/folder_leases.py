"""The lock files of a folder: who holds the lease, until when, and its fence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypedDict

from holdfast.model.clock import parse_iso
from holdfast.model.errors import Damaged


class HeldLease(TypedDict):
    """What a lock file holds."""

    owner: str
    fence: int
    token: str
    expires_at: str
    seconds: float


def read_lease(path: Path) -> HeldLease | None:
    """The lease that the lock file tells of, ended ones too; None where there is no file. Raises Damaged."""
    try:
        found = json.loads(path.read_bytes())
        parse_iso(found["expires_at"])
        return HeldLease(
            owner=str(found["owner"]),
            fence=int(found["fence"]),
            token=str(found["token"]),
            expires_at=found["expires_at"],
            seconds=float(found["seconds"]),
        )
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Damaged(str(path), help="Delete the lock when no writer is at work; it holds nothing of value.") from None
