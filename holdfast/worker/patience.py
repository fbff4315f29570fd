"""Waits for a chain that another writer holds.

The lock of a writer that died lives on for up to a minute. A worker program that is started again meets it within
seconds; giving up there would throw away an export that may have taken hours.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from holdfast.model.errors import RepositoryLocked
from holdfast.worker.assignment import Assignment

_T = TypeVar("_T")

#: Longer than a dead writer's lock lives (`holdfast.repository.chain.LEASE`); a living one may work for hours.
LONGEST_SECONDS = 90.0
PAUSE_SECONDS = 3.0


def once_unlocked(assignment: Assignment, write: Callable[[], _T]) -> _T:
    """What `write` gives. Raises RepositoryLocked where the chain stays locked, Cancelled where the job is to stop."""
    deadline: float | None = None
    while True:
        try:
            return write()
        except RepositoryLocked:
            moment = time.monotonic()
            deadline = deadline or moment + LONGEST_SECONDS
            if moment >= deadline:
                raise
        assignment.progress.update(phase="waiting for another writer of this chain")
        assignment.stop.wait(PAUSE_SECONDS)
        assignment.stop.check()
