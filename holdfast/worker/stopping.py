"""How a running job is told to stop, and why."""

from __future__ import annotations

import threading
from enum import StrEnum

from holdfast.model.errors import Cancelled


class StopReason(StrEnum):
    CANCELLED = "cancelled"
    """A person cancelled the session: the job ends with the state `cancelled`."""
    SUPERSEDED = "superseded"
    """The app has ended the job already, as lost or late: whatever we do no longer counts."""
    SHUTDOWN = "shutdown"
    """The worker goes down: the job stays in the queue and runs again."""


class Stop:
    """One job's stop signal. The first reason holds. Safe between threads."""

    def __init__(self) -> None:
        self._event, self._shutdown = threading.Event(), threading.Event()
        self._lock = threading.Lock()
        self.reason: StopReason | None = None

    def ask(self, reason: StopReason) -> None:
        """Asks the job to stop."""
        with self._lock:
            if self.reason is None:
                self.reason = reason
        if reason is StopReason.SHUTDOWN:
            self._shutdown.set()
        self._event.set()

    def asked(self) -> bool:
        """Whether the job has been asked to stop; given to the repository as its `cancelled`."""
        return self._event.is_set()

    def wait(self, seconds: float) -> bool:
        """Sleeps, but no longer than until somebody asks; tells whether somebody did."""
        return self._event.wait(seconds)

    def wait_for_shutdown(self, seconds: float) -> bool:
        """Sleeps, but no longer than until the worker goes down; tells whether it does. Other reasons do not wake it."""
        return self._shutdown.wait(seconds)

    def check(self) -> None:
        """Raises Cancelled once the job has been asked to stop, whatever the reason: the loop looks at `reason`."""
        if self._event.is_set():
            raise Cancelled(f"the job was stopped ({self.reason})")
