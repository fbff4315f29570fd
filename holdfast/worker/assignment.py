"""What a job's code is given: the job itself, and everything that it may touch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from pydantic import BaseModel

from holdfast.model.clock import Clock
from holdfast.model.errors import HoldfastError
from holdfast.model.job import Job, JobState
from holdfast.settings import WorkerSettings
from holdfast.worker.progress import ProgressBoard
from holdfast.worker.repositories import Repositories
from holdfast.worker.stopping import Stop
from holdfast.worker.workspace import Workspaces

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

_Spec = TypeVar("_Spec", bound=BaseModel)


@dataclass(frozen=True)
class Equipment:
    """What all jobs of a worker share. Safe between threads."""

    settings: WorkerSettings
    clock: Clock
    credential: TokenCredential
    repositories: Repositories
    workspaces: Workspaces


class Keeper(Protocol):
    """The part of the mailbox that a job may use: what it must know again if it is done again."""

    def keep(self, session: str, name: str, text: bytes) -> None:
        """Writes it, or replaces it."""
        ...

    def kept(self, session: str, name: str) -> bytes | None:
        """What was kept; None where nothing was."""
        ...


@dataclass(frozen=True)
class Assignment:
    """One job in hand."""

    job: Job
    equipment: Equipment
    keeper: Keeper
    progress: ProgressBoard = field(default_factory=ProgressBoard)
    stop: Stop = field(default_factory=Stop)

    @property
    def settings(self) -> WorkerSettings:
        """The worker's settings."""
        return self.equipment.settings

    @property
    def workspaces(self) -> Workspaces:
        """The folders on the worker's disk."""
        return self.equipment.workspaces

    @property
    def repositories(self) -> Repositories:
        """Opens repositories."""
        return self.equipment.repositories

    @property
    def owner(self) -> str:
        """Who holds a chain while this job writes, as those who wait for it are told."""
        return f"session {self.job.session} (worker {self.settings.name})"

    def spec(self, kind: type[_Spec]) -> _Spec:
        """The job's spec as that model. Raises pydantic's ValidationError, which ends the job as not valid."""
        return kind.model_validate(self.job.spec)


#: Does a job and gives back its output. Raises whatever went wrong; must be safe to run again from the start.
Work = Callable[[Assignment], dict[str, Any]]
#: Tidies the worker's disk once the job has ended, with the state in which it did. Safe to run again.
Tidy = Callable[[Assignment, JobState], None]


class EndedBadly(Exception):
    """A job that failed and has an output all the same: what preflight found, say."""

    def __init__(self, error: HoldfastError, output: dict[str, Any]) -> None:
        super().__init__(str(error))
        self.error, self.output = error, output
