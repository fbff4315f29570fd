"""Messages: taken once, kept hidden, answered once, and removed only when the answer is announced."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from holdfast.model.errors import WorkerLost
from holdfast.model.job import Job, JobResult
from holdfast.model.preflight.finding import Finding
from holdfast.worker import runner as runner_module
from holdfast.worker.mailbox import Delivery

if TYPE_CHECKING:
    from tests.worker.conftest import Office, StandIn

NOTHING_DONE: dict[str, Any] = {"transformations": [], "refused": []}
SHORT = timedelta(seconds=0.3)


@pytest.fixture
def probe(office: Office, tmp_path: Path) -> Callable[..., None]:
    """Makes the preflight probe of the worker: it notes every run and prints the rows."""

    def make(rows: dict[str, Any] | None = None, *, seconds: float = 0.0) -> None:
        file = tmp_path / "probe.py"
        file.write_text(
            f"import sys, time; sys.stdin.read(); open({str(tmp_path / 'probes')!r}, 'a').write('x');"
            f"time.sleep({seconds}); print({json.dumps(rows if rows is not None else {'P01': []})!r})"
        )
        office.use(sql_probe=f"{sys.executable} {file}")

    make()
    return make


@pytest.fixture
def probes(tmp_path: Path) -> Callable[[], int]:
    """How often the probe ran."""
    return lambda: len((tmp_path / "probes").read_text()) if (tmp_path / "probes").exists() else 0


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What must get through is tried again soon."""
    monkeypatch.setattr(runner_module, "_INSIST_PAUSE_SECONDS", 0.05)


def preflight(office: Office, **changes: Any) -> Job:
    return office.job("preflight", {"connection": {"host": "h", "database": "d"}}, **changes)


def test_a_job_is_answered_announced_and_removed(office: Office, probe: Callable[..., None]) -> None:
    job = preflight(office)
    result = office.run(job)
    assert (result.state, result.output) == ("succeeded", {"findings": [], "rows": {}, **NOTHING_DONE})
    (event,) = office.mailbox.events
    assert (event.instance_id, event.session, event.job, event.state) == ("instance-7", "s1", job.id, "succeeded")


def test_what_blocks_an_export_fails_the_preflight_and_is_all_in_the_output(
    office: Office, probe: Callable[..., None]
) -> None:
    probe({"P04": [{"name": f"CORP\\u{number}"} for number in range(12)], "P09": [{"name": "cred"}]})
    result = office.run(preflight(office))
    assert result.error is not None
    assert (result.state, result.error.code) == ("failed", "export-blocked")
    assert "User [CORP\\u0]" in result.error.detail
    assert "2 more" in result.error.detail
    findings = [Finding.model_validate(found) for found in result.output["findings"]]
    assert len(findings) == 13


def test_warnings_do_not_stop_a_preflight(office: Office, probe: Callable[..., None]) -> None:
    probe({"P09": [{"name": "cred"}], "P07": [{"name": "anna"}], "V01": [{"s": "dbo", "t": "t", "n": 5}]})
    result = office.run(preflight(office))
    assert result.state == "succeeded"
    assert [found["id"] for found in result.output["findings"]] == ["P07", "P09"]
    assert result.output["rows"] == {"dbo.t": 5}


def test_a_message_delivered_twice_is_done_once_and_announced_twice(
    office: Office, probe: Callable[..., None], probes: Callable[[], int]
) -> None:
    job = preflight(office)
    office.run(job)

    def deaf(called: str) -> None:
        # The thread that listens would see the result too, and stop the job in time: not here.
        if called == "result" and threading.current_thread().name.startswith("keep-"):
            raise ConnectionError("storage is away")

    office.mailbox.fault = deaf
    office.mailbox.submit(job)
    office.wait_for(lambda: len(office.mailbox.events) == 2 and not office.mailbox.messages)
    assert probes() == 1
    assert len(office.mailbox.results) == 1


def test_two_messages_of_one_job_at_once_are_one_job(
    office: Office, probe: Callable[..., None], probes: Callable[[], int]
) -> None:
    probe(seconds=0.5)
    office.use(parallel=3)
    job = preflight(office)
    office.mailbox.submit(job)
    office.mailbox.submit(job)
    office.start()
    office.wait_for(lambda: office.mailbox.events and not office.mailbox.messages)
    assert probes() == 1


def test_a_message_stays_hidden_while_its_job_runs(
    office: Office, probe: Callable[..., None], probes: Callable[[], int]
) -> None:
    """The job takes four times as long as a message stays hidden by itself."""
    probe(seconds=1.2)
    office.use(parallel=2)
    office.start(hidden_for=SHORT)
    job = preflight(office)
    office.mailbox.submit(job)
    office.result_of(job)
    assert probes() == 1
    assert office.mailbox.renewals > 3


