"""The worker's process is killed in the middle of a job: the job runs again, and its result appears once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from multiprocessing.connection import Connection, Listener
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from holdfast.worker.child_process import kill_recorded

if TYPE_CHECKING:
    from tests.worker.conftest import Office, StandIn

SCRIPT = Path(__file__).with_name("killed_worker.py")


class Processes:
    """Workers as processes of their own, on the test's mailbox."""

    def __init__(self, office: Office, address: tuple[str, int], key: str) -> None:
        self.office, self.address, self.key = office, address, key
        self.started: list[subprocess.Popen[bytes]] = []

    def start(self) -> subprocess.Popen[bytes]:
        given = {
            "address": self.address,
            "key": self.key,
            "settings": self.office.settings.model_dump(mode="json"),
        }
        process = subprocess.Popen(
            [sys.executable, str(SCRIPT), json.dumps(given)], cwd=Path(__file__).parents[2], start_new_session=True
        )
        self.started.append(process)
        return process


def _accept(listener: Listener, mailbox: Any) -> None:
    while True:
        try:
            line = listener.accept()
        except (EOFError, ConnectionError):
            continue  # a worker that was killed while it said who it is
        except OSError:
            return
        threading.Thread(target=_answer, args=(line, mailbox), daemon=True).start()


def _answer(line: Connection, mailbox: Any) -> None:
    """Calls of one thread of a worker, until it is gone."""
    with line:
        while True:
            try:
                name, arguments = line.recv()
                try:
                    answer, raised = getattr(mailbox, name)(*arguments), None
                except Exception as error:  # noqa: BLE001 (the worker's to handle)
                    answer, raised = None, error
                line.send((answer, raised, arguments))
            except (EOFError, OSError):
                return


@pytest.fixture
def processes(office: Office) -> Iterator[Processes]:
    listener = Listener(("127.0.0.1", 0), authkey=b"test")
    threading.Thread(target=_accept, args=(listener, office.mailbox), daemon=True).start()
    made = Processes(office, listener.address, "test")
    yield made
    for process in made.started:
        if process.poll() is None:
            process.kill()
        process.wait()
    for folder in (office.root / "exports").glob("*"):
        kill_recorded(folder)
    listener.close()


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_job_runs_again_after_kill_9_and_ends_once(
    office: Office, processes: Processes, sqlpackage: StandIn, package: Path, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    sqlpackage.does({"write": 100}, {"wait_for": str(gate)}, {"copy": str(package)})
    job = office.export_job()
    name = office.mailbox.submit(job)
    first = processes.start()
    office.wait_for(lambda: sqlpackage.runs and (office.folder() / "process.json").exists())
    orphan = sqlpackage.runs[0]["pid"]
    first.kill()
    first.wait()
    assert alive(orphan), "without systemd nobody ends SqlPackage with its worker"
    assert (office.mailbox.results, office.mailbox.events) == ({}, [])
    processes.start()
    office.wait_for(lambda: len(sqlpackage.runs) == 2)
    assert not alive(orphan), "two exports must not write into one folder"
    gate.touch()
    result = office.result_of(job)
    assert result.state == "succeeded"
    assert result.output["bytes"] == package.stat().st_size
    assert len(office.mailbox.events) == 1
    assert name not in office.mailbox.messages


@pytest.mark.parametrize("moment", ["publish", "announce", "remove"])
def test_a_kill_between_result_and_removal_does_not_do_the_job_again(
    office: Office, processes: Processes, sqlpackage: StandIn, package: Path, moment: str
) -> None:
    """Killed just before the call reaches storage: before `publish` the job runs again, after it only the rest does."""
    sqlpackage.does({"copy": str(package)})
    killed: list[int] = []

    def kill_then(method: str) -> None:
        if method == moment and not killed:
            killed.append(1)
            processes.started[0].kill()
            processes.started[0].wait()
            raise ConnectionError("the worker is gone")

    office.mailbox.fault = kill_then
    job = office.export_job()
    office.mailbox.submit(job)
    processes.start()
    office.wait_for(lambda: killed)
    processes.start()
    assert office.result_of(job).state == "succeeded"
    assert len(sqlpackage.runs) == (2 if moment == "publish" else 1)
    assert len(office.mailbox.events) == (2 if moment == "remove" else 1)


def test_sigterm_ends_the_process_in_order(
    office: Office, processes: Processes, sqlpackage: StandIn, tmp_path: Path
) -> None:
    sqlpackage.does({"wait_for": str(tmp_path / "never")})
    name = office.mailbox.submit(office.export_job())
    process = processes.start()
    pid = office.wait_for(lambda: sqlpackage.runs)[0]["pid"]
    os.kill(process.pid, signal.SIGTERM)
    assert process.wait(timeout=30) == 0
    assert not alive(pid)
    assert name in office.mailbox.messages
    assert office.mailbox.results == {}
