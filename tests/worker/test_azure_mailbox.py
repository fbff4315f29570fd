"""The worker's mailbox and its uploads on Azurite: the app's side is the app's own code."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from holdfast.cloud.dispatch import JobDispatch
from holdfast.model.clock import SystemClock
from holdfast.model.errors import Cancelled, Conflict, WorkerLost
from holdfast.model.job import (
    DownloadSpec,
    Heartbeat,
    Job,
    JobEvent,
    JobResult,
    WorkerCheckIn,
    WorkerMessage,
    worker_queue,
)
from holdfast.worker import handing_out
from holdfast.worker.assignment import Assignment
from holdfast.worker.mailbox import AzureMailbox
from holdfast.worker.stopping import StopReason
from local import azurite
from local.azurite import Azurite, StorageAccount

if TYPE_CHECKING:
    from tests.worker.conftest import Office

NOW = datetime(2026, 1, 2, tzinfo=UTC)
HIDDEN = timedelta(seconds=60)


@pytest.fixture(scope="module")
def account() -> StorageAccount:
    return StorageAccount.make("state")


@pytest.fixture(scope="module")
def storage(account: StorageAccount, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azurite]:
    found = azurite.start([account], folder=None, log=tmp_path_factory.mktemp("azurite") / "azurite.log")
    yield found
    found.stop()


class Ends:
    """Both ends of the protocol on one account."""

    def __init__(self, storage: Azurite, account: StorageAccount) -> None:
        self.worker = f"hf-{uuid.uuid4().hex[:8]}"
        text = storage.connection_string(account)
        self.blobs = BlobServiceClient.from_connection_string(text)
        self.queues = QueueServiceClient.from_connection_string(text)
        self.jobs = self.blobs.create_container(f"jobs-{uuid.uuid4().hex[:8]}")
        self.events = self.queues.create_queue(f"events-{uuid.uuid4().hex[:8]}")
        self.app = JobDispatch(self.jobs, self.queues, SystemClock())
        queue = self.queues.get_queue_client(worker_queue(self.worker))
        self.mailbox = AzureMailbox(self.jobs, queue, self.events)

    def job(self) -> Job:
        return Job(
            id="preflight-1",
            kind="preflight",
            session="s1",
            step="preflight",
            instance_id="i",
            worker=self.worker,
            submitted_at=NOW,
            spec={},
        )

    def close(self) -> None:
        for client in (self.blobs, self.queues, self.jobs, self.events, self.mailbox.queue):
            client.close()


@pytest.fixture
def ends(storage: Azurite, account: StorageAccount) -> Iterator[Ends]:
    made = Ends(storage, account)
    yield made
    made.close()


def result(state: str = "succeeded") -> JobResult:
    return JobResult.model_validate({"job": "preflight-1", "kind": "preflight", "state": state, "ended_at": NOW})


def test_before_the_app_makes_the_queue_there_is_just_no_message(ends: Ends) -> None:
    assert ends.mailbox.receive(HIDDEN) is None


def test_a_job_goes_to_the_worker_and_its_result_comes_back(ends: Ends) -> None:
    ends.app.open_queue(ends.worker)
    ends.app.submit(ends.job())
    delivery = ends.mailbox.receive(HIDDEN)
    assert delivery is not None
    message = WorkerMessage.model_validate_json(delivery.text)
    document = ends.mailbox.read_job(message.session, message.job)
    assert document is not None
    assert Job.model_validate_json(document) == ends.job()
    assert ends.mailbox.receive(HIDDEN) is None, "a message in hand is hidden"
    ends.mailbox.heartbeat("s1", "preflight-1", Heartbeat(worker=ends.worker, at=NOW))
    assert ends.app.heartbeat("s1", "preflight-1") == Heartbeat(worker=ends.worker, at=NOW)
    assert ends.mailbox.result("s1", "preflight-1") is None
    assert ends.mailbox.publish("s1", result()) == result()
    assert ends.app.result("s1", "preflight-1") == result()
    ends.mailbox.announce(JobEvent(instance_id="i", session="s1", job="preflight-1", state="succeeded"))
    (event,) = ends.events.receive_messages()
    assert JobEvent.model_validate_json(event.content).job == "preflight-1"
    ends.mailbox.remove(delivery)
    assert ends.mailbox.queue.get_queue_properties().approximate_message_count == 0


def test_the_first_result_holds_whoever_wrote_it(ends: Ends) -> None:
    lost = result("lost").model_copy(update={"error": WorkerLost("silent").info()})
    assert ends.app.end("s1", lost) == lost
    assert ends.mailbox.publish("s1", result()) == lost
    assert ends.app.result("s1", "preflight-1") == lost


def test_a_cancel_marker_is_seen(ends: Ends) -> None:
    assert not ends.mailbox.cancel_asked("s1", "preflight-1")
    ends.app.cancel("s1", "preflight-1")
    assert ends.mailbox.cancel_asked("s1", "preflight-1")


def test_a_renewed_message_can_still_be_removed_and_a_given_back_one_comes_at_once(ends: Ends) -> None:
    ends.app.open_queue(ends.worker)
    ends.app.submit(ends.job())
    first = ends.mailbox.receive(HIDDEN)
    assert first is not None
    receipt = first.receipt
    assert ends.mailbox.renew(first, HIDDEN)
    assert first.receipt != receipt
    assert ends.mailbox.renew(first, timedelta(0))
    second = ends.mailbox.receive(HIDDEN)
    assert second is not None
    assert (second.id, second.text, second.count) == (first.id, first.text, 2)
    assert not ends.mailbox.renew(first, HIDDEN), "its receipt is void since somebody took the message"
    ends.mailbox.remove(first)
    assert ends.mailbox.renew(second, HIDDEN), "removing with a void receipt removes nothing"
    ends.mailbox.remove(second)
    assert not ends.mailbox.renew(second, HIDDEN)
    ends.mailbox.remove(second)


def test_the_app_sees_the_worker_check_in(ends: Ends) -> None:
    check_in = WorkerCheckIn(worker=ends.worker, boot_id="b", version="1", started_at=NOW, at=NOW, running=["j"])
    ends.mailbox.check_in(check_in)
    ends.mailbox.check_in(check_in.model_copy(update={"running": []}))
    assert ends.app.check_in(ends.worker) == check_in.model_copy(update={"running": []})


# --- uploads of downloads --------------------------------------------------------------------------------------------


def upload(office: Office, ends: Ends, account: StorageAccount, file: Path, **changes: Any) -> Assignment:
    """An assignment that uploads with the account's key instead of a token."""
    office.credential = account.key
    ends.jobs.create_container() if not ends.jobs.exists() else None
    spec = {
        "repository": {"name": "n", "url": "u", "region": "r", "password_secret": "p"},
        "chain": "c",
        "point": "p",
        "container_url": ends.jobs.url,
        "blob": "s1/sales ä.bacpac",
    }
    job = ends.job().model_copy(update={"kind": "download", "spec": {**spec, **changes}})
    return Assignment(job, office.equipment, office.mailbox)