def test_a_message_that_came_back_while_its_job_runs_is_taken_over(
    office: Office, probe: Callable[..., None], probes: Callable[[], int]
) -> None:
    """Renewals fail for a while, as on a machine that stood still: the queue delivers the message again."""
    probe(seconds=1.5)
    office.use(parallel=2)

    def no_renewals(method: str) -> None:
        if method == "renew":
            raise ConnectionError("the network is away")

    office.mailbox.fault = no_renewals
    office.start(hidden_for=SHORT)
    job = preflight(office)
    name = office.mailbox.submit(job)
    office.wait_for(lambda: office.mailbox.messages[name]["count"] >= 2)
    office.mailbox.fault = lambda _method: None
    assert office.result_of(job).state == "succeeded"
    assert probes() == 1


def test_as_many_jobs_run_at_once_as_the_profile_says(
    office: Office, probe: Callable[..., None], probes: Callable[[], int]
) -> None:
    probe(seconds=1.0)
    office.use(parallel=2)
    loop = office.start()
    jobs = [preflight(office) for _ in range(3)]
    for job in jobs:
        office.mailbox.submit(job)
    most = 0
    while len(office.mailbox.events) < 3:
        most = max(most, len(loop.running()))
        time.sleep(0.01)
    assert most == 2
    assert probes() == 3


def test_the_worker_says_which_jobs_it_has_in_hand(office: Office, probe: Callable[..., None]) -> None:
    probe(seconds=0.5)
    job = preflight(office)
    office.run(job)
    office.wait_for(lambda: office.mailbox.check_ins[-1].running == [])
    assert any(check_in.running == [job.id] for check_in in office.mailbox.check_ins)
    assert len({check_in.boot_id for check_in in office.mailbox.check_ins}) == 1


def test_a_restarted_worker_checks_in_with_another_boot_id(office: Office) -> None:
    for _ in range(2):
        office.start()
        count = len(office.mailbox.check_ins)
        office.wait_for(lambda seen=count: len(office.mailbox.check_ins) > seen)
        office.stop()
    assert len({check_in.boot_id for check_in in office.mailbox.check_ins}) == 2


@pytest.mark.parametrize("text", ["", "no json", "{}", "[1]", '{"session": 5}', "\x00\ud7ff"])
def test_a_message_that_nobody_can_read_is_removed_and_the_next_is_done(
    office: Office, probe: Callable[..., None], text: str
) -> None:
    office.mailbox.send(text)
    assert office.run(preflight(office)).state == "succeeded"
    assert office.mailbox.messages == {}


def test_a_message_without_a_document_is_removed(office: Office, probe: Callable[..., None]) -> None:
    office.mailbox.send('{"session": "s1", "job": "gone"}')
    assert office.run(preflight(office)).state == "succeeded"
    assert "gone" not in office.mailbox.results


def test_an_invalid_document_ends_its_job_as_far_as_it_can_be_read(office: Office) -> None:
    office.mailbox.documents["bad"] = b'{"kind": "export", "instance_id": "i", "spec": 5}'
    office.mailbox.send('{"session": "s1", "job": "bad"}')
    office.start()
    office.wait_for(lambda: office.mailbox.events and not office.mailbox.messages)
    error = office.mailbox.results["bad"].error
    assert error is not None
    assert (error.code, error.permanent) == ("invalid-input", True)


@pytest.mark.parametrize("document", [b"", b"[]", b'{"kind": "dance", "instance_id": "i"}', b"\xff"])
def test_a_document_that_says_nothing_is_given_up_without_a_result(office: Office, document: bytes) -> None:
    office.mailbox.documents["bad"] = document
    office.mailbox.send('{"session": "s1", "job": "bad"}')
    office.start()
    office.wait_for(lambda: not office.mailbox.messages)
    assert office.mailbox.results == {}


def test_a_spec_that_is_not_the_kinds_ends_the_job_for_good(office: Office) -> None:
    result = office.run(office.job("preflight", {"connection": 5}))
    assert result.error is not None
    assert (result.error.code, result.error.permanent) == ("invalid-input", True)
    assert "connection" in result.error.detail


def test_a_job_that_the_app_gave_up_is_stopped_and_its_verdict_stands(
    office: Office, sqlpackage: StandIn, tmp_path: Path
) -> None:
    sqlpackage.does({"wait_for": str(tmp_path / "never")})
    office.start()
    job = office.export_job()
    office.mailbox.submit(job)
    office.wait_for(lambda: sqlpackage.runs)
    office.mailbox.results[job.id] = JobResult(
        job=job.id, kind="export", state="lost", ended_at=job.submitted_at, error=WorkerLost("silent").info()
    )
    assert office.result_of(job).state == "lost"
    assert office.mailbox.events[-1].state == "lost"
    assert not office.folder().exists(), "nobody will store what a lost attempt exported"


