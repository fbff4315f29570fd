"""Containers and queues of the state account that refuse: the error names the thing, the role and whose it is."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from azure.core.credentials import AzureNamedKeyCredential
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from holdfast.cloud.dispatch import JobDispatch
from holdfast.cloud.exports import Exports
from holdfast.cloud.state_account import state_errors
from holdfast.model.clock import SystemClock
from holdfast.model.errors import Forbidden, HoldfastError, Unavailable
from holdfast.model.job import Job, JobResult

_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_KEY = AzureNamedKeyCredential("state", "a2V5")


class Refusing(BaseHTTPRequestHandler):
    """Answers everything as storage does where a role is missing."""

    status, code = 403, "AuthorizationPermissionMismatch"

    def _refuse(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(self.status)
        self.send_header("x-ms-error-code", self.code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _refuse  # noqa: N815 (the server's own names)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class's name)
        """Says nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    """An account that refuses everything."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/state"
    server.shutdown()
    thread.join()
    server.server_close()


def _job() -> Job:
    return Job(
        id="j", kind="export", session="s", step="export", instance_id="i", worker="w1", submitted_at=_NOW, spec={}
    )


_RESULT = JobResult(job="j", kind="export", state="lost", ended_at=_NOW)
_DISPATCHED: list[tuple[Callable[[JobDispatch], object], str, str]] = [
    (lambda d: d.submit(_job()), "the container jobs", "Storage Blob Data Contributor"),
    (lambda d: d.result("s", "j"), "the container jobs", "Storage Blob Data Contributor"),
    (lambda d: d.end("s", _RESULT), "the container jobs", "Storage Blob Data Contributor"),
    (lambda d: d.cancel("s", "j"), "the container jobs", "Storage Blob Data Contributor"),
    (lambda d: d.open_queue("w1"), "the queue worker-w1", "Storage Queue Data Contributor"),
    (lambda d: d.drop_worker("w1"), "the queue worker-w1", "Storage Queue Data Contributor"),
]
_EXPORTED: list[tuple[Callable[[Exports], object], str]] = [
    (lambda e: list(e.list()), "Storage Blob Data Contributor"),
    (lambda e: e.delete("b"), "Storage Blob Data Contributor"),
]


def _refused(call: Callable[[], object], place: str, role: str) -> None:
    with pytest.raises(Forbidden) as raised:
        call()
    assert raised.value.detail == f"{place}: storage refused the app's identity (AuthorizationPermissionMismatch)"
    assert f"{role} on {place}" in raised.value.help


@pytest.mark.parametrize(("call", "place", "role"), _DISPATCHED)
def test_a_missing_right_on_jobs_is_named(
    url: str, call: Callable[[JobDispatch], object], place: str, role: str
) -> None:
    with BlobServiceClient(url, credential=_KEY) as blobs, QueueServiceClient(url, credential=_KEY) as queues:
        dispatch = JobDispatch(blobs.get_container_client("jobs"), queues, SystemClock())
        _refused(lambda: call(dispatch), place, role)


@pytest.mark.parametrize(("call", "role"), _EXPORTED)
def test_a_missing_right_on_exports_is_named(url: str, call: Callable[[Exports], object], role: str) -> None:
    with BlobServiceClient(url, credential=_KEY) as blobs:
        _refused(lambda: call(Exports(blobs, "exports")), "the container exports", role)


def test_a_link_needs_a_role_of_its_own(url: str) -> None:
    """Signing by Entra is a right on the account, not on the container."""
    with BlobServiceClient(url, credential=_KEY) as blobs:
        _refused(
            lambda: Exports(blobs, "exports").link("b", life=timedelta(hours=1)),
            "the container exports",
            "Storage Blob Delegator",
        )


@pytest.mark.parametrize("status", [404, 409, 429, 500, 503])
def test_whatever_else_storage_answers_may_pass(url: str, status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Refusing, "status", status)
    monkeypatch.setattr(Refusing, "code", "Whatever")
    with BlobServiceClient(url, credential=_KEY, retry_total=0) as blobs, pytest.raises(HoldfastError) as raised:
        Exports(blobs, "exports").link("b", life=timedelta(hours=1))
    assert type(raised.value) is Unavailable
    assert raised.value.detail == "the container exports: Whatever"


def test_storage_that_is_not_there_is_unavailable_and_no_address_is_told() -> None:
    nowhere = BlobServiceClient("http://127.0.0.1:1/state", credential=_KEY, retry_total=0)
    with nowhere, pytest.raises(Unavailable) as raised, state_errors("the container x", "role"):
        nowhere.get_container_client("x").get_container_properties()
    assert "127.0.0.1" not in str(raised.value)
