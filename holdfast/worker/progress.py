"""The progress of one job, written by the thread that works and read by the thread that reports."""

from __future__ import annotations

import threading
from typing import Any

from holdfast.model.job import Progress


class ProgressBoard:
    """Holds the latest progress. Safe between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._latest = Progress()

    def latest(self) -> Progress:
        """The progress as last written."""
        with self._lock:
            return self._latest

    def update(self, **changes: Any) -> None:
        """Changes some fields of the progress; the names are those of `Progress`."""
        with self._lock:
            self._latest = self._latest.model_copy(update=changes)

    def show(self, progress: Progress) -> None:
        """Replaces the progress, as the repository reports it."""
        with self._lock:
            self._latest = progress