def test_a_worker_told_to_stop_gives_its_job_back(office: Office, sqlpackage: StandIn, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    sqlpackage.does({"wait_for": str(gate)}, {"exit": 1})
    office.start()
    job = office.export_job()
    name = office.mailbox.submit(job)
    office.wait_for(lambda: sqlpackage.runs)
    began = time.monotonic()
    office.stop()
    assert time.monotonic() - began < 15
    assert office.mailbox.results == {}
    assert office.mailbox.events == []
    assert office.mailbox.messages[name]["visible"] <= time.monotonic(), "the next worker need not wait for it"
    gate.touch()
    office.start()
    assert office.result_of(job).state == "failed"
    assert len(sqlpackage.runs) == 2


@pytest.mark.parametrize("method", ["publish", "announce", "remove"])
def test_the_end_of_a_job_gets_through_once_storage_answers_again(
    office: Office, probe: Callable[..., None], probes: Callable[[], int], method: str
) -> None:
    left = [3]

    def faulty(called: str) -> None:
        if called == method and left[0]:
            left[0] -= 1
            raise ConnectionError("storage is away")

    office.mailbox.fault = faulty
    job = preflight(office)
    assert office.run(job).state == "succeeded"
    assert left == [0]
    assert probes() == 1, "hours of work are not done again for an answer that did not get through"


@pytest.mark.parametrize("method", ["read_job", "result"])
def test_a_job_whose_document_cannot_be_read_now_comes_again(
    office: Office, probe: Callable[..., None], method: str
) -> None:
    left = [2]

    def faulty(called: str) -> None:
        if called == method and left[0]:
            left[0] -= 1
            raise ConnectionError("storage is away")

    office.mailbox.fault = faulty
    office.start(hidden_for=SHORT)
    job = preflight(office)
    office.mailbox.submit(job)
    assert office.result_of(job).state == "succeeded"


def test_a_worker_outlasts_a_queue_that_is_away(
    office: Office, probe: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    left = [4]

    def faulty(called: str) -> None:
        if called in ("receive", "check_in") and left[0]:
            left[0] -= 1
            raise ConnectionError("the queue is away")

    office.mailbox.fault = faulty
    assert office.run(preflight(office)).state == "succeeded"


def test_heartbeats_that_fail_do_not_fail_the_job(office: Office, probe: Callable[..., None]) -> None:
    def faulty(called: str) -> None:
        if called in ("heartbeat", "cancel_asked") and threading.current_thread().name.startswith("keep-"):
            raise ConnectionError("storage is away")

    office.mailbox.fault = faulty
    probe(seconds=0.3)
    assert office.run(preflight(office)).state == "succeeded"


def test_what_nobody_foresaw_ends_the_job_with_a_short_text_without_secrets(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    def explode(_assignment: object) -> dict[str, Any]:
        raise RuntimeError("it broke with Password=hunter2;\nTraceback, and so on" + "x" * 5000)

    monkeypatch.setattr(runner_module, "work_of", lambda _kind: explode)
    result = office.run(preflight(office))
    assert result.error is not None
    assert (result.error.code, result.error.permanent) == ("internal", False)
    assert "RuntimeError: it broke" in result.error.detail
    assert "hunter2" not in result.model_dump_json()
    assert len(result.error.detail) < 400


def test_a_disk_that_is_full_is_told_whoever_meets_it(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    def explode(_assignment: object) -> dict[str, Any]:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(runner_module, "work_of", lambda _kind: explode)
    error = office.run(preflight(office)).error
    assert error is not None
    assert error.code == "disk-full"


def test_a_workspace_that_cannot_be_removed_does_not_hold_up_the_end(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    def explode(*_: object) -> None:
        raise PermissionError("read-only")

    monkeypatch.setattr(runner_module, "work_of", lambda _kind: lambda _assignment: {})
    monkeypatch.setattr(runner_module, "tidy_of", lambda _kind: explode)
    assert office.run(preflight(office)).state == "succeeded"


def test_the_sign_of_work_grows_old_while_there_is_none(office: Office, probe: Callable[..., None]) -> None:
    """The machine's own deadline looks at its age."""
    probe(seconds=0.3)
    office.start()
    alive = office.root / "alive"
    office.wait_for(lambda: office.mailbox.check_ins)
    idle = alive.stat().st_mtime_ns
    seen = len(office.mailbox.check_ins)
    office.wait_for(lambda: len(office.mailbox.check_ins) > seen + 3)
    assert alive.stat().st_mtime_ns == idle
    office.run(preflight(office))
    assert alive.stat().st_mtime_ns > idle


def test_a_message_of_somebody_else_is_not_removed(office: Office) -> None:
    """The receipt that a job holds is void once the queue has delivered the message again."""
    name = office.mailbox.send("{}")
    first = office.mailbox.receive(timedelta(0))
    assert first is not None
    office.mailbox.receive(timedelta(seconds=5))
    office.mailbox.remove(Delivery(first.id, first.text, first.receipt))
    assert name in office.mailbox.messages
