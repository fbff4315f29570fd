"""Which code does which kind of job."""

from __future__ import annotations

from holdfast.model.job import JobKind, JobState
from holdfast.worker import archive, download, export, preflight, rehydrate, store, synchronise
from holdfast.worker.assignment import Assignment, Tidy, Work


def nothing_to_tidy(_assignment: Assignment, _state: JobState) -> None:
    """For jobs that keep nothing on the worker's disk."""


WORK: dict[JobKind, Work] = {
    "synchronise": synchronise.work,
    "preflight": preflight.work,
    "export": export.work,
    "store": store.work,
    "archive": archive.work,
    "rehydrate": rehydrate.work,
    "download": download.work,
}

TIDY: dict[JobKind, Tidy] = {
    "synchronise": nothing_to_tidy,
    "preflight": nothing_to_tidy,
    "export": export.tidy,
    "store": store.tidy,
    "archive": nothing_to_tidy,
    "rehydrate": nothing_to_tidy,
    "download": download.tidy,
}
