"""Waits for a chain that another writer holds.

It may be another session at the same database, at work for hours, or a writer that died, whose lock lives on for up to
a minute. Giving up would throw away an export that may have taken hours itself, so the job waits as long as the app lets
it: until the step's deadline, or until somebody cancels.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from holdfast.model.errors import RepositoryLocked
from holdfast.worker.assignment import Assignment

_T = TypeVar("_T")

PAUSE_SECONDS = 3.0


def once_unlocked(assignment: Assignment, write: Callable[[], _T]) -> _T:
    """What `write` gives, once the chain is free. Raises Cancelled where the job is to stop.

    Who holds the chain is the progress's phase meanwhile.
    """
    while True:
        try:
            return write()
        except RepositoryLocked as locked:
            assignment.progress.update(phase=f"waiting: {locked.detail}")
        assignment.stop.wait(PAUSE_SECONDS)
        assignment.stop.check()
