"""The worker's side of the job protocol (`holdfast.model.job`): its queue, the job's blobs, the events queue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol

from pydantic import BaseModel

from holdfast.model.job import (
    Heartbeat,
    JobEvent,
    JobResult,
    WorkerCheckIn,
    check_in_blob,
    job_blob,
    worker_queue,
)

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential
    from azure.core.exceptions import HttpResponseError
    from azure.storage.blob import ContainerClient
    from azure.storage.queue import QueueClient

    from holdfast.settings import WorkerSettings


@dataclass
class Delivery:
    """One message in hand. `receipt` changes at every renewal; only its holder may renew or remove the message."""

    id: str
    text: str
    receipt: str
    count: int = 1


class Mailbox(Protocol):
    """What a worker reads and writes.

    Every method may raise an error of the service after the SDK's own retries; all may be called again.
    """

    def receive(self, hidden_for: timedelta) -> Delivery | None:
        """Takes one message, hidden from everybody for that long; None where there is none, or no queue yet."""
        ...

    def renew(self, delivery: Delivery, hidden_for: timedelta) -> bool:
        """Hides the message for that long from now (0: gives it back at once). False: it is no longer ours."""
        ...

    def remove(self, delivery: Delivery) -> None:
        """Removes the message for good; one that is gone or no longer ours is fine."""
        ...

    def read_job(self, session: str, job: str) -> bytes | None:
        """The job document as it lies there; None where there is none."""
        ...

    def result(self, session: str, job: str) -> JobResult | None:
        """The result that holds, ours or the app's; None while there is none."""
        ...

    def publish(self, session: str, result: JobResult) -> JobResult:
        """Writes the result if there is none yet; gives back the one that holds."""
        ...

    def announce(self, event: JobEvent) -> None:
        """Tells the app that the job has ended. Telling twice is fine."""
        ...

    def heartbeat(self, session: str, job: str, heartbeat: Heartbeat) -> None:
        """Writes the job's sign of life."""
        ...

    def cancel_asked(self, session: str, job: str) -> bool:
        """Whether somebody asked for the job to be cancelled."""
        ...

    def check_in(self, check_in: WorkerCheckIn) -> None:
        """Writes the worker's sign of life."""
        ...

    def keep(self, session: str, name: str, text: bytes) -> None:
        """Writes what a job must know again if it is done again, perhaps on another worker; replaces what was there."""
        ...

    def kept(self, session: str, name: str) -> bytes | None:
        """What was kept under that name; None where nothing was."""
        ...


class AzureMailbox:
    """The mailbox in Azure Blob and Queue Storage, by managed identity."""

    def __init__(self, jobs: ContainerClient, queue: QueueClient, events: QueueClient) -> None:
        self.jobs, self.queue, self.events = jobs, queue, events

    @classmethod
    def open(cls, settings: WorkerSettings, credential: TokenCredential) -> AzureMailbox:
        """The mailbox of the worker that the settings name."""
        from azure.storage.blob import ContainerClient
        from azure.storage.queue import QueueClient

        version: Mapping[str, Any] = (
            {"api_version": settings.storage_api_version} if settings.storage_api_version else {}
        )
        return cls(
            ContainerClient(settings.blob_endpoint, settings.jobs_container, credential=credential, **version),
            QueueClient(settings.queue_endpoint, worker_queue(settings.name), credential=credential, **version),
            QueueClient(settings.queue_endpoint, settings.events_queue, credential=credential, **version),
        )

    def receive(self, hidden_for: timedelta) -> Delivery | None:
        """See `Mailbox`. The app makes the queue before the machine; after the machine it removes it."""
        from azure.core.exceptions import ResourceNotFoundError

        try:
            found = self.queue.receive_message(visibility_timeout=_seconds(hidden_for))
        except ResourceNotFoundError:
            return None
        if found is None:
            return None
        return Delivery(found.id, str(found.content), str(found.pop_receipt), found.dequeue_count or 1)

    def renew(self, delivery: Delivery, hidden_for: timedelta) -> bool:
        """See `Mailbox`."""
        from azure.core.exceptions import HttpResponseError

        try:
            renewed = self.queue.update_message(
                delivery.id, delivery.receipt, content=delivery.text, visibility_timeout=_seconds(hidden_for)
            )
        except HttpResponseError as error:
            if _not_ours(error):
                return False
            raise
        delivery.receipt = str(renewed.pop_receipt)
        return True

    def remove(self, delivery: Delivery) -> None:
        """See `Mailbox`."""
        from azure.core.exceptions import HttpResponseError

        try:
            self.queue.delete_message(delivery.id, delivery.receipt)
        except HttpResponseError as error:
            if not _not_ours(error):
                raise

    def read_job(self, session: str, job: str) -> bytes | None:
        """See `Mailbox`."""
        return self._read(job_blob(session, job))

    def result(self, session: str, job: str) -> JobResult | None:
        """See `Mailbox`."""
        found = self._read(job_blob(session, job, "result"))
        return None if found is None else JobResult.model_validate_json(found)

    def publish(self, session: str, result: JobResult) -> JobResult:
        """See `Mailbox`. The blob is created with `If-None-Match: *`: the first writer wins."""
        from azure.core.exceptions import ResourceExistsError

        try:
            self._write(job_blob(session, result.job, "result"), result, overwrite=False)
        except ResourceExistsError:
            # Ours, if an answer was lost on the way and the SDK wrote again; or the app gave us up.
            return self.result(session, result.job) or result
        return result

    def announce(self, event: JobEvent) -> None:
        """See `Mailbox`."""
        self.events.send_message(event.model_dump_json())

    def heartbeat(self, session: str, job: str, heartbeat: Heartbeat) -> None:
        """See `Mailbox`."""
        self._write(job_blob(session, job, "heartbeat"), heartbeat, overwrite=True)

    def cancel_asked(self, session: str, job: str) -> bool:
        """See `Mailbox`."""
        return bool(self.jobs.get_blob_client(job_blob(session, job, "cancel")).exists())

    def check_in(self, check_in: WorkerCheckIn) -> None:
        """See `Mailbox`."""
        self._write(check_in_blob(check_in.worker), check_in, overwrite=True)

    def keep(self, session: str, name: str, text: bytes) -> None:
        """See `Mailbox`."""
        self.jobs.upload_blob(f"{session}/{name}", text, overwrite=True)

    def kept(self, session: str, name: str) -> bytes | None:
        """See `Mailbox`."""
        return self._read(f"{session}/{name}")

    def _write(self, name: str, value: BaseModel, *, overwrite: bool) -> None:
        self.jobs.upload_blob(name, value.model_dump_json().encode(), overwrite=overwrite)

    def _read(self, name: str) -> bytes | None:
        from azure.core.exceptions import ResourceNotFoundError

        try:
            return bytes(self.jobs.download_blob(name).readall())
        except ResourceNotFoundError:
            return None


def _seconds(span: timedelta) -> int:
    """Whole seconds, at least one unless there are none: the queue knows no fractions."""
    return max(1, round(span.total_seconds())) if span else 0


def _not_ours(error: HttpResponseError) -> bool:
    """Whether the queue says that the message is gone or in somebody else's hands."""
    code = getattr(error, "error_code", None)
    return error.status_code == 404 or getattr(code, "value", code) == "PopReceiptMismatch"
