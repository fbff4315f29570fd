"""Errors are for people: each says what happened, to which thing, and what to do.

Every error carries a stable `code` (a slug, the same in the CLI's JSON, the HTTP problem document, the session's log and
the docs), an `exit_code` of the CLI and an HTTP status. `permanent` says that a retry cannot help.
"""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict


class ErrorInfo(BaseModel):
    """An error as data: what histories, the catalog, job results and the API carry. Never a secret, never a traceback."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    code: str
    title: str
    detail: str = ""
    help: str = ""
    permanent: bool = False
    exit_code: int = 1
    http_status: int = 500


class HoldfastError(Exception):
    """Base of every error that a person may see.

    Subclasses set the class attributes; an instance says what happened to what (`detail`) and what to do (`help`).
    """

    code: ClassVar[str] = "internal"
    title: ClassVar[str] = "Something went wrong that Holdfast did not foresee"
    advice: ClassVar[str] = "Look at the session's log; report it with the session id if it happens again."
    exit_code: ClassVar[int] = 1
    http_status: ClassVar[int] = 500
    permanent: ClassVar[bool] = False

    def __init__(self, detail: str = "", *, help: str | None = None) -> None:  # noqa: A002 (the contract's word)
        super().__init__(f"{self.title}: {detail}" if detail else self.title)
        self.detail = detail
        self.help = help if help is not None else self.advice

    def info(self) -> ErrorInfo:
        """The error as data."""
        return ErrorInfo(
            code=self.code,
            title=self.title,
            detail=self.detail,
            help=self.help,
            permanent=self.permanent,
            exit_code=self.exit_code,
            http_status=self.http_status,
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rebuild, (type(self), self.detail, self.help))


def _rebuild(kind: type[HoldfastError], detail: str, advice: str) -> HoldfastError:
    return kind(detail, help=advice)


class ReportedError(HoldfastError):
    """An error that another process reported as `ErrorInfo`, raised again here with all that it carried."""

    def __init__(self, info: ErrorInfo) -> None:
        Exception.__init__(self, f"{info.title}: {info.detail}" if info.detail else info.title)
        self.detail = info.detail
        self.help = info.help
        self.reported = info

    def info(self) -> ErrorInfo:
        """The error as it was reported."""
        return self.reported

    def __reduce__(self) -> tuple[Any, ...]:
        return (ReportedError, (self.reported,))


def catalogue() -> dict[str, type[HoldfastError]]:
    """Every error class by its code, for `holdfast explain` and the docs' test."""
    found: dict[str, type[HoldfastError]] = {HoldfastError.code: HoldfastError}
    queue: list[type[HoldfastError]] = list(HoldfastError.__subclasses__())
    while queue:
        kind = queue.pop()
        queue.extend(kind.__subclasses__())
        if kind is not ReportedError and "code" in vars(kind):
            found.setdefault(kind.code, kind)
    return dict(sorted(found.items()))


class InvalidInput(HoldfastError):
    """Words, fields or values that we cannot take. `detail` names the field."""

    code = "invalid-input"
    title = "The input is not valid"
    advice = "Correct what is named and try again."
    exit_code = 2
    http_status = 400
    permanent = True


class InvalidPolicy(InvalidInput):
    code = "invalid-policy"
    title = "The policy is not valid"
    advice = "Correct the field that is named; `holdfast schema policy` prints what a policy may hold."


class NotFound(HoldfastError):
    """Something named does not exist."""

    code = "not-found"
    title = "Not found"
    advice = "Check the name; the list command of the same noun shows what exists."
    exit_code = 4
    http_status = 404
    permanent = True


class Conflict(HoldfastError):
    """Somebody else changed or holds the same thing."""

    code = "conflict"
    title = "The thing is in use or was changed by somebody else"
    advice = "Look at its present state and try again."
    exit_code = 5
    http_status = 409


class Forbidden(HoldfastError):
    """Azure or the repository refused for want of rights."""

    code = "missing-rights"
    title = "The identity lacks a right"
    advice = "Give the identity the right that is named, on the thing that is named, then try again."
    exit_code = 6
    http_status = 403
    permanent = True


class Unavailable(HoldfastError):
    """A service did not answer or asked us to wait; a retry may help."""

    code = "unavailable"
    title = "A service that is needed did not answer"
    advice = "It is tried again by itself; if it goes on, check the service and the network."
    exit_code = 7
    http_status = 503


class Cancelled(HoldfastError):
    """A person cancelled the session."""

    code = "cancelled"
    title = "The session was cancelled"
    advice = "Start it again when you want to."
    exit_code = 130
    http_status = 409
    permanent = True


