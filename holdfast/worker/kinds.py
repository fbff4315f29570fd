"""Which code does which kind of job: the module of this folder that bears the kind's name.

Imported when the first job of the kind comes: the worker checks in a second earlier, and a native part that does not
load ends a job with a reason that people see, instead of a worker that never reports.
"""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Protocol, cast

from holdfast.model.job import JobKind, JobState
from holdfast.worker.assignment import Assignment, Tidy, Work


class _Module(Protocol):
    work: Work


#: `import` is a word of the language, and no name of a module.
_NAMES: dict[JobKind, str] = {"import": "importing"}


def _module(kind: JobKind) -> ModuleType:
    return importlib.import_module(f"holdfast.worker.{_NAMES.get(kind, kind)}")


def work_of(kind: JobKind) -> Work:
    """The function that does such a job."""
    return cast(_Module, _module(kind)).work


def tidy_of(kind: JobKind) -> Tidy:
    """The function that tidies the worker's disk afterwards; one that does nothing for kinds that keep nothing there."""
    found: Tidy = getattr(_module(kind), "tidy", nothing_to_tidy)
    return found


def nothing_to_tidy(_assignment: Assignment, _state: JobState) -> None:
    """For jobs that keep nothing on the worker's disk."""