def test_an_upload_appears_whole_and_a_second_one_leaves_it(
    office: Office, ends: Ends, account: StorageAccount, tmp_path: Path
) -> None:
    file = tmp_path / "f"
    file.write_bytes(bytes(range(256)) * 80_000)  # three blocks
    assignment = upload(office, ends, account, file)
    for _ in range(2):
        handing_out.hand_out(assignment, assignment.spec(DownloadSpec), file, "abc")
    blob = ends.jobs.get_blob_client("s1/sales ä.bacpac")
    assert blob.download_blob().readall() == file.read_bytes()
    assert assignment.progress.latest().bytes_total == file.stat().st_size


def test_somebody_elses_blob_is_not_overwritten(
    office: Office, ends: Ends, account: StorageAccount, tmp_path: Path
) -> None:
    file = tmp_path / "f"
    file.write_bytes(b"ours")
    ends.jobs.upload_blob("s1/sales ä.bacpac", b"theirs")
    assignment = upload(office, ends, account, file)
    with pytest.raises(Conflict):
        handing_out.hand_out(assignment, assignment.spec(DownloadSpec), file, "abc")
    assert ends.jobs.download_blob("s1/sales ä.bacpac").readall() == b"theirs"


def test_a_cancelled_upload_leaves_no_blob(office: Office, ends: Ends, account: StorageAccount, tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_bytes(bytes(20 << 20))
    assignment = upload(office, ends, account, file)
    assignment.stop.ask(StopReason.CANCELLED)
    with pytest.raises(Cancelled):
        handing_out.hand_out(assignment, assignment.spec(DownloadSpec), file, "abc")
    assert not ends.jobs.get_blob_client("s1/sales ä.bacpac").exists()


def test_what_a_job_keeps_another_worker_finds(ends: Ends) -> None:
    assert ends.mailbox.kept("s1", "hf-1-2.repairs.json") is None
    for text in (b"[1]", b"[1, 2]"):
        ends.mailbox.keep("s1", "hf-1-2.repairs.json", text)
    other = AzureMailbox(ends.jobs, ends.mailbox.queue, ends.events)
    assert other.kept("s1", "hf-1-2.repairs.json") == b"[1, 2]"
    assert other.kept("s2", "hf-1-2.repairs.json") is None
