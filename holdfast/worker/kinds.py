"""Which code does which kind of job: the module of this folder that bears the kind's name.

Imported when the first job of the kind comes: the worker checks in a second earlier, and a native part that does not
load ends a job with a reason that people see, instead of a worker that never reports.
"""

from __future__ import annotations

import importlib
from typing import Protocol, cast

from holdfast.model.job import JobKind, JobState
from holdfast.worker.assignment import Assignment, Tidy, Work


class _Module(Protocol):
    work: Work


def work_of(kind: JobKind) -> Work:
    """The function that does such a job."""
    return cast(_Module, importlib.import_module(f"holdfast.worker.{kind}")).work


def tidy_of(kind: JobKind) -> Tidy:
    """The function that tidies the worker's disk afterwards; one that does nothing for kinds that keep nothing there."""
    found: Tidy = getattr(importlib.import_module(f"holdfast.worker.{kind}"), "tidy", nothing_to_tidy)
    return found


def nothing_to_tidy(_assignment: Assignment, _state: JobState) -> None:
    """For jobs that keep nothing on the worker's disk."""
