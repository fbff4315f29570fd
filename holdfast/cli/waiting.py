"""Waits for a chain that another writer holds: that of a command that was killed ends by itself within a minute."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from holdfast.cli import app
from holdfast.cli.output import say
from holdfast.model.errors import RepositoryLocked

_T = TypeVar("_T")

#: Longer than a dead writer's lock lives (`holdfast.repository.objects.chain.LEASE`); a living one may work for hours.
LONGEST_SECONDS = 90.0
PAUSE_SECONDS = 3.0


def once_unlocked(write: Callable[[], _T]) -> _T:
    """What `write` gives. Raises RepositoryLocked where the chain stays locked."""
    deadline: float | None = None
    while True:
        try:
            return write()
        except RepositoryLocked as error:
            moment = time.monotonic()
            if deadline is None:
                deadline = moment + LONGEST_SECONDS
                say(f"waiting for another writer of this chain: {error.detail}")
            if moment >= deadline:
                raise
        app.pause(PAUSE_SECONDS)
