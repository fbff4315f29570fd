"""The app's side of the job protocol: hands jobs to workers and reads what they answer.

The protocol is in `holdfast.model.job`. Every call is safe to repeat; the result blob is written once, by whoever is
first: the worker, or the app that gives the worker up.
"""

from __future__ import annotations

import contextlib
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel

from holdfast.cloud.state_account import BLOB_ROLE, QUEUE_ROLE, state_errors
from holdfast.model.clock import Clock
from holdfast.model.job import (
    Heartbeat,
    Job,
    JobResult,
    WorkerCheckIn,
    WorkerMessage,
    check_in_blob,
    job_blob,
    worker_queue,
)

if TYPE_CHECKING:
    from azure.storage.blob import ContainerClient
    from azure.storage.queue import QueueServiceClient

_Document = TypeVar("_Document", bound=BaseModel)

#: A message outlives every wait for a worker; a worker that comes later finds the job ended.
_MESSAGE_LIFE = timedelta(days=7)


class JobDispatch:
    """Jobs out, results in. Every method may raise Forbidden, for the container or the queue, and Unavailable."""

    def __init__(self, jobs: ContainerClient, queues: QueueServiceClient, clock: Clock) -> None:
        self.jobs, self.queues, self.clock = jobs, queues, clock

    def submit(self, job: Job) -> None:
        """Writes the job's document, then sends the worker where it lies.

        Done twice, the same document is written again and the worker gets a second message, which it answers with the
        result that exists.
        """
        with self._blobs():
            self._upload(job_blob(job.session, job.id), job, overwrite=True)
        message = WorkerMessage(session=job.session, job=job.id).model_dump_json()
        queue = self.queues.get_queue_client(worker_queue(job.worker))
        with self._queues(job.worker):
            queue.send_message(message, time_to_live=int(_MESSAGE_LIFE.total_seconds()))

    def open_queue(self, worker: str) -> None:
        """Makes the worker's queue where it is missing."""
        from azure.core.exceptions import ResourceExistsError

        with self._queues(worker), contextlib.suppress(ResourceExistsError):
            self.queues.create_queue(worker_queue(worker))

    def drop_worker(self, worker: str) -> None:
        """Removes the worker's queue and its check-in, once the machine is gone."""
        from azure.core.exceptions import ResourceNotFoundError

        with self._queues(worker), contextlib.suppress(ResourceNotFoundError):
            self.queues.delete_queue(worker_queue(worker))
        with self._blobs(), contextlib.suppress(ResourceNotFoundError):
            self.jobs.delete_blob(check_in_blob(worker))

    def result(self, session: str, job: str) -> JobResult | None:
        """What became of the job, or None while it runs."""
        return self._read(job_blob(session, job, "result"), JobResult)

    def end(self, session: str, result: JobResult) -> JobResult:
        """Ends a job from the app's side; gives back the result that holds, the worker's own if that was first."""
        from azure.core.exceptions import ResourceExistsError

        with self._blobs():
            try:
                self._upload(job_blob(session, result.job, "result"), result, overwrite=False)
            except ResourceExistsError:
                return self.result(session, result.job) or result
        return result

    def heartbeat(self, session: str, job: str) -> Heartbeat | None:
        """The job's last sign of life."""
        return self._read(job_blob(session, job, "heartbeat"), Heartbeat)

    def check_in(self, worker: str) -> WorkerCheckIn | None:
        """The worker's last sign of life."""
        return self._read(check_in_blob(worker), WorkerCheckIn)

    def cancel(self, session: str, job: str) -> None:
        """Asks the worker to stop the job; it looks at every heartbeat."""
        with self._blobs():
            self.jobs.upload_blob(job_blob(session, job, "cancel"), b"{}", overwrite=True)

    def _upload(self, name: str, value: BaseModel, *, overwrite: bool) -> None:
        self.jobs.upload_blob(name, value.model_dump_json().encode(), overwrite=overwrite)

    def _read(self, name: str, kind: type[_Document]) -> _Document | None:
        from azure.core.exceptions import ResourceNotFoundError

        with self._blobs():
            try:
                return kind.model_validate_json(self.jobs.download_blob(name).readall())
            except ResourceNotFoundError:
                return None

    def _blobs(self) -> contextlib.AbstractContextManager[None]:
        return state_errors(f"the container {self.jobs.container_name}", BLOB_ROLE)

    @staticmethod
    def _queues(worker: str) -> contextlib.AbstractContextManager[None]:
        return state_errors(f"the queue {worker_queue(worker)}", QUEUE_ROLE)
