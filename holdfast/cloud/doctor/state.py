"""The state account: containers, queue and tables by doing what the app does there; the software; the clocks."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from holdfast.cloud.state_account import BLOB_ROLE, QUEUE_ROLE, state_errors
from holdfast.model.diagnosis import Diagnosis, broken, doubtful, grant, healthy
from holdfast.model.errors import Forbidden, HoldfastError
from holdfast.settings import Settings

if TYPE_CHECKING:
    from azure.data.tables import TableServiceClient
    from azure.storage.blob import BlobServiceClient
    from azure.storage.queue import QueueServiceClient

Check = tuple[str, str, Callable[[], Iterable[Diagnosis]]]

TABLE_ROLE = "Storage Table Data Contributor"
#: Links and tokens are valid from some minutes before their making; beyond that, storage refuses them.
_SKEW, _WORST = timedelta(seconds=30), timedelta(minutes=5)


class State:
    """Writes one probe blob a container and removes it; reads the rest."""

    def __init__(
        self, settings: Settings, blobs: BlobServiceClient, queues: QueueServiceClient, tables: TableServiceClient
    ) -> None:
        self._settings, self._blobs, self._queues, self._tables = settings, blobs, queues, tables

    def checks(self) -> Iterator[Check]:
        """One check a place."""
        given = self._settings
        for name in (given.jobs_container, given.details_container, given.exports_container):
            yield "state", f"container {name}", lambda name=name: self._container(name)  # type: ignore[misc]
        yield "state", f"queue {given.events_queue}", self._queue
        yield "state", "tables", self._table
        for what, url in (("worker bundle", given.worker_bundle_url), ("SqlPackage", given.sqlpackage_url)):
            if url:
                yield "software", what, lambda what=what, url=url: self._software(what, url)  # type: ignore[misc]
        yield "clock", "the machine's clock", self._clock

    def _container(self, name: str) -> Iterator[Diagnosis]:
        from azure.core.exceptions import ResourceNotFoundError

        client, what = self._blobs.get_container_client(name), f"container {name}"
        probe = f"doctor/{uuid.uuid4().hex}"
        try:
            with self._errors(what, BLOB_ROLE):
                client.upload_blob(probe, b"")
                client.get_blob_client(probe).download_blob().readall()
                client.delete_blob(probe)
        except Forbidden as error:
            yield self._refused(what, error, BLOB_ROLE)
        except ResourceNotFoundError:
            yield self._absent(what, f"az storage container create --auth-mode login --account-name ACCOUNT -n {name}")
        else:
            yield healthy("state", what, "written, read and deleted")

    def _queue(self) -> Iterator[Diagnosis]:
        from azure.core.exceptions import ResourceNotFoundError

        name = self._settings.events_queue
        what = f"queue {name}"
        try:
            with self._errors(what, QUEUE_ROLE):
                client = self._queues.get_queue_client(name)
                client.get_queue_properties()
                client.peek_messages()
        except Forbidden as error:
            yield self._refused(what, error, QUEUE_ROLE)
        except ResourceNotFoundError:
            yield self._absent(what, f"az storage queue create --auth-mode login --account-name ACCOUNT -n {name}")
        else:
            yield healthy("state", what)

    def _table(self) -> Iterator[Diagnosis]:
        try:
            with self._errors("the tables", TABLE_ROLE):
                next(iter(self._tables.list_tables(results_per_page=1)), None)
        except Forbidden as error:
            yield self._refused("tables", error, TABLE_ROLE)
        else:
            yield healthy("state", "tables")

    def _software(self, what: str, url: str) -> Iterator[Diagnosis]:
        from azure.core.exceptions import ResourceNotFoundError
        from azure.storage.blob import BlobClient

        named = BlobClient.from_blob_url(url)
        if named.primary_hostname != self._blobs.primary_hostname:
            yield healthy("software", what, "lies in another account; workers fetch it with their own identity")
            return
        try:
            with self._errors(what, "Storage Blob Data Reader"):
                size = self._blobs.get_blob_client(named.container_name, named.blob_name).get_blob_properties().size
        except ResourceNotFoundError:
            yield broken("software", what, f"there is no {url}", "Upload it, or correct its address in the settings.")
        except HoldfastError as error:
            yield broken("software", what, error.detail, error.help)
        else:
            yield healthy("software", what, f"{size} bytes")

    def _clock(self) -> Iterator[Diagnosis]:
        seen: list[datetime] = []

        def note(response: Any) -> None:
            text = response.http_response.headers.get("Date")
            if text:
                seen.append(parsedate_to_datetime(text))

        with self._errors("the account", BLOB_ROLE):
            next(
                iter(
                    self._blobs.get_container_client(self._settings.jobs_container).list_blobs(raw_response_hook=note)
                ),
                None,
            )
        yield judged_clock(datetime.now(UTC), seen[-1] if seen else None)

    def _errors(self, what: str, role: str) -> Any:
        return _keeping_absence(what, role)

    def _refused(self, what: str, error: Forbidden, role: str) -> Diagnosis:
        return broken("state", what, error.detail, grant(self._settings.identity_client_id, role, "STATE_ACCOUNT_ID"))

    @staticmethod
    def _absent(what: str, mend: str) -> Diagnosis:
        return broken("state", what, "it is not there", mend)


def judged_clock(ours: datetime, storage: datetime | None) -> Diagnosis:
    """The machine's clock against storage's own, as its answers carry it (to the second)."""
    if storage is None:
        return doubtful("clock", "the machine's clock", "storage did not say the time", "Check the network's proxies.")
    off = abs(ours - storage)
    why = f"{off.total_seconds():.0f} s from storage's clock"
    if off > _WORST:
        return broken("clock", "the machine's clock", why, "Set the clock right: storage refuses links and tokens.")
    if off > _SKEW:
        return doubtful("clock", "the machine's clock", why, "Set the clock right, before storage refuses links.")
    return healthy("clock", "the machine's clock", why)


class _keeping_absence:  # noqa: N801 (used as a context)
    """`state_errors`, but what is not there stays ResourceNotFoundError."""

    def __init__(self, what: str, role: str) -> None:
        self._inner = state_errors(what, role)

    def __enter__(self) -> None:
        self._inner.__enter__()

    def __exit__(self, kind: Any, error: Any, trace: Any) -> bool | None:
        from azure.core.exceptions import ResourceNotFoundError

        if isinstance(error, ResourceNotFoundError):
            return False
        return self._inner.__exit__(kind, error, trace)