class RunLost(HoldfastError):
    code = "orchestration-lost"
    title = "The run of this session is gone"
    advice = "Start it again; its copies and workers are removed by the janitor."


# --- sources and staging -------------------------------------------------------------------------------------------


class SourceUnusable(HoldfastError):
    code = "source-unusable"
    title = "The database cannot be backed up as it is"
    advice = "Bring the database online, or leave it out of the policy."
    exit_code = 20
    http_status = 409
    permanent = True


class NoSuchSource(NotFound):
    code = "no-such-source"
    title = "The server, instance or database does not exist"
    exit_code = 20


class StagingServerUnusable(HoldfastError):
    code = "staging-server-unusable"
    title = "The staging server cannot be used"
    advice = (
        "Name a server of the right kind in the policy: a SQL server for databases, an instance for instance databases."
    )
    exit_code = 21
    http_status = 409
    permanent = True


class StagingFailed(HoldfastError):
    code = "staging-failed"
    title = "The staging copy could not be made"
    advice = "Look at the copy's error in Azure; the step is tried again as the policy allows."
    exit_code = 21
    http_status = 502


class NameTaken(HoldfastError):
    code = "name-taken"
    title = "A name that is needed is taken by something that is not ours"
    advice = "Rename or remove what has the name; Holdfast never overwrites what it did not make."
    exit_code = 21
    http_status = 409
    permanent = True


# --- workers -------------------------------------------------------------------------------------------------------


class WorkerFailed(HoldfastError):
    code = "worker-failed"
    title = "The worker could not be started"
    advice = "Check quota, size and subnet of the worker profile in that region."
    exit_code = 30
    http_status = 502


class NoCapacity(WorkerFailed):
    code = "no-capacity"
    title = "Azure has no capacity or quota for the worker"
    advice = "Choose another size or region in the worker profile, or raise the quota."


class WorkerLost(HoldfastError):
    code = "worker-lost"
    title = "The worker stopped reporting"
    advice = "The step is tried again on another worker; look at the machine's boot log if it goes on."
    exit_code = 30
    http_status = 502


class StepTooLong(HoldfastError):
    code = "step-too-long"
    title = "The step did not end in time"
    advice = "See where it stood; raise HOLDFAST_JOB_DEADLINE if it needs longer. It is tried again on another worker."
    exit_code = 30
    http_status = 504


# --- export --------------------------------------------------------------------------------------------------------


class ExportFailed(HoldfastError):
    code = "export-failed"
    title = "The export failed"
    advice = "Read what SqlPackage said; the step is tried again as the policy allows."
    exit_code = 22
    http_status = 502


class ExportBlocked(HoldfastError):
    """The database holds what a BACPAC cannot. The detail names object, cause and mend."""

    code = "export-blocked"
    title = "The database holds what cannot be exported"
    advice = "Mend what is named in the database; no retry can help before that."
    exit_code = 22
    http_status = 422
    permanent = True


class DiskFull(HoldfastError):
    code = "disk-full"
    title = "The worker's disk is full"
    advice = "Choose a size with a larger disk in the worker profile."
    exit_code = 31
    http_status = 507


# --- BACPAC --------------------------------------------------------------------------------------------------------


class BadBacpac(HoldfastError):
    code = "bad-bacpac"
    title = "The file is not a BACPAC that can be read"
    advice = "Export the database again; check that the file arrived whole."
    exit_code = 23
    http_status = 422
    permanent = True


# --- repository ----------------------------------------------------------------------------------------------------


class NoRepository(NotFound):
    code = "no-repository"
    title = "There is no repository there"
    advice = "Check the address, or make one with `holdfast repository init`."
    exit_code = 10


class RepositoryLocked(Conflict):
    code = "repository-locked"
    title = "Another writer holds the chain"
    advice = "Wait until it has ended; a writer that died loses its hold by itself."
    exit_code = 11
    http_status = 423


class WrongKey(HoldfastError):
    code = "wrong-key"
    title = "The password or key does not open the repository"
    advice = (
        "Check the password or key: what the repository's settings name, or the file that you gave; "
        "`holdfast repository key list` shows what opens it."
    )
    exit_code = 12
    http_status = 403
    permanent = True


class Damaged(HoldfastError):
    """Stored data is missing, changed or in the wrong place. The detail names the object."""

    code = "damaged"
    title = "The repository holds damaged data"
    advice = "Run `holdfast repository check --read-data` to see which points are hit."
    exit_code = 13
    http_status = 500
    permanent = True


class Rehydrating(HoldfastError):
    code = "rehydrating"
    title = "The point lies in the archive tier and must be rehydrated first"
    advice = "Start the download or restore through the app: it rehydrates and waits."
    exit_code = 32
    http_status = 409
